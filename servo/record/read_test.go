package record_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/record"
)

const whole = `{"v":1,"seq":1,"time":"2026-03-04T12:30:15.067Z","kind":"decision"}`

// line is a whole line with more members.
func line(members string) string { return strings.TrimSuffix(whole, "}") + "," + members + "}" }

func TestRead(t *testing.T) {
	entry := record.Entry{Seq: 1, Time: noon, Kind: record.Decision}
	with := func(change func(*record.Entry)) record.Entry {
		e := entry
		change(&e)
		return e
	}
	tests := []struct {
		name, data string
		want       []record.Entry
		errs       []string // without "reading the record: "
	}{
		{"nothing", "", nil, nil},
		{"empty lines", "\n\r\n \n" + whole + "\n\n", []record.Entry{entry}, nil},
		{"no newline at the end", whole + "\n" + whole, []record.Entry{entry, entry}, nil},
		{"windows", whole + "\r\n" + whole + "\r\n", []record.Entry{entry, entry}, nil},
		{"torn at the end", whole + "\n" + whole[:30], []record.Entry{entry}, nil},
		{"torn in a text", whole + "\n" + `{"v":1,"seq":2,"why":"a {\"v\":1,`, []record.Entry{entry}, nil},
		{"torn, and another run behind it", whole[:30] + whole + "\n" + whole + "\n", []record.Entry{entry, entry}, []string{`line 1: not a JSON object: invalid character 'v' after object key:value pair`}},
		{"torn twice, and another run", whole[:6] + whole[:30] + whole, []record.Entry{entry}, []string{`line 1: not a JSON object: invalid character '{' after object key:value pair`}},
		{
			"torn in a nested record, and another run", `{"v":1,"in":{"v":1,"seq":3},"why":"` + line(`"in":{"v":1}`) + "\n",
			[]record.Entry{with(func(e *record.Entry) { e.In = raw(`{"v":1}`) })}, []string{`line 1: not a JSON object: invalid character 'v' after object key:value pair`},
		},
		{"a record within is none", line(`"in":`+whole+`,`) + "\n", nil, []string{`line 1: not a JSON object: invalid character '}' looking for beginning of object key string`}},
		{"torn behind a record within", line(`"in":` + whole + `,`), nil, nil},
		{"not torn, but wrong", `{"v":1,"seq":1}`, nil, []string{`line 1: no "time"; no "kind"`}},
		{"not torn, but something else", "hello", nil, []string{`line 1: not a JSON object: invalid character 'h' looking for beginning of value`}},
		{"newer", line(`"span":{"a":1},"Why":"x"`), []record.Entry{with(func(e *record.Entry) {
			e.Extra = map[string]json.RawMessage{"span": raw(`{"a":1}`), "Why": raw(`"x"`)}
		})}, nil},
		{"newer kind", strings.Replace(whole, "decision", "verdict", 1), []record.Entry{with(func(e *record.Entry) { e.Kind = "verdict" })}, nil},
		{"other version", strings.Replace(whole, `"v":1`, `"v":2`, 1) + "\n" + whole, []record.Entry{entry}, []string{`line 1: "v" is 2: want 1, the version that this reader knows`}},
		{"no version", `{"level":"INFO"}` + "\n", nil, []string{`line 1: no "v", so it is no line of a record`}},
		{"not JSON", "hello\n" + whole, []record.Entry{entry}, []string{`line 1: not a JSON object: invalid character 'h' looking for beginning of value`}},
		{"no object", "[1]\n" + whole, []record.Entry{entry}, []string{`line 1: not a JSON object: json: cannot unmarshal array into Go value of type map[string]json.RawMessage`}},
		{"null", "null\n", nil, []string{`line 1: no "v", so it is no line of a record`}},
		{"missing members", "\n{\"v\":1}\n", nil, []string{`line 2: no "seq"; no "time"; no "kind"`}},
		{
			"all problems at once",
			`{"v":1,"seq":-1,"time":"noon","kind":3,"took":"1s","wait":1e300,"try":1.5,"status":"ok","why":null,"servo":["` + strings.Repeat("é", 40) + `"]}` + "\n", nil,
			[]string{`line 1: "kind" is 3: want a text; "seq" is -1: want a whole number, 0 or more; ` +
				`"servo" is ["` + strings.Repeat("é", 19) + `…: want a text; "status" is "ok": want a whole number; "time" is "noon": want a time in RFC 3339; ` +
				`"took" is "1s": want a number of seconds, at most 292 years; "try" is 1.5: want a whole number; ` +
				`"wait" is 1e300: want a number of seconds, at most 292 years; "why" is null: want a text`},
		},
		{"an exponent", line(`"took":1.5e-3,"wait":2E2`), []record.Entry{with(func(e *record.Entry) {
			e.Took, e.Wait = 1500*time.Microsecond, 200*time.Second
		})}, nil},
		{"the last of two", line(`"why":"a","why":"b"`), []record.Entry{with(func(e *record.Entry) { e.Why = "b" })}, nil},
		{"as long as can be", line(`"why":"` + strings.Repeat("x", 4<<20-100) + `"`), []record.Entry{with(func(e *record.Entry) { e.Why = strings.Repeat("x", 4<<20-100) })}, nil},
		{"too long", strings.Repeat("x", 5<<20) + "\n" + whole, []record.Entry{entry}, []string{`line 1: longer than 4195328 bytes, which no record is`}},
		{"too long, at the end", whole + "\n" + strings.Repeat("x", 5<<20), []record.Entry{entry}, []string{`line 2: longer than 4195328 bytes, which no record is`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []record.Entry
			var errs []string
			for e, err := range record.Read(iotest.HalfReader(strings.NewReader(tt.data))) {
				if err != nil {
					assert.Equal(t, record.Entry{}, e)
					errs = append(errs, strings.TrimPrefix(err.Error(), "reading the record: "))
					continue
				}
				got = append(got, e)
			}
			assert.True(t, assert.ObjectsAreEqual(tt.want, got), "%.1000v", got) // without a difference of megabytes
			assert.Equal(t, tt.errs, errs)
		})
	}
	t.Run("stops when asked to", func(t *testing.T) {
		data := "x\n" + whole[:9] + whole + "\n" + whole + "\n"
		for most := 1; most <= 4; most++ {
			n := 0
			for range record.Read(strings.NewReader(data)) {
				if n++; n == most {
					break
				}
			}
			assert.Equal(t, most, n)
		}
	})
	t.Run("a reader that fails", func(t *testing.T) {
		broken := errors.New("broken")
		n := 0
		for e, err := range record.Read(io.MultiReader(strings.NewReader(whole+"\n"+whole[:9]), iotest.ErrReader(broken))) {
			if n++; n == 1 {
				require.NoError(t, err)
				assert.Equal(t, entry, e)
				continue
			}
			require.ErrorIs(t, err, broken)
			require.EqualError(t, err, "reading the record: line 2: broken")
		}
		assert.Equal(t, 2, n)
	})
}

