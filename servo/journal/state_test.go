package journal_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/types"
)

func TestAdjustmentThroughTheStates(t *testing.T) {
	open := intent("u1", list("cpu", 1, "mem", 2), list("cpu", 3, "mem", 4))
	s := reduce(t, journal.State{}, open)
	assert.Equal(t, journal.State{Open: &open, Baseline: list("cpu", 1, "mem", 2)}, s)
	s = reduce(t, s, entry(journal.Applied, "u1", nil), entry(journal.Applied, "u1", nil))
	assert.Equal(t, journal.State{Open: &open, Applied: true, Baseline: list("cpu", 1, "mem", 2)}, s)

	assert.Equal(t, journal.State{Committed: list("cpu", 3, "mem", 4), Baseline: list("cpu", 1, "mem", 2)},
		reduce(t, s, entry(journal.Commit, "u1", list("cpu", 3, "mem", 4))))
	assert.Equal(t, journal.State{Committed: list("cpu", 1, "mem", 2), Baseline: list("cpu", 1, "mem", 2)},
		reduce(t, s, entry(journal.Rollback, "", list("cpu", 1, "mem", 2))), "whoever rolls back may not know the command")
}

func TestCommittedAndBaseline(t *testing.T) {
	s := reduce(t, journal.State{},
		intent("u1", list("cpu", 1), list("cpu", 2)), entry(journal.Commit, "u1", list("cpu", 2)),
		intent("u2", list("mem", 1, "cpu", 2), list("cpu", 3)), entry(journal.Commit, "u2", list("cpu", 3)),
		intent("u3", list("cpu", 3), list("cpu", 9)), entry(journal.Rollback, "u3", list("cpu", 3, "mem", 1)))
	assert.Equal(t, journal.State{Committed: list("cpu", 3, "mem", 1), Baseline: list("cpu", 1, "mem", 1)}, s)
}

// After a rollback that failed another adjustment may begin: the last known good
// values are still those before the first.
func TestIntentOverAnOpenOne(t *testing.T) {
	s := reduce(t, journal.State{},
		intent("u1", list("cpu", 1, "mem", 1), list("cpu", 2, "mem", 2)), entry(journal.Applied, "u1", nil),
		intent("u2", list("cpu", 7, "disk", 5), list("cpu", 3, "disk", 6)))
	require.NotNil(t, s.Open)
	assert.Equal(t, "u2", s.Open.UID)
	assert.False(t, s.Applied)
	assert.ElementsMatch(t, list("cpu", 1, "mem", 1, "disk", 5), s.Open.Previous)
	assert.ElementsMatch(t, list("cpu", 3, "mem", 2, "disk", 6), s.Open.Adjustments)
	assert.Equal(t, list("cpu", 1, "mem", 1, "disk", 5), s.Baseline)

	s = reduce(t, s, entry(journal.Rollback, "u2", s.Open.Previous))
	assert.Nil(t, s.Open)
	assert.ElementsMatch(t, list("cpu", 1, "mem", 1, "disk", 5), s.Committed)
}

func TestPending(t *testing.T) {
	ack := func(uid string, verb optimizer.Verb) journal.Entry {
		return journal.Entry{Kind: journal.Ack, UID: uid, Verb: verb}
	}
	s := reduce(t, journal.State{}, result("u1"))
	require.NotNil(t, s.Pending)
	assert.Equal(t, optimizer.Measure, s.Pending.Verb)
	assert.Equal(t, "u1", s.Pending.UID)

	assert.Equal(t, s, reduce(t, s, ack("u2", optimizer.Measure), ack("", ""), ack("u1", optimizer.Adjust)), "of others")
	assert.Zero(t, reduce(t, s, ack("u1", optimizer.Measure)))
	assert.Zero(t, reduce(t, s, ack("u1", "")))
	assert.Zero(t, reduce(t, journal.State{}, ack("u1", "")), "nothing is pending")
	assert.Zero(t, reduce(t, reduce(t, s, result("")), ack("", optimizer.Measure)), "commands without a UID, and a newer result")
}

