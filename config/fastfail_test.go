package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

type watcher struct {
	FastFail config.FastFail `yaml:"fast_fail" description:"When to give a measurement up."`
}

var watching = config.Model{Kinds: []config.Kind{{Name: "watcher", Config: watcher{}}}}

func TestFastFail(t *testing.T) {
	const s = types.Duration(time.Second)
	for name, test := range map[string]struct {
		text string
		want config.FastFail
		err  string
	}{
		"not given":        {"{}", config.FastFail{Period: 60 * s, Span: 60 * s}, ""},
		"empty":            {"{fast_fail: {}}", config.FastFail{Period: 60 * s, Span: 60 * s}, ""},
		"null":             {"{fast_fail: }", config.FastFail{Period: 60 * s, Span: 60 * s}, ""},
		"period":           {"{fast_fail: {period: 10s}}", config.FastFail{Period: 10 * s, Span: 10 * s}, ""},
		"seconds":          {"{fast_fail: {period: 10, span: 1m30s}}", config.FastFail{Period: 10 * s, Span: 90 * s}, ""},
		"span alone":       {"{fast_fail: {span: 5s}}", config.FastFail{Period: 60 * s, Span: 5 * s}, ""},
		"disabled by 1":    {"{fast_fail: {disabled: 1}}", config.FastFail{Disabled: true, Period: 60 * s, Span: 60 * s}, ""},
		"enabled by 0":     {"{fast_fail: {disabled: 0}}", config.FastFail{Period: 60 * s, Span: 60 * s}, ""},
		"disabled by true": {"{fast_fail: {disabled: true}}", config.FastFail{Disabled: true, Period: 60 * s, Span: 60 * s}, ""},
		"everything":       {"{fast_fail: {disabled: no, period: 1s, span: 2s, skip: 3s, treat_zero_as_missing: yes}}", config.FastFail{Period: s, Span: 2 * s, Skip: 3 * s, TreatZeroAsMissing: true}, ""},
		"neither 0 nor 1":  {"{fast_fail: {disabled: 2}}", config.FastFail{}, "servo.yaml:2:33: watcher.fast_fail.disabled: 2 is not true, false, 0 or 1"},
		"a list":           {"{fast_fail: {disabled: [1]}}", config.FastFail{}, "watcher.fast_fail.disabled: [1] is not true, false, 0 or 1"},
		"unknown key":      {"{fast_fail: {perod: 5s}}", config.FastFail{}, `servo.yaml:2:23: watcher.fast_fail.perod: unknown key; did you mean "period"?`},
		"not positive":     {"{fast_fail: {period: 0, span: -1s, skip: -2s}}", config.FastFail{}, "watcher.fast_fail.skip: \"-2s\" is not a duration of 0 or more"},
		"not a mapping":    {"{fast_fail: 5s}", config.FastFail{}, "watcher.fast_fail: \"5s\" is not a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte("optimizer: {id: dev.example.com/app, token: x}\nwatcher: " + test.text + "\n")
			// These were read in days of old, and are not ours.
			environ := []string{"PERIOD=1s", "SPAN=1s", "SKIP=1s", "DISABLED=1", "TREAT_ZERO_AS_MISSING=1"}
			docs, err := config.Sources{Text: text, Environ: environ}.Load()
			require.NoError(t, err)
			stanza, _ := docs[0].Stanza("watcher")
			c, err := config.Decode[watcher](stanza)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, c.FastFail)

			printed, err := watching.Print(docs, config.PrintOptions{Defaults: true, Reveal: true})
			require.NoError(t, err)
			docs, err = config.Parse("servo.yaml", printed)
			require.NoError(t, err)
			stanza, _ = docs[0].Stanza("watcher")
			again, err := config.Decode[watcher](stanza)
			require.NoError(t, err)
			assert.Equal(t, c, again, "what is printed can be read")
		})
	}
	schema, err := watching.StanzaSchema("watcher")
	require.NoError(t, err)
	golden(t, "schema_fastfail.golden.json", string(schema))
}
