package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/internal/redact"
)

const canary = `hunter2 "SECRET"/canary&<é`

func TestAppendJSON(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"number", `12`, `12`},
		{"text", `"a"`, `"a"`},
		{"null", `null`, `null`},
		{"empty", `{"a":{},"b":[]}`, `{"a":{},"b":[]}`},
		{"blanks go", " {\t\"a\" : [ 1 ,\r\n true ] } ", `{"a":[1,true]}`},
		{"order and digits stay", `{"z":1.50,"a":12345678901234567890}`, `{"z":1.50,"a":12345678901234567890}`},
		{"escapes stay", `{"a\u003c":"\u00e9\n"}`, `{"a\u003c":"\u00e9\n"}`},
		{"by name", `{"token":"x","Client-Secret":12,"n":1}`, `{"token":"**********","Client-Secret":"**********","n":1}`},
		{"by an escaped name", `{"tok\u0065n":"x"}`, `{"tok\u0065n":"**********"}`},
		{"by a name of the user's", `{"Launch Code":"x"}`, `{"Launch Code":"**********"}`},
		{"whole values by name", `{"a":{"credentials":{"user":"u","b":[1,{"c":2}]}},"z":1}`, `{"a":{"credentials":"**********"},"z":1}`},
		{"what says nothing stays", `{"token":true,"secret":"","password":null,"cookie":[],"apiKey":{},"passwd":false}`, `{"token":true,"secret":"","password":null,"cookie":[],"apiKey":{},"passwd":false}`},
		{"headers", `{"Authorization":["Bearer abc"],"Accept":["*/*"]}`, `{"Authorization":"**********","Accept":["*/*"]}`},
		{"named values", `[{"name":"DB_PASSWORD","value":"x"},{"value":"x","key":"X-Token"},{"name":"PATH","value":"/bin"}]`, `[{"name":"DB_PASSWORD","value":"**********"},{"value":"**********","key":"X-Token"},{"name":"PATH","value":"/bin"}]`},
		{"named lists", `{"Name":"Set-Cookie","Values":["a","b"],"z":[1]}`, `{"Name":"Set-Cookie","Values":"**********","z":[1]}`},
		{"a name that is no text", `{"name":{"token":"a"},"value":"x"}`, `{"name":{"token":"**********"},"value":"x"}`},
		{"within texts", `["Bearer abc","password=abc","http://u:abc@h/"]`, `["Bearer **********","password=**********","http://u:**********@h/"]`},
		{"at signs in a password", `"dial http://u:a@b@h/x@y failed"`, `"dial http://u:**********@h/x@y failed"`},
		{"within escaped texts", `"{\"token\":\"abc\"}"`, `"{\"token\":**********}"`},
		{"within names", `{"Bearer abc":1}`, `{"Bearer **********":1}`},
		{"exact, in names", `{"a 4711 b":1}`, `{"a ********** b":1}`},
		{"exact, in numbers", `[1,4711,-471123,0.5]`, `[1,"**********","**********",0.5]`},
		{"exact, but no truth", `true`, `true`},
	}
	r := redact.New(redact.Options{Names: []string{"launch-code", "!"}, Texts: []string{"4711", "tr", ""}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.True(t, json.Valid([]byte(tt.in)))
			assert.Equal(t, tt.want, string(r.AppendJSON(nil, []byte(tt.in))))
			assert.Equal(t, "x"+tt.want, string(r.AppendJSON([]byte("x"), []byte(tt.in))))
			if tt.want != tt.in {
				again := r.AppendJSON(nil, []byte(tt.want))
				assert.Equal(t, tt.want, string(again), "again")
			}
		})
	}
}

