package logging_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/logging"
)

func TestParseLevel(t *testing.T) {
	for text, want := range map[string]slog.Level{
		"trace": logging.LevelTrace, "Warn": slog.LevelWarn, "SUCCESS+1": 3, "debug-2": -6, "CRITICAL+88": 100, "TRACE-1": -9,
	} {
		got, err := logging.ParseLevel(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", " INFO", "INFO ", "VERBOSE", "INFO+", "INFO+x", "INFO+1001", "+1", "10"} {
		_, err := logging.ParseLevel(text)
		require.ErrorContains(t, err, `accepted are TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL`, text)
	}
}

func FuzzParseLevel(f *testing.F) {
	for _, seed := range []string{"INFO", "warn", "SUCCESS+1", "TRACE-7", "", "+", "ERROR--1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		level, err := logging.ParseLevel(text)
		if err != nil {
			return
		}
		again, err := logging.ParseLevel(logging.LevelName(level))
		require.NoError(t, err)
		assert.Equal(t, level, again)
	})
}
