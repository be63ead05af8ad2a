package config_test

import (
	"testing"

	"github.com/servokit/servokit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestResolve(t *testing.T) {
	known := []string{"wait", "load", "other"}
	for name, test := range map[string]struct {
		text string
		want []config.Mount
	}{
		"no descriptor: stanzas that are not null": {
			"other: {}\nload: {rate: 1}\nwait: null\n",
			[]config.Mount{{"other", "other"}, {"load", "load"}},
		},
		"null descriptor is none":     {"connectors:\nload: {}\n", []config.Mount{{"load", "load"}}},
		"empty list activates none":   {"connectors: []\nload: {}\n", nil},
		"empty map activates none":    {"connectors: {}\nload: {}\n", nil},
		"list, one stanza parked":     {"connectors: [other]\nload: {}\nother: {}\n", []config.Mount{{"other", "other"}}},
		"map with aliases":            {"connectors: {one: load, wait: wait, two: load}\none: {}\ntwo: {}\nwait: {}\n", []config.Mount{{"one", "load"}, {"wait", "wait"}, {"two", "load"}}},
		"aliases may be odd":          {"connectors: {a/b.c-d_1: load}\na/b.c-d_1: {}\n", []config.Mount{{"a/b.c-d_1", "load"}}},
		"nothing at all":              {"", nil},
		"alias node in the list":      {"name: &n load\nconnectors: [*n]\nload: {}\n", []config.Mount{{"load", "load"}}},
		"text that looks like number": {"connectors: {123: load}\n123: {}\n", []config.Mount{{"123", "load"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := one(t, test.text).Resolve(known)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestResolveMissingStanza(t *testing.T) {
	_, err := one(t, "connectors:\n  - load\n").Resolve([]string{"load"})
	require.EqualError(t, err, `servo.yaml:2:5: load: required because "connectors" lists it; {} accepts its defaults`)
}

func TestResolveKnowsNothing(t *testing.T) {
	_, err := one(t, "load: {}\n").Resolve(nil)
	require.ErrorContains(t, err, "servo.yaml:1:1: load: unknown key")
}

// TestReturnedSlicesAreCopies keeps one caller from changing what another sees.
func TestReturnedSlicesAreCopies(t *testing.T) {
	doc := one(t, "connectors: [load]\nload: {}\n")
	mounts, err := doc.Resolve([]string{"load"})
	require.NoError(t, err)
	mounts[0].Name = "changed"
	doc.Stanzas()[0] = nil
	assert.Equal(t, "load", doc.Connectors[0].Name)
	assert.NotNil(t, doc.Stanzas()[0])
}