func TestEntriesThatMakeNoSense(t *testing.T) {
	opened := reduce(t, journal.State{}, intent("u1", list("cpu", 1), list("cpu", 2)))
	unset := types.Adjustments{{Component: "web", Setting: "cpu"}, {Component: "db", Setting: "mem"}}
	other := result("u1")
	other.UID = "u2"
	for _, tt := range []struct {
		name  string
		state journal.State
		entry journal.Entry
		want  string
	}{
		{"applied without intent", journal.State{}, entry(journal.Applied, "u1", nil), "applied entry: no intent is open"},
		{"commit without intent", journal.State{}, entry(journal.Commit, "u1", nil), "commit entry: no intent is open"},
		{"rollback without intent", journal.State{}, entry(journal.Rollback, "u1", nil), "rollback entry: no intent is open"},
		{"applied of another", opened, entry(journal.Applied, "u2", nil), "applied entry: the open intent is of another command"},
		{"commit of another", opened, entry(journal.Commit, "", nil), "commit entry: the open intent is of another command"},
		{"no kind", opened, journal.Entry{}, "unknown entry: kind: accepted are intent, applied, commit, rollback, result and ack"},
		{"result without answer", opened, journal.Entry{Kind: journal.Result}, "result entry: answer: required"},
		{"answer to another", opened, other, "result entry: answer: it is of another command than the entry"},
		{"no values", opened, intent("u2", unset, unset[:1]), "intent entry: adjustments.web.cpu: a value is required\nprevious.web.cpu: a value is required\nprevious.db.mem: a value is required"},
		{"not text", opened, intent("\xff", types.Adjustments{set("\xff", "a", types.Int(1)), set("a", "b", types.Text("\xff"))}, nil),
			"intent entry: cmd_uid: not valid UTF-8\nprevious: the name of a setting is not valid UTF-8\nprevious.a.b: the value is not valid UTF-8"},
		{"fields of other kinds", opened, journal.Entry{Kind: journal.Ack, Adjustments: list("cpu", 1), Previous: list("cpu", 1), Answer: &optimizer.Result{}},
			"ack entry: adjustments: not part of this kind\nprevious: not part of this kind\nanswer: not part of this kind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, err := json.Marshal(tt.state)
			require.NoError(t, err)
			s, err := tt.state.After(tt.entry)
			assert.EqualError(t, err, tt.want)
			assert.Zero(t, s)
			after, err := json.Marshal(tt.state)
			require.NoError(t, err)
			assert.Equal(t, string(before), string(after))
		})
	}
}

// scribble changes whatever can be reached from an entry.
func scribble(e *journal.Entry) {
	for _, as := range []types.Adjustments{e.Adjustments, e.Previous} {
		for i := range as {
			as[i].Component = "scribbled"
		}
	}
	if e.Answer == nil {
		return
	}
	for i := range e.Answer.Others {
		e.Answer.Others[i] = "scribbled"
	}
	for k := range e.Answer.Measurement.Annotations {
		e.Answer.Measurement.Annotations[k] = "scribbled"
	}
	for i, r := range e.Answer.Measurement.Readings {
		switch r := r.(type) {
		case types.TimeSeries:
			r.Points[0] = types.DataPoint{}
			for k := range r.Metadata {
				r.Metadata[k] = "scribbled"
			}
		case *types.TimeSeries:
			if r != nil {
				r.Points[0] = types.DataPoint{}
			}
		case *types.DataPoint:
			if r != nil {
				r.Metric.Name = "scribbled"
			}
		}
		e.Answer.Measurement.Readings[i] = nil
	}
	for i, c := range e.Answer.Description.Components {
		c.Settings[0].Values[0] = types.Text("scribbled")
		c.Settings[0].Name = "scribbled"
		e.Answer.Description.Components[i].Name = "scribbled"
	}
	for i := range e.Answer.Description.Metrics {
		e.Answer.Description.Metrics[i].Name = "scribbled"
	}
}