// A secret is found in every form in which it travels.
func TestExactTexts(t *testing.T) {
	plain, err := json.Marshal(canary)
	require.NoError(t, err)
	twice, err := json.Marshal(string(plain))
	require.NoError(t, err)
	inner := func(s string) string { return s[1 : len(s)-1] }
	forms := map[string]string{
		"as it is":        canary,
		"query":           url.QueryEscape(canary),
		"path":            url.PathEscape(canary),
		"JSON":            inner(string(plain)),
		"JSON in JSON":    inner(string(twice)),
		"Go":              inner(strconv.Quote(canary)),
		"of its trimmed":  strings.TrimSpace(canary),
		"basic":           base64.StdEncoding.EncodeToString([]byte("u:" + canary)),
		"base64":          base64.StdEncoding.EncodeToString([]byte(canary)),
		"base64, 1 off":   base64.StdEncoding.EncodeToString([]byte("a" + canary + "bc")),
		"base64, 2 off":   base64.StdEncoding.EncodeToString([]byte("ab" + canary + "b")),
		"base64, 3 off":   base64.StdEncoding.EncodeToString([]byte("abc" + canary + "bcd")),
		"base64, for URL": base64.RawURLEncoding.EncodeToString([]byte("??>" + canary + "??>")),
	}
	r := redact.New(redact.Options{Texts: []string{"other", canary + "\n"}})
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			text := "before" + form + "after"
			masked := r.Text(text)
			assert.Contains(t, masked, redact.Mask)
			assert.NotContains(t, masked, form)
			longest := 0
			for i := range form {
				for longest < len(form)-i && strings.Contains(masked, form[i:i+longest+1]) {
					longest++
				}
			}
			assert.Less(t, longest, 6, "%q still has a good part of %q", masked, form)

			document, err := json.Marshal(map[string]any{text: []any{text}})
			require.NoError(t, err)
			clean := r.AppendJSON(nil, document)
			require.True(t, json.Valid(clean), string(clean))
			assert.NotContains(t, string(clean), form)
			assert.Contains(t, string(clean), redact.Mask)
		})
	}
	t.Run("JSON within JSON", func(t *testing.T) {
		assert.NotContains(t, string(r.AppendJSON(nil, twice)), "canary")
	})
	t.Run("a short one only as it is", func(t *testing.T) {
		r := redact.New(redact.Options{Texts: []string{"abc"}})
		assert.Equal(t, "**********d YWJj", r.Text("abcd YWJj"))
	})
}

func TestValue(t *testing.T) {
	r := redact.New(redact.Options{Texts: []string{"hunter2"}})
	u, err := url.Parse("http://h/hunter2")
	require.NoError(t, err)
	tests := []struct {
		name     string
		in, want any
	}{
		{"error", errors.New("no hunter2"), "no **********"},
		{"bytes", []byte("hunter2"), "**********"},
		{"address", u, "http://h/**********"},
		{"header", http.Header{"A": {"hunter2"}, "Hunter2-hunter2": nil}, http.Header{"A": {"**********"}, "Hunter2-**********": {}}},
		{"values", url.Values{"A": {"hunter2"}}, url.Values{"A": {"**********"}}},
		{"structure", struct{ A []string }{[]string{"hunter2", "b"}}, map[string]any{"A": []any{"**********", "b"}}},
		{"without JSON", map[string]any{"a": func() {}, "b": "hunter2"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, changed := r.Value(tt.in)
			assert.True(t, changed)
			if tt.want != nil {
				assert.Equal(t, tt.want, got)
			}
			assert.NotContains(t, redact.TextOf(got), "hunter2")
		})
	}
	for _, same := range []any{nil, 1, errors.New("no"), map[string]int{"a": 1}, []byte("a"), u.Host} {
		got, changed := r.Value(same)
		assert.False(t, changed)
		assert.Equal(t, same, got)
	}
}

func FuzzAppendJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"b",null,true,{}],"token":"x"}`, `[]`, `"\u0000\ud800"`, `{"name":"token","value":[{"value":1}]}`, `{`, `{"a"`, `[1 2]`, `"\`, `{"key":"secret","Value":{"name":"cookie","value":-1e9}}`, `{"a":]}`} {
		f.Add([]byte(seed))
	}
	r := redact.New(redact.Options{Texts: []string{"4711", "a\"b"}, Names: []string{"pin"}})
	f.Fuzz(func(t *testing.T, document []byte) {
		got := r.AppendJSON(nil, document)
		if !json.Valid(document) {
			return
		}
		require.True(t, json.Valid(got), "%q became %q", document, got)
		again := r.AppendJSON(nil, got)
		require.Equal(t, string(got), string(again))
	})
}
