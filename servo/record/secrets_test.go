package record_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/record"
)

// canary has what gets escaped in JSON, in addresses and in Go.
const canary = `hunter2 "SECRET"/canary+<é>`

// traces are what no line may contain: pieces of the canary.
var traces = []string{"hunter2", "SECRET", "canary", base64.RawStdEncoding.EncodeToString([]byte(canary))[4:20]}

type request struct {
	URL    string
	Header http.Header
	Body   []byte
	Env    []map[string]string
	err    error
}

func (r request) Error() string { return "request: " + r.err.Error() }

// values in which a secret may be; what is known says by what it can be found.
var values = []struct {
	name   string
	give   any
	byText bool // there is no telling name: only Options.Secrets can find it
}{
	{"text", "a " + canary + " b", true},
	{"member", map[string]any{"a": []any{canary}}, true},
	{"name of a member", map[string]int{canary: 1}, true},
	{"bytes within", request{Body: []byte("x" + canary)}, true},
	{"basic authorization in a text", "sent " + base64.StdEncoding.EncodeToString([]byte("user:"+canary)), true},
	{"query of an address", "http://h/?q=" + url.QueryEscape(canary), true},
	{"path of an address", "http://h/" + url.PathEscape(canary), true},
	{"JSON in a text", `{"a":` + string(mustJSON(canary)) + `}`, true},
	{"JSON in JSON in a text", string(mustJSON(string(mustJSON(canary)))), true},
	{"quoted", fmt.Sprintf("%q", canary), true},
	{"raw", json.RawMessage(`{"a":` + string(mustJSON(canary)) + `}`), true},
	{"error", errors.New("no " + canary), true},
	{"error with members", request{err: errors.New(canary)}, true},

	{"by name", map[string]any{"a": map[string]any{"client_secret": canary}}, false},
	{"a list by name", map[string]any{"cookies": 1, "Cookie": []string{canary}}, false},
	{"by a name of the user's", map[string]any{"launchCode": canary}, false},
	{"header", http.Header{"Authorization": {"Basic " + canary}, "X-Sf-Token": {canary}}, false},
	{"a request", request{Header: http.Header{"Set-Cookie": {canary}}}, false},
	{"environment", request{Env: []map[string]string{{"name": "DB_PASSWORD", "value": canary}}}, false},
	{"password of an address", "dial http://user:" + url.QueryEscape(canary) + "@h/", false},
	{"header line", errors.New("malformed header: Authorization: Basic hunter2+canary/SECRET=="), false},
	{"body with a name", []byte(`{"token":` + string(mustJSON(canary)) + `}`), false},
}

func TestSecretsInValues(t *testing.T) {
	for _, tt := range values {
		t.Run(tt.name, func(t *testing.T) {
			o := record.Options{Names: []string{"launch code"}}
			if tt.byText {
				o.Secrets = []string{canary}
			}
			line := string(written(o, record.Entry{In: tt.give, Out: map[string]any{"keep": "this", "more": tt.give}}))
			assert.True(t, json.Valid([]byte(line)), line)
			assert.Contains(t, line, "**********")
			assert.Contains(t, line, `"keep":"this"`)
			for _, trace := range traces {
				assert.NotContains(t, line, trace)
			}
		})
	}
}

// Every text of an entry, whatever fields it will have.
func TestSecretsInEveryField(t *testing.T) {
	fields := reflect.TypeFor[record.Entry]()
	texts := 0
	for i := range fields.NumField() {
		field := fields.Field(i)
		if field.Type.Kind() != reflect.String {
			continue
		}
		texts++
		t.Run(field.Name, func(t *testing.T) {
			for _, text := range []string{"a" + canary + "b", "token=x hunter2=SECRET password=canary", "Bearer hunter2"} {
				var e record.Entry
				reflect.ValueOf(&e).Elem().Field(i).SetString(text)
				line := string(written(record.Options{Secrets: []string{canary, "hunter2=SECRET"}}, e))
				assert.Contains(t, line, "**********")
				for _, trace := range traces {
					assert.NotContains(t, line, trace)
				}
			}
		})
	}
	assert.Equal(t, 13, texts, "Servo, Run, Kind, Verb, UID, Event, Phase, Source, Subject, From, To, Why, Error")
	t.Run("Extra", func(t *testing.T) {
		line := string(written(record.Options{Secrets: []string{canary}}, record.Entry{Extra: map[string]json.RawMessage{
			canary: raw("1"), "more": mustJSON(canary), "token": mustJSON("hunter2"),
		}}))
		for _, trace := range traces {
			assert.NotContains(t, line, trace)
		}
	})
	t.Run("Options", func(t *testing.T) {
		line := string(written(record.Options{Servo: canary, Run: canary, Secrets: []string{canary}}, record.Entry{}))
		for _, trace := range traces {
			assert.NotContains(t, line, trace)
		}
	})
}

// A long line is cut when its secrets are gone, so none is cut in two.
func TestSecretsInLongLines(t *testing.T) {
	for size := 90; size < 140; size++ {
		filler := make([]byte, size)
		for i := range filler {
			filler[i] = '.'
		}
		long := string(filler) + canary + string(make([]byte, 5000))
		line := string(written(record.Options{MaxLine: 1, Secrets: []string{canary}}, record.Entry{In: long, Out: long, Why: long, Error: canary}))
		require.LessOrEqual(t, len(line), 4096)
		for _, trace := range traces {
			require.NotContains(t, line, trace[:4])
		}
	}
}

// What a servo is called like does not make its record unreadable.
func TestWordsOfTheFormatAsSecrets(t *testing.T) {
	e := record.Entry{Kind: record.Hook, Why: "a hook", Try: 1, Time: noon}
	got := read(t, written(record.Options{Secrets: []string{"hook", "kind", "seq", "1", ""}}, e))
	require.Len(t, got, 1)
	assert.Equal(t, record.Hook, got[0].Kind)
	assert.Equal(t, noon, got[0].Time)
	assert.Equal(t, 1, got[0].Try)
	assert.Equal(t, "a **********", got[0].Why)
}
