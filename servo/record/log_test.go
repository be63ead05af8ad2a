package record_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/event"
	"github.com/servokit/servokit/servo/record"
)

func TestAddFillsInWhatIsMissing(t *testing.T) {
	ctx := event.WithCommand(event.WithServo(t.Context(), "of the context"), "m-1")
	tests := []struct {
		name string
		ctx  context.Context
		give record.Entry
		want record.Entry
	}{
		{"everything from the options", nil, record.Entry{}, record.Entry{Servo: "of the options", Kind: record.Decision}},
		{"from the context", ctx, record.Entry{Kind: record.Send}, record.Entry{Servo: "of the context", UID: "m-1", Kind: record.Send}},
		{
			"nothing", ctx, record.Entry{Servo: "s", UID: "u", Run: "r", Kind: "new"},
			record.Entry{Servo: "s", UID: "u", Run: "r", Kind: "new"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				record.New(&out, record.Options{Servo: "of the options", Run: "r1"}).Add(tt.ctx, tt.give)
				if tt.want.Run == "" {
					tt.want.Run = "r1"
				}
				tt.want.Seq, tt.want.Time = 1, time.Now().UTC()
				assert.Equal(t, []record.Entry{tt.want}, read(t, out.Bytes()))
			})
		})
	}
	t.Run("where it is added", func(t *testing.T) {
		var out bytes.Buffer
		l := record.New(&out, record.Options{})
		var bus event.Bus
		e := event.New[int, int]("measure")
		e.Before(bus.Scope("prometheus"), func(ctx context.Context, _ int) error {
			l.Add(ctx, record.Entry{Why: "here"})
			l.Add(ctx, record.Entry{Event: "other"})
			return nil
		})
		_, err := e.Dispatch(t.Context(), &bus, 1)
		require.NoError(t, err)
		got := read(t, out.Bytes())
		require.Len(t, got, 2)
		assert.Equal(t, []string{"measure", "before", "prometheus"}, []string{got[0].Event, got[0].Phase, got[0].Source})
		assert.Equal(t, []string{"other", "", ""}, []string{got[1].Event, got[1].Phase, got[1].Source})
	})
	t.Run("runs differ", func(t *testing.T) {
		runs := map[string]bool{}
		for range 20 {
			var out bytes.Buffer
			record.New(&out, record.Options{}).Add(t.Context(), record.Entry{})
			run := read(t, out.Bytes())[0].Run
			assert.Regexp(t, `^[a-z2-7]{12}$`, run)
			runs[run] = true
		}
		assert.Len(t, runs, 20)
	})
	t.Run("numbers go on from a given one", func(t *testing.T) {
		got := read(t, written(record.Options{}, record.Entry{Seq: 7}, record.Entry{}, record.Entry{Seq: 3}, record.Entry{}))
		var seqs []uint64
		for _, e := range got {
			seqs = append(seqs, e.Seq)
		}
		assert.Equal(t, []uint64{7, 8, 3, 9}, seqs)
	})
	t.Run("a time that no text can say", func(t *testing.T) {
		got := read(t, written(record.Options{}, record.Entry{Time: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}))
		assert.WithinDuration(t, time.Now(), got[0].Time, time.Hour)
	})
	t.Run("the longest head fits", func(t *testing.T) {
		at := time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", -14*3600))
		at = at.Add(-24 * time.Hour)
		got := read(t, written(record.Options{}, record.Entry{Seq: math.MaxUint64, Time: at}))
		assert.Equal(t, uint64(math.MaxUint64), got[0].Seq)
		assert.True(t, at.Equal(got[0].Time))
	})
}

type refuses struct{}

func (refuses) MarshalJSON() ([]byte, error) { return nil, errors.New("no, my password=hunter2") }

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("ouch") }