func TestStatesShareNoMemory(t *testing.T) {
	answer := func() journal.Entry {
		metric := types.Metric{Name: "latency"}
		point := types.DataPoint{Metric: metric, Sample: types.Observe(1)}
		series, other := types.NewTimeSeries(metric, point), types.NewTimeSeries(metric, point)
		series.Metadata = map[string]string{"pod": "web-1"}
		return journal.Entry{Kind: journal.Result, Answer: &optimizer.Result{
			Verb: optimizer.Measure, UID: "u1", Others: []string{"more"},
			Description: types.Description{
				Components: []types.Component{{Name: "web", Settings: []types.Setting{types.Enum("type", types.Text("a"))}}},
				Metrics:    []types.Metric{metric},
			},
			Measurement: types.Measurement{
				Annotations: map[string]string{"load": "x"},
				Readings:    []types.Reading{series, &other, point, &point, (*types.DataPoint)(nil), (*types.TimeSeries)(nil), nil},
			},
		}}
	}
	e, i := answer(), intent("u1", list("cpu", 1), list("cpu", 2))
	first := reduce(t, journal.State{}, i, e)
	want := reduce(t, journal.State{}, intent("u1", list("cpu", 1), list("cpu", 2)), answer())
	scribble(&e)
	scribble(&i)
	assert.Equal(t, want, first, "with the entry")

	second := reduce(t, first, journal.Entry{Kind: journal.Ack, UID: "another"})
	assert.Equal(t, want, second)
	scribble(second.Pending)
	scribble(second.Open)
	second.Baseline[0].Component = "scribbled"
	assert.Equal(t, want, first, "with the state before")
}

func TestStateSharesNoMemoryWithTheFile(t *testing.T) {
	f, _ := open(t, journal.Options{Path: t.TempDir() + "/journal"})
	write(t, f, intent("u1", list("cpu", 1), list("cpu", 2)))
	state, err := f.Load(t.Context())
	require.NoError(t, err)
	scribble(state.Open)
	state, err = f.Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, list("cpu", 1), state.Open.Previous)
}

// Every state that entries lead to is the same after it was written and read.
func TestStatesRoundTrip(t *testing.T) {
	for seed := range uint64(50) {
		h := newHistory(t, seed, 20)
		for i, s := range h.states {
			data, err := json.Marshal(s)
			require.NoError(t, err)
			var back journal.State
			require.NoError(t, json.Unmarshal(data, &back))
			require.Equal(t, s, back, "seed %d, entry %d", seed, i)
		}
	}
}

func TestEntriesRoundTrip(t *testing.T) {
	for _, e := range story() {
		data, err := json.Marshal(e)
		require.NoError(t, err)
		var back journal.Entry
		require.NoError(t, json.Unmarshal(data, &back))
		again, err := json.Marshal(back)
		require.NoError(t, err)
		assert.Equal(t, string(data), string(again), e.String())
	}
}

