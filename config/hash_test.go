package config_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
)

func hashOf(t *testing.T, key, text string, environ ...string) string {
	t.Helper()
	docs, err := config.Sources{Text: []byte(text), Environ: environ}.Load()
	require.NoError(t, err)
	got, err := model().Hash(docs[0], []byte(key))
	require.NoError(t, err)
	assert.Regexp(t, "^[0-9a-f]{64}$", got)
	return got
}

func TestHash(t *testing.T) {
	const base = "name: n\nprobe: {address: 'a:1', key: hunter2, count: 2, raw: 'http://u:hunter2@h', labels: {a: x, b: y}}\n"
	for name, test := range map[string]struct {
		text    string
		environ []string
		without bool // the same without a key
		with    bool // the same with one
	}{
		"the same":                 {base, nil, true, true},
		"comments":                 {"# c\n" + base, nil, true, true},
		"order":                    {"probe: {labels: {b: y, a: x}, raw: 'http://u:hunter2@h', count: 2, key: hunter2, address: 'a:1'}\nname: n\n", nil, true, true},
		"another source":           {"probe: {address: 'a:1', count: 2, raw: 'http://u:hunter2@h', labels: {a: x, b: y}}\n", []string{"SERVO_NAME=n", "SERVO_PROBE_KEY=hunter2"}, true, true},
		"a reference":              {"name: n\nprobe: {address: 'a:1', key: {env: KEY}, count: 2, raw: 'http://u:hunter2@h', labels: {a: x, b: y}}\n", []string{"KEY=hunter2"}, true, true},
		"a default that is given":  {"name: n\nprobe: {mode: slow, address: 'a:1', key: hunter2, count: 2, raw: 'http://u:hunter2@h', labels: {a: x, b: y}}\n", nil, true, true},
		"another secret":           {"name: n\nprobe: {address: 'a:1', key: hunter3, count: 2, raw: 'http://u:hunter2@h', labels: {a: x, b: y}}\n", nil, true, false},
		"another secret in a text": {"name: n\nprobe: {address: 'a:1', key: hunter2, count: 2, raw: 'http://u:hunter3@h', labels: {a: x, b: y}}\n", nil, true, false},
		"no secret":                {"name: n\nprobe: {address: 'a:1', count: 2, raw: 'http://u:hunter2@h', labels: {a: x, b: y}}\n", nil, false, false},
		"another value":            {"name: n\nprobe: {address: 'a:1', key: hunter2, count: 3, raw: 'http://u:hunter2@h', labels: {a: x, b: y}}\n", nil, false, false},
		"another connector":        {base + "empty: {}\n", nil, false, false},
		"other settings":           {base + "settings: {timeouts: 5s}\n", nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.without, hashOf(t, "", base) == hashOf(t, "", test.text, test.environ...))
			assert.Equal(t, test.with, hashOf(t, "k", base) == hashOf(t, "k", test.text, test.environ...))
		})
	}
	assert.NotEqual(t, hashOf(t, "k", base), hashOf(t, "l", base), "keys differ")
	_, err := model().Hash(one(t, "probe: {count: x}"), nil)
	assert.ErrorContains(t, err, "probe.count")
}

// The stream is fixed: whoever keeps a hash compares it with that of a later
// version.
func TestHashIsStable(t *testing.T) {
	m := config.Model{Kinds: []config.Kind{{Name: "words", Config: []any(nil)}}}
	doc := one(t, "words: [b, 1, 2.50, true, ~, {z: x, a: no}]\n")
	got, err := m.Hash(doc, nil)
	require.NoError(t, err)
	stream := "{checks:{check_halting:False,delay:expo,halt_on:critical,progressive:True,quiet:False,remedy:True,verbose:False,wait:30m,}," +
		"no_diagnostics:True," +
		"settings:{backoff:{__default__:{max_time:10m,max_tries:0,},connect:{max_time:1h,max_tries:0,},},progress_interval:1m,ssl_verify:True,timeouts:{connect:10s,pool:0,read:1m,write:0,},}," +
		"words:[b,1,2.5,True,None,{a:no,z:x,},],}"
	assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(stream))), got)
}

func ExampleModel_Hash() {
	hash := func(text string) string {
		docs, err := config.Parse("servo.yaml", []byte(text))
		if err != nil {
			return err.Error()
		}
		text, err = program.Hash(docs[0], nil)
		if err != nil {
			return err.Error()
		}
		return text
	}
	before := hash("ping: {host: example.com, token: s3cr3t}")
	fmt.Println(before == hash("ping:\n  token: rotated # no key, so not seen\n  host: example.com\n"))
	fmt.Println(before == hash("ping: {host: example.org, token: s3cr3t}"))
	// Output:
	// true
	// false
}
