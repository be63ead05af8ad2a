package config_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/servokit/servokit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// holder has a secret everywhere a configuration may have one.
type holder struct {
	Exported config.Secret            `json:"exported" yaml:"exported"`
	Pointer  *config.Secret           `json:"pointer" yaml:"pointer"`
	List     []config.Secret          `json:"list" yaml:"list"`
	Map      map[string]config.Secret `json:"map" yaml:"map"`
	Any      any                      `json:"any" yaml:"any"`
	hidden   config.Secret
	inner    struct{ Deep config.Secret }
	keys     map[config.Secret]int
}

func newHolder() *holder {
	secret := config.NewSecret("hunter2")
	h := &holder{
		Exported: secret, Pointer: &secret, List: []config.Secret{secret},
		Map: map[string]config.Secret{"a": secret}, Any: secret,
		hidden: secret, keys: map[config.Secret]int{secret: 1},
	}
	h.inner.Deep = secret
	return h
}

func TestSecretIsNeverPrinted(t *testing.T) {
	secret := config.NewSecret("hunter2")
	values := map[string]any{
		"value": secret, "pointer": &secret, "slice": []config.Secret{secret},
		"optimizer": config.Optimizer{ID: "dev.example.com/app", Token: secret},
		"holder":    *newHolder(), "pointer to holder": newHolder(),
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f", "%U", "%T", "%10s", "%-20v", "% x", "%p"} {
				got := fmt.Sprintf(verb, value)
				assert.NotContains(t, got, "hunter2", verb)
				assert.NotContains(t, got, "68756e74657232", verb) // the same in hexadecimal
			}
			assert.NotContains(t, fmt.Sprint(value), "hunter2")
			assert.NotContains(t, fmt.Errorf("bad %v", value).Error(), "hunter2")

			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("text", "value", value)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "value", value)
			assert.NotContains(t, log.String(), "hunter2")

			out, err := json.Marshal(value)
			require.NoError(t, err)
			assert.NotContains(t, string(out), "hunter2")
			out, err = yaml.Marshal(value)
			require.NoError(t, err)
			assert.NotContains(t, string(out), "hunter2")

			var text bytes.Buffer
			require.NoError(t, template.Must(template.New("").Parse("{{.}}{{printf \"%s\" .}}")).Execute(&text, value))
			assert.NotContains(t, text.String(), "hunter2")
		})
	}
}

func TestSecretForms(t *testing.T) {
	const mask = "**********"
	secret := config.NewSecret("hunter2")
	assert.Equal(t, "hunter2", secret.Reveal())
	assert.False(t, secret.IsZero())
	for _, verb := range []string{"%v", "%+v", "%s", "%x", "%d"} {
		assert.Equal(t, mask, fmt.Sprintf(verb, secret), verb)
	}
	assert.Equal(t, `"`+mask+`"`, fmt.Sprintf("%q", secret))
	assert.Equal(t, `"`+mask+`"`, fmt.Sprintf("%#v", secret))
	assert.Equal(t, `"`+mask+`"`, secret.GoString())
	assert.Equal(t, mask, secret.String())
	assert.Equal(t, mask, secret.LogValue().String())

	out, err := json.Marshal(map[config.Secret]config.Secret{secret: secret})
	require.NoError(t, err)
	assert.JSONEq(t, `{"`+mask+`":"`+mask+`"}`, string(out))
	out, err = yaml.Marshal(secret)
	require.NoError(t, err)
	assert.YAMLEq(t, `"`+mask+`"`, string(out))
	out, err = xml.Marshal(holderXML{secret})
	require.NoError(t, err)
	assert.Contains(t, string(out), "<Token>"+mask+"</Token>")
}

type holderXML struct{ Token config.Secret }

func TestSecretNotSetIsTellable(t *testing.T) {
	var zero config.Secret
	assert.True(t, zero.IsZero())
	assert.Empty(t, zero.Reveal())
	assert.Empty(t, zero.String())
	assert.Equal(t, zero, config.NewSecret(""))
	out, err := json.Marshal(struct {
		Token config.Secret `json:"token,omitzero"`
		Other config.Secret `json:"other"`
	}{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"other":""}`, string(out))
}

func TestSecretsCompareByValue(t *testing.T) {
	assert.True(t, config.NewSecret("hunter2") == config.NewSecret(strings.Join([]string{"hunt", "er2"}, "")))
	assert.False(t, config.NewSecret("hunter2") == config.NewSecret("hunter3"))
}

func TestSecretReadsTextButNotItsMask(t *testing.T) {
	var s config.Secret
	require.NoError(t, json.Unmarshal([]byte(`"hunter2"`), &s))
	assert.Equal(t, "hunter2", s.Reveal())
	err := json.Unmarshal([]byte(`"**********"`), &s)
	require.ErrorContains(t, err, "mask of a secret")
	assert.Equal(t, "hunter2", s.Reveal(), "an error leaves the value alone")
}

// TestSecretsInMessagesAreHidden covers types whose methods quote what they read.
func TestSecretsInMessagesAreHidden(t *testing.T) {
	for name, text := range map[string]string{
		"node":           "c: {node: {a: hunter2-aaaa, b: [hunter2-bbbb]}}",
		"function":       "c: {function: {a: hunter2-aaaa}}",
		"quoted":         `c: {quoted: "hunter2\n\"x\""}`,
		"one in another": "c: {quoted: abcd, second: abcdhunter2}",
		"not text":       "c: {quoted: {hunter2: 1}, second: [hunter2]}",
	} {
		t.Run(name, func(t *testing.T) {
			docs, err := config.Parse("servo.yaml", []byte(text))
			require.NoError(t, err)
			stanza, ok := docs[0].Stanza("c")
			require.True(t, ok)
			got, err := config.Decode[revealing](stanza)
			require.Error(t, err)
			assert.Zero(t, got)
			assert.NotContains(t, err.Error(), "hunter2")
			var problems config.FieldErrors
			require.ErrorAs(t, err, &problems)
			for _, p := range problems {
				if cause := errors.Unwrap(p); cause != nil {
					assert.NotContains(t, cause.Error(), "hunter2")
				}
			}
		})
	}
}

type revealing struct {
	Node     fromNode      `yaml:"node"`
	Function fromFunction  `yaml:"function"`
	Quoted   config.Secret `yaml:"quoted"`
	Second   config.Secret `yaml:"second"`
}

func (r revealing) Validate() error {
	return config.Invalid("quoted", r.Quoted.Reveal()+" "+r.Second.Reveal(), "accepted")
}

type fromNode struct{ secret config.Secret }

func (f *fromNode) UnmarshalYAML(n *yaml.Node) error {
	var m map[string]any
	if err := n.Decode(&m); err != nil {
		return err
	}
	f.secret = config.NewSecret(fmt.Sprint(m))
	return fmt.Errorf("cannot use %v", m)
}

type fromFunction struct{ secret config.Secret }

func (f *fromFunction) UnmarshalYAML(unmarshal func(any) error) error {
	var m map[string]string
	if err := unmarshal(&m); err != nil {
		return err
	}
	f.secret = config.NewSecret(m["a"])
	return fmt.Errorf("cannot use %v", f.secret.Reveal())
}