// The clock of another place is the same time.
func TestTimesAreUTC(t *testing.T) {
	e := result("u1")
	e.Time = noon.In(time.FixedZone("far away", 5*3600))
	data, err := json.Marshal(e)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"time":"2026-11-28T12:00:00Z"`)
	assert.Equal(t, reduce(t, journal.State{}, result("u1")), reduce(t, journal.State{}, e))
	e.Time = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err = json.Marshal(e)
	assert.ErrorContains(t, err, "year outside of range")
}

func TestUnreadableJSON(t *testing.T) {
	const open = `{"v":1,"kind":"intent","time":"2026-11-28T12:00:00Z"}`
	for _, tt := range []struct{ name, state, want string }{
		{"no object", `[]`, "journal state: no object with a version (v)"},
		{"no version", `{}`, "journal state: no object with a version (v)"},
		{"another version", `{"v":2}`, "journal state: unknown version: 1 is supported"},
		{"wrong type", `{"v":1,"applied":"yes"}`, "journal state: a field has the wrong type"},
		{"applied without intent", `{"v":1,"applied":true}`, "journal state: applied: no intent is open"},
		{"no adjustments", `{"v":1,"committed":{},"baseline":5}`, "journal state: committed: cannot be read\nbaseline: cannot be read"},
		{"open is no intent", `{"v":1,"open":{"v":1,"kind":"ack","time":"2026-11-28T12:00:00Z"},"pending":` + open + `}`,
			"journal state: open: its kind must be intent\npending: its kind must be result"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := reduce(t, journal.State{}, result("u1"))
			s := before
			assert.EqualError(t, json.Unmarshal([]byte(tt.state), &s), tt.want)
			assert.Equal(t, before, s, "an error leaves it alone")
		})
	}
	for _, tt := range []struct{ name, entry, want string }{
		{"no time", `{"v":1,"kind":"ack","time":5}`, "journal entry: a field has the wrong type"},
		{"everything", `{"v":1,"kind":"result","adjustments":{},"previous":[],"answer":{"description":5,"measurement":{"metrics":5}}}`,
			"journal entry: adjustments: cannot be read\nprevious: cannot be read\nanswer.description: cannot be read\nanswer.measurement: cannot be read"},
		{"an answer of another shape", `{"v":1,"kind":"result","answer":5}`, "journal entry: answer: cannot be read"},
		{"no answer", `{"v":1,"kind":"result","answer":null}`, "journal entry: result entry: answer: required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := result("u1")
			assert.EqualError(t, json.Unmarshal([]byte(tt.entry), &e), tt.want)
			assert.Equal(t, result("u1"), e, "an error leaves it alone")
		})
	}
	bad := journal.State{Applied: true, Open: &journal.Entry{Kind: journal.Ack}, Committed: types.Adjustments{{Component: "web", Setting: "cpu"}}}
	_, err := json.Marshal(bad)
	assert.ErrorContains(t, err, "open: its kind must be intent\ncommitted: ")
}

func TestLogsHaveNoValues(t *testing.T) {
	as := types.Adjustments{set("web", "PASSWORD", types.Text("hunter2"))}
	s := reduce(t, journal.State{}, intent("u1", as, as), entry(journal.Commit, "u1", as), intent("u2", as, as), result("u3"))
	assert.Equal(t, "open: intent of ADJUST u2, pending: result of MEASURE u3, committed settings: 1", s.String())
	assert.Equal(t, "open: nothing, pending: nothing, committed settings: 0", journal.State{}.String())
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("loaded", "state", s, "open", s.Open)
	}
	assert.Contains(t, log.String(), "intent of ADJUST u2")
	assert.NotContains(t, log.String(), "hunter2")
}

func TestEntryString(t *testing.T) {
	assert.Equal(t, "intent of ADJUST u1", intent("u1", list("cpu", 1), list("cpu", 2)).String())
	assert.Equal(t, "ack", journal.Entry{Kind: journal.Ack}.String())
	assert.Equal(t, "unknown", journal.Entry{Kind: "\x00"}.String())
}

// Many settings, whatever their names, stay apart and keep their values.
func TestAnyNamesAndValues(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	texts := []string{"", ".", "a", "a.b", "b", `"`, "<é>", "\n", "\x00", strings.Repeat("x", 300)}
	text := func() string { return texts[random.IntN(len(texts))] }
	for range 200 {
		var as types.Adjustments
		for range random.IntN(20) {
			values := []types.Value{types.Text(text()), types.Int(random.Int64() - random.Int64()), types.Float(random.NormFloat64() * 1e20), types.Float(2), types.Float(math.Copysign(0, -1))}
			as = append(as, set(text(), text(), values[random.IntN(len(values))]))
		}
		s := reduce(t, journal.State{}, intent(text(), as, as))
		data, err := json.Marshal(s)
		require.NoError(t, err)
		var back journal.State
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, s, back)
	}
}
