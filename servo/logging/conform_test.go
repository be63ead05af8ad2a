package logging_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/logging"
)

var lineForm = regexp.MustCompile(`^(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) \| )?([A-Z0-9+-]+) *\| (?:(\S+:\S+:\d+) \| )?(\S+) - (\S*)(.*)$`)

// parseLine reads back what the text handler wrote, with a message of one word.
func parseLine(t *testing.T, line string) map[string]any {
	t.Helper()
	parts := lineForm.FindStringSubmatch(line)
	require.NotNil(t, parts, line)
	result := map[string]any{slog.LevelKey: parts[2], slog.MessageKey: parts[5]}
	if parts[1] != "" {
		result[slog.TimeKey] = parts[1]
	}
	for rest := strings.TrimSpace(parts[6]); rest != ""; rest = strings.TrimSpace(rest) {
		key, after, _ := strings.Cut(rest, "=")
		value, rest2, _ := strings.Cut(after, " ")
		if strings.HasPrefix(after, `"`) {
			quoted, err := strconv.QuotedPrefix(after)
			require.NoError(t, err)
			value, _ = strconv.Unquote(quoted)
			rest2 = after[len(quoted):]
		}
		rest = rest2
		at := result
		path := strings.Split(key, ".")
		for _, group := range path[:len(path)-1] {
			if at[group] == nil {
				at[group] = map[string]any{}
			}
			at = at[group].(map[string]any)
		}
		at[path[len(path)-1]] = value
	}
	return result
}

func parseJSON(t *testing.T, line string) map[string]any {
	t.Helper()
	var result map[string]any
	require.NoError(t, json.Unmarshal([]byte(line), &result))
	return result
}

// The standard library's suite for handlers passes for each handler here.
func TestHandlersConform(t *testing.T) {
	text := func(out *bytes.Buffer) slog.Handler { return logging.NewTextHandler(out, nil) }
	jsonText := func(out *bytes.Buffer) slog.Handler { return logging.NewJSONHandler(out, nil) }
	tests := []struct {
		name  string
		make  func(*bytes.Buffer) slog.Handler
		parse func(*testing.T, string) map[string]any
	}{
		{"text", text, parseLine},
		{"json", jsonText, parseJSON},
		{"context", func(out *bytes.Buffer) slog.Handler { return logging.NewContextHandler(text(out)) }, parseLine},
		{"redact text", func(out *bytes.Buffer) slog.Handler { return logging.NewRedactHandler(text(out)) }, parseLine},
		{"redact json", func(out *bytes.Buffer) slog.Handler { return logging.NewRedactHandler(jsonText(out)) }, parseJSON},
		{"several", func(out *bytes.Buffer) slog.Handler {
			return slog.NewMultiHandler(logging.NewRing(10, 1000).Handler(nil), jsonText(out))
		}, parseJSON},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				out.Reset()
				return tt.make(&out)
			}, func(t *testing.T) map[string]any { return tt.parse(t, strings.TrimSuffix(out.String(), "\n")) })
		})
	}
	t.Run("ring", func(t *testing.T) {
		var ring *logging.Ring
		slogtest.Run(t, func(*testing.T) slog.Handler {
			ring = logging.NewRing(10, 10000)
			return ring.Handler(nil)
		}, func(t *testing.T) map[string]any {
			entries := ring.Entries(time.Time{})
			require.Len(t, entries, 1)
			return parseLine(t, entries[0].Text)
		})
	})
	assert.Len(t, tests, 6)
}
