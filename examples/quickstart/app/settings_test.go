package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettingsDefaults(t *testing.T) {
	s, unknown, err := parseSettings(nil, nil, io.Discard)
	require.NoError(t, err)
	assert.Empty(t, unknown)
	assert.Equal(t, settings{listen: "127.0.0.1:8080", workers: 2, cacheMiB: 0, gogc: 100, compression: 9, shards: 1}, s)
}

func TestSettingsSources(t *testing.T) {
	for name, test := range map[string]struct {
		args, env []string
		want      func(*settings)
	}{
		"variables": {nil,
			[]string{"SEARCH_WORKERS=16", "SEARCH_CACHE_MIB=256", "SEARCH_GOGC=25", "SEARCH_COMPRESSION=0", "SEARCH_SHARDS=8",
				"SEARCH_LISTEN=:0", "SEARCH_CORPUS=/src"},
			func(s *settings) { *s = settings{":0", "/src", 16, 256, 25, 0, 8} }},
		"flags": {[]string{"-workers=1", "-cache-mib=8", "-gogc=800", "-compression=1", "-shards=2", "-listen=[::1]:99", "-corpus=x"},
			nil,
			func(s *settings) { *s = settings{"[::1]:99", "x", 1, 8, 800, 1, 2} }},
		"a flag beats a variable": {[]string{"-workers", "3"}, []string{"SEARCH_WORKERS=5", "SEARCH_SHARDS=4"},
			func(s *settings) { s.workers, s.shards = 3, 4 }},
		"a flag beats a bad variable":    {[]string{"-workers", "3"}, []string{"SEARCH_WORKERS=x"}, func(s *settings) { s.workers = 3 }},
		"an empty variable is unset":     {nil, []string{"SEARCH_WORKERS=", "SEARCH_LISTEN="}, func(*settings) {}},
		"blanks around a number":         {nil, []string{"SEARCH_WORKERS= 4 "}, func(s *settings) { s.workers = 4 }},
		"variables of others are theirs": {nil, []string{"GOGC=1", "WORKERS=99", "X"}, func(*settings) {}},
	} {
		t.Run(name, func(t *testing.T) {
			want, _, err := parseSettings(nil, nil, io.Discard)
			require.NoError(t, err)
			test.want(&want)
			got, _, err := parseSettings(test.args, test.env, io.Discard)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestSettingsProblemsAreReportedTogether(t *testing.T) {
	_, _, err := parseSettings(
		[]string{"-shards", "1.5", "-listen", "nowhere", "extra"},
		[]string{"SEARCH_WORKERS=17", "SEARCH_CACHE_MIB=-1", "SEARCH_GOGC=off", "SEARCH_COMPRESSION=10"}, io.Discard)
	var problems *settingsError
	require.ErrorAs(t, err, &problems)
	assert.Equal(t, []string{
		`arguments ["extra"]: none are expected beyond flags`,
		`-listen: "nowhere": must be host:port with a port from 0 to 65535, e.g. 127.0.0.1:8080`,
		`SEARCH_WORKERS: "17": must be a whole number from 1 to 16 (workers)`,
		`SEARCH_CACHE_MIB: "-1": must be a whole number from 0 to 256 (MiB)`,
		`SEARCH_GOGC: "off": must be a whole number from 25 to 800 (percent)`,
		`SEARCH_COMPRESSION: "10": must be a whole number from 0 to 9 (level)`,
		`-shards: "1.5": must be a whole number from 1 to 8 (shards)`,
	}, problems.problems)
	for _, problem := range problems.problems {
		assert.Contains(t, err.Error(), problem)
	}
	assert.NotContains(t, err.Error(), "\n", "one line")
}

func TestSettingsBounds(t *testing.T) {
	for i := range tunables {
		tunable := &tunables[i]
		t.Run(tunable.name, func(t *testing.T) {
			for value, ok := range map[int]bool{tunable.min: true, tunable.max: true, tunable.min - 1: false, tunable.max + 1: false} {
				s, _, err := parseSettings(nil, []string{tunable.env() + "=" + strconv.Itoa(value)}, io.Discard)
				if !ok {
					require.ErrorContains(t, err, tunable.env())
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, value, *tunable.field(&s))
			}
		})
	}
}

func TestSettingsListenAddress(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:0": true, ":8080": true, "localhost:65535": true, "[::1]:80": true,
		"127.0.0.1": false, "127.0.0.1:": false, "127.0.0.1:65536": false, "127.0.0.1:-1": false, "127.0.0.1:http": false,
	} {
		_, _, err := parseSettings([]string{"-listen", address}, nil, io.Discard)
		assert.Equal(t, ok, err == nil, "%s: %v", address, err)
	}
}

func TestSettingsUnknownVariables(t *testing.T) {
	_, unknown, err := parseSettings(nil, []string{"SEARCH_WORKER=1", "SEARCH_CACHE-MIB=1", "SEARCH_=1"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []string{"SEARCH_", "SEARCH_CACHE-MIB", "SEARCH_WORKER"}, unknown)
}

func TestSettingsHelp(t *testing.T) {
	var out bytes.Buffer
	_, _, err := parseSettings([]string{"-help"}, nil, &out)
	require.ErrorIs(t, err, flag.ErrHelp)
	for i := range tunables {
		assert.Contains(t, out.String(), "-"+tunables[i].name+", "+tunables[i].env())
	}
}

// The table in the README is what people read; it must not drift.
func TestReadmeListsTheSettings(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for i := range tunables {
		s := &tunables[i]
		row := strings.Join([]string{"| `" + s.env() + "`", "`-" + s.name + "`", s.unit,
			strconv.Itoa(s.min) + " to " + strconv.Itoa(s.max), strconv.Itoa(s.standard)}, " | ")
		assert.Contains(t, string(text), row)
	}
}