func TestValues(t *testing.T) {
	text := "a\n\"b\" <é>\x00\xff\u2028"
	tests := []struct {
		name string
		give any
		want any
	}{
		{"nothing", nil, nil},
		{"null", json.RawMessage("null"), raw("null")},
		{"nil pointer", (*int)(nil), raw("null")},
		{"number", 12.5, raw("12.5")},
		{"exact number", raw("12345678901234567890.10"), raw("12345678901234567890.10")},
		{"order", raw(`{"z":1,"a":2}`), raw(`{"z":1,"a":2}`)},
		{"blanks", raw("{ \"z\" :\n1}"), raw(`{"z":1}`)},
		{"text", text, raw(`"a\n\"b\" \u003c` + "é" + `\u003e\u0000\ufffd\u2028"`)},
		{"bytes of JSON", []byte(`{"z":[1, 2]}`), raw(`{"z":[1,2]}`)},
		{"bytes of a text", []byte("bad gateway"), raw(`"bad gateway"`)},
		{"error", fmt.Errorf("not %w", io.EOF), raw(`"not EOF"`)},
		{"empty raw", json.RawMessage{}, raw(`{"$record":"unencodable","error":"json: error calling MarshalJSON for type json.RawMessage: unexpected end of JSON input"}`)},
		{"channel", make(chan int), raw(`{"$record":"unencodable","error":"json: unsupported type: chan int"}`)},
		{"not a number", math.NaN(), raw(`{"$record":"unencodable","error":"json: unsupported value: NaN"}`)},
		{"what refuses", refuses{}, raw(`{"$record":"unencodable","error":"json: error calling MarshalJSON for type record_test.refuses: no, my password=**********"}`)},
		{"what panics", panics{}, raw(`{"$record":"unencodable","error":"panic: ouch"}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, e := range []record.Entry{{In: tt.give}, {Out: tt.give}} {
				line := written(record.Options{}, e)
				require.True(t, json.Valid(line), string(line))
				assert.Equal(t, 1, bytes.Count(line, []byte("\n")))
				got := read(t, line)
				require.Len(t, got, 1)
				value, other := got[0].In, got[0].Out
				if e.Out != nil {
					value, other = other, value
				}
				assert.Equal(t, tt.want, value)
				assert.Nil(t, other)
			}
		})
	}
	t.Run("texts", func(t *testing.T) {
		got := read(t, written(record.Options{}, record.Entry{Why: text, Error: text}))
		assert.Equal(t, "a\n\"b\" <é>\x00\ufffd\u2028", got[0].Why)
		assert.Equal(t, got[0].Why, got[0].Error)
	})
	t.Run("durations", func(t *testing.T) {
		for _, d := range []time.Duration{1, -1, 999, 31500 * time.Microsecond, time.Second, 100*24*time.Hour + 1, -90 * time.Minute, math.MinInt64, math.MaxInt64} {
			got := read(t, written(record.Options{}, record.Entry{Took: d, Wait: d}))
			assert.Equal(t, d, got[0].Took)
			assert.Equal(t, d, got[0].Wait)
		}
	})
	t.Run("members of newer versions", func(t *testing.T) {
		extra := map[string]json.RawMessage{"span": raw(`"s1"`), "why": raw(`"mine"`), "v": raw("2"), "broken": raw("{"), "token": raw(`"x"`)}
		got := read(t, written(record.Options{}, record.Entry{Why: "why", Extra: extra}))
		assert.Equal(t, "why", got[0].Why)
		assert.Equal(t, map[string]json.RawMessage{"span": raw(`"s1"`), "token": raw(`"**********"`)}, got[0].Extra)
	})
}

func TestLongLines(t *testing.T) {
	large := func(n int) any { return map[string]string{"a": strings.Repeat("é", n/2)} }
	note := func(n int) any {
		return raw(fmt.Sprintf(`{"$record":"truncated","begins":"{\"a\":\"%s","bytes":%d}`, strings.Repeat("é", 61), n))
	}
	const most = 4096
	tests := []struct {
		name string
		give record.Entry
		want record.Entry
	}{
		{"what fits", record.Entry{In: large(1500), Out: large(1500)}, record.Entry{In: raw(string(mustJSON(large(1500)))), Out: raw(string(mustJSON(large(1500))))}},
		{"in", record.Entry{In: large(5000), Out: 1}, record.Entry{In: note(5008), Out: raw("1")}},
		{"out", record.Entry{In: 1, Out: large(5000)}, record.Entry{In: raw("1"), Out: note(5008)}},
		{"the larger one", record.Entry{In: large(3000), Out: large(2000)}, record.Entry{In: note(3008), Out: raw(string(mustJSON(large(2000))))}},
		{"the larger one, out", record.Entry{In: large(2000), Out: large(3000)}, record.Entry{In: raw(string(mustJSON(large(2000)))), Out: note(3008)}},
		{"both", record.Entry{In: large(5000), Out: large(6000)}, record.Entry{In: note(5008), Out: note(6008)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			line := written(record.Options{MaxLine: 1}, tt.give)
			assert.LessOrEqual(t, len(line), most)
			got := read(t, line)
			require.Len(t, got, 1)
			assert.JSONEq(t, string(mustJSON(tt.want.In)), string(mustJSON(got[0].In)))
			assert.JSONEq(t, string(mustJSON(tt.want.Out)), string(mustJSON(got[0].Out)))
		})
	}
	t.Run("texts", func(t *testing.T) {
		for _, long := range []string{strings.Repeat("x", 9000), strings.Repeat("é", 9000), strings.Repeat("\x00", 9000), strings.Repeat("\xff", 9000)} {
			e := record.Entry{
				Servo: long, Run: long, Kind: record.Kind(long), Verb: long, UID: long, Event: long, Phase: long, Source: long, Subject: long,
				From: long, To: long, Why: long, Error: long, In: large(9000), Out: large(9000), Took: math.MinInt64, Wait: math.MinInt64,
				Try: math.MinInt64, Status: math.MinInt64, Extra: map[string]json.RawMessage{"more": mustJSON(long)},
			}
			line := written(record.Options{MaxLine: 1}, e)
			assert.LessOrEqual(t, len(line), most)
			got := read(t, line)
			require.Len(t, got, 1)
			assert.Contains(t, got[0].Why, fmt.Sprintf("… (cut, %d bytes)", len(long)))
			assert.Contains(t, string(mustJSON(got[0].Out)), "truncated")
		}
	})
	t.Run("one long text leaves the others alone", func(t *testing.T) {
		got := read(t, written(record.Options{MaxLine: 1}, record.Entry{Verb: "MEASURE", Error: strings.Repeat("x", 9000), In: 1}))
		assert.Equal(t, "MEASURE", got[0].Verb)
		assert.Equal(t, raw("1"), got[0].In)
		assert.Contains(t, got[0].Error, "xx… (cut, 9000 bytes)")
	})
	t.Run("the default", func(t *testing.T) {
		line := written(record.Options{}, record.Entry{In: large(record.DefaultMaxLine)})
		assert.Less(t, len(line), 1000)
		line = written(record.Options{}, record.Entry{In: large(record.DefaultMaxLine - 1000)})
		assert.Greater(t, len(line), record.DefaultMaxLine-1000)
	})
}

func mustJSON(value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return data
}

func TestNilLog(t *testing.T) {
	l := record.New(nil, record.Options{Servo: "web"})
	assert.Nil(t, l)
	assert.False(t, l.Enabled())
	assert.Zero(t, l.Dropped())
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() { l.Add(ctx, small) }))
	assert.True(t, record.New(io.Discard, record.Options{}).Enabled())
}

func TestSmallEntriesAllocateNothing(t *testing.T) {
	l := record.New(io.Discard, record.Options{Servo: "web", Secrets: []string{"hunter2"}})
	ctx := event.WithCommand(event.WithServo(t.Context(), "web"), "m-1")
	assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { l.Add(ctx, small) }), 1.0)
}

// lines wants each line in one call, and never two calls at a time.
type lines struct {
	t    *testing.T
	busy sync.Mutex
	all  bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	if !l.busy.TryLock() {
		l.t.Error("two at a time")
	}
	defer l.busy.Unlock()
	assert.Equal(l.t, bytes.Count(line, []byte("\n")), 1)
	assert.True(l.t, bytes.HasSuffix(line, []byte("}\n")))
	return l.all.Write(line)
}

func TestConcurrentWriters(t *testing.T) {
	const writers, each = 8, 200
	out := &lines{t: t}
	l := record.New(out, record.Options{Run: "r1"})
	var wait sync.WaitGroup
	for i := range writers {
		wait.Go(func() {
			for j := range each {
				l.Add(t.Context(), record.Entry{Source: fmt.Sprint(i), Try: j + 1, In: strings.Repeat("x", j)})
			}
		})
	}
	wait.Wait()
	last := time.Time{}
	next := map[string]int{}
	for i, e := range read(t, out.all.Bytes()) {
		require.Equal(t, uint64(i+1), e.Seq)
		require.False(t, e.Time.Before(last), "times go up")
		last = e.Time
		next[e.Source]++
		require.Equal(t, next[e.Source], e.Try, "those of one goroutine are in order")
		require.Equal(t, raw(`"`+strings.Repeat("x", e.Try-1)+`"`), e.In)
	}
	assert.Len(t, next, writers)
	for _, n := range next {
		assert.Equal(t, each, n)
	}
}

// disk fails as its plan says: one letter for each write.
type disk struct {
	plan string
	bytes.Buffer
}

func (d *disk) Write(line []byte) (int, error) {
	step := byte('.')
	if d.plan != "" {
		step, d.plan = d.plan[0], d.plan[1:]
	}
	switch step {
	case 'f': // full
		return 0, errors.New("no space left on device")
	case 't': // torn
		n, _ := d.Buffer.Write(line[:len(line)/2])
		return n, errors.New("input/output error")
	case 's': // short, silently
		return d.Buffer.Write(line[:10])
	case 'p':
		panic("writer")
	}
	return d.Buffer.Write(line)
}

func TestFailingWriter(t *testing.T) {
	tests := []struct {
		plan    string
		told    []string
		dropped uint64
		seqs    []uint64
		torn    int
	}{
		{"..", nil, 0, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, 0},
		{"f", []string{"no space left on device"}, 1, []uint64{2, 3, 4, 5, 6, 7, 8}, 0},
		{".ffff", []string{"no space left on device"}, 4, []uint64{1, 6, 7, 8}, 0},
		{"f.fp.", []string{"no space left on device", "no space left on device"}, 3, []uint64{2, 5, 6, 7, 8}, 0},
		{".p", []string{"panic: writer"}, 1, []uint64{1, 3, 4, 5, 6, 7, 8}, 0},
		{".t", []string{"input/output error"}, 1, []uint64{1, 3, 4, 5, 6, 7, 8}, 1},
		{".tft.", []string{"input/output error"}, 3, []uint64{1, 5, 6, 7, 8}, 2},
		{"s.s", []string{"short write", "short write"}, 2, []uint64{2, 4, 5, 6, 7, 8}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.plan, func(t *testing.T) {
			var told []string
			out := &disk{plan: tt.plan}
			l := record.New(out, record.Options{OnError: func(err error) {
				told = append(told, strings.TrimPrefix(err.Error(), "writing the record: "))
			}})
			for range 8 {
				l.Add(t.Context(), record.Entry{})
			}
			assert.Equal(t, tt.told, told)
			assert.Equal(t, tt.dropped, l.Dropped())
			var seqs []uint64
			torn := 0
			for e, err := range record.Read(&out.Buffer) {
				if err != nil {
					assert.Regexp(t, regexp.MustCompile(`^reading the record: line \d+: not a JSON object: `), err.Error())
					torn++
					continue
				}
				seqs = append(seqs, e.Seq)
			}
			assert.Equal(t, tt.seqs, seqs)
			assert.Equal(t, tt.torn, torn)
		})
	}
	t.Run("nobody is told", func(t *testing.T) {
		l := record.New(&disk{plan: "f"}, record.Options{})
		l.Add(t.Context(), record.Entry{})
		assert.Equal(t, uint64(1), l.Dropped())
	})
}