// What was read and is written again reads as the same, whatever it was.
func FuzzRead(f *testing.F) {
	for _, e := range life {
		e.Time = noon
		f.Add(written(record.Options{Servo: "web"}, e))
	}
	for _, seed := range []string{
		"", "\n\n", whole, whole[:30] + whole, whole + "\n" + whole[:40], line(`"in":{"v":1,"seq":1},"more":[1e400]`),
		line(`"took":1e-9,"wait":-9223372036.854775808,"try":-1,"out":"\ud800"`), `{"v":2}`, "null\n[]\n{}", "{\"v\":1,\"v\":1,\"kind\":\"\"}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := bytes.Count(data, []byte("\n")) + 1
		n := 0
		for e, err := range record.Read(bytes.NewReader(data)) {
			if n++; n > 2*lines {
				t.Fatal("more than there is")
			}
			if err != nil {
				require.Regexp(t, `^reading the record: line \d+: `, err.Error())
				continue
			}
			again := written(record.Options{}, e)
			require.True(t, json.Valid(again), "%s", again)
			require.Equal(t, 1, bytes.Count(again, []byte("\n")))
			first := read(t, again)
			require.Len(t, first, 1)
			second := written(record.Options{}, first...)
			require.Equal(t, string(again), string(second))
			require.Equal(t, e.Took, first[0].Took)
			require.True(t, e.Seq == 0 || e.Seq == first[0].Seq)
		}
	})
}
