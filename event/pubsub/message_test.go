package pubsub_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/event/pubsub"
)

type ownForm struct{ err error }

func (o ownForm) MarshalJSON() ([]byte, error) { return []byte(`{"own":true}`), o.err }
func (o ownForm) MarshalYAML() (any, error)    { return map[string]bool{"own": true}, o.err }

type badForm string

func (b badForm) MarshalJSON() ([]byte, error) {
	if b == "panic" {
		panic("boom")
	}
	return []byte(b), nil
}

func TestMessageContent(t *testing.T) {
	bin := func(content []byte, contentType string) func() (pubsub.Message, error) {
		return func() (pubsub.Message, error) { return pubsub.Bytes(content, contentType) }
	}
	asJSON := func(v any) func() (pubsub.Message, error) {
		return func() (pubsub.Message, error) { return pubsub.JSON(v) }
	}
	asYAML := func(v any) func() (pubsub.Message, error) {
		return func() (pubsub.Message, error) { return pubsub.YAML(v) }
	}
	boom := errors.New("boom")
	tests := []struct {
		name              string
		make              func() (pubsub.Message, error)
		content, mimeType string
		err               string
	}{
		{"bytes", bin([]byte{0xff, 0}, "application/octet-stream"), "\xff\x00", "application/octet-stream", ""},
		{"bytes empty", bin([]byte{}, "image/png"), "", "image/png", ""},
		{"bytes without a type", bin([]byte("x"), ""), "", "", "content type"},
		{"bytes with half a type", bin([]byte("x"), "text/plain; ="), "", "", "content type"},
		{"bytes missing", bin(nil, "text/plain"), "", "", "content is missing"},
		{"text", func() (pubsub.Message, error) { return pubsub.Text("grüße"), nil }, "grüße", "text/plain", ""},
		{"json", asJSON(map[string]any{"key": "value", "list": []int{1, 2}}), `{"key": "value", "list": [1, 2]}`, "application/json", ""},
		{"json escapes", asJSON(map[string]string{"a,b:": `"ü\😀<`}), `{"a,b:": "\"\u00fc\\\ud83d\ude00<"}`, "application/json", ""},
		{"json own form", asJSON(ownForm{}), `{"own":true}`, "application/json", ""},
		{"json own form fails", asJSON(ownForm{boom}), "", "", "making a JSON message: boom"},
		{"json own form is wrong", asJSON(badForm("{")), "", "", "not valid"},
		{"json own form panics", asJSON(badForm("panic")), "", "", "panic: boom"},
		{"json of a function", asJSON(func() {}), "", "", "making a JSON message"},
		{"yaml", asYAML(map[string]any{"key": "value"}), "key: value\n", "application/x-yaml", ""},
		{"yaml own form", asYAML(ownForm{}), "own: true\n", "application/x-yaml", ""},
		{"yaml own form fails", asYAML(ownForm{boom}), "", "", "making a YAML message: boom"},
		{"yaml of a function", asYAML(func() {}), "", "", "making a YAML message"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := tt.make()
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				assert.True(t, m.IsZero())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.content, string(m.Bytes()))
			assert.Equal(t, len(tt.content), m.Len())
			assert.Equal(t, tt.mimeType, m.ContentType())
			assert.Empty(t, m.Metadata())
		})
	}
}

func TestMessageNeverChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := []byte("abc")
		m, err := pubsub.Bytes(content, "text/plain")
		require.NoError(t, err)
		made := time.Now()
		content[0] = 'x'
		m.Bytes()[1] = 'x'
		m.Metadata()["k"] = "v"
		changed, err := m.With("k", "1").With("l", "2").WithCreatedAt(made.Add(time.Hour)).WithContentType("text/html; charset=utf-8")
		require.NoError(t, err)
		_ = changed.With("k", "3")
		assert.Equal(t, "abc", string(m.Bytes()))
		assert.Empty(t, m.Metadata())
		assert.True(t, m.CreatedAt().Equal(made))
		assert.Equal(t, "text/plain", m.ContentType())
		assert.Equal(t, map[string]string{"k": "1", "l": "2"}, changed.Metadata())
		assert.True(t, changed.CreatedAt().Equal(made.Add(time.Hour)))
		assert.Equal(t, "text/html; charset=utf-8", changed.ContentType())
		assert.Equal(t, "Message(content_type=text/plain, length=3)", m.String(), "not the content")
		_, err = m.WithContentType("")
		assert.ErrorContains(t, err, "content type")
		var none pubsub.Message
		assert.True(t, none.IsZero())
		assert.Equal(t, "Message()", none.String())
		assert.Empty(t, none.Bytes())
		assert.False(t, none.With("k", "v").IsZero())
	})
}

func TestMessageReaders(t *testing.T) {
	raw := func(content string) pubsub.Message {
		m, err := pubsub.Bytes([]byte(content), "image/png") // readers do not care
		require.NoError(t, err)
		return m
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	text := func(m pubsub.Message) (any, error) { return m.Text() }
	asJSON := func(m pubsub.Message) (v any, err error) { err = m.JSON(&v); return v, err }
	asYAML := func(m pubsub.Message) (v any, err error) { err = m.YAML(&v); return v, err }
	tests := []struct {
		name    string
		content string
		read    func(pubsub.Message) (any, error)
		want    any
		err     string
	}{
		{"text", "grüße", text, "grüße", ""},
		{"text that is not UTF-8", "\xff", text, nil, "not UTF-8"},
		{"json", `{"a": 1}`, asJSON, map[string]any{"a": 1.0}, ""},
		{"json and more", `{"a": 1} x`, asJSON, nil, "as JSON"},
		{"no json", ``, asJSON, nil, "as JSON"},
		{"yaml", "a: 1\n", asYAML, map[string]any{"a": 1}, ""},
		{"yaml and more", "a: 1\n---\nb: 2\n", asYAML, nil, "more than one document"},
		{"yaml and garbage", "a: 1\n---\n\tb", asYAML, nil, "as YAML"},
		{"no yaml", "", asYAML, nil, "no document"},
		{"wrong yaml", "a: [", asYAML, nil, "as YAML"},
		{"yaml bomb", bomb, asYAML, nil, "excessive aliasing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.read(raw(tt.content))
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func FuzzMessageReaders(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"a": [1, "ü"]} x`, "a: &a [*a]", "a: 1\n---\nb", "\xef\xbb\xbfa: 1\r\n", "\t- x", "\xff", "!!binary x", "? [a]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := pubsub.Bytes(append([]byte{}, content...), "text/plain")
		require.NoError(t, err)
		var fromJSON, fromYAML any
		if m.JSON(&fromJSON) == nil {
			again, err := pubsub.JSON(fromJSON)
			require.NoError(t, err)
			for _, c := range again.Bytes() {
				require.Less(t, c, byte(0x80), "ASCII only")
			}
			var other any
			require.NoError(t, json.Unmarshal(again.Bytes(), &other))
			assert.Equal(t, fromJSON, other)
		}
		if m.YAML(&fromYAML) == nil {
			var node yaml.Node
			require.NoError(t, m.YAML(&node))
		}
		_, _ = m.Text()
	})
}
