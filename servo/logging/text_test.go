package logging_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/servo/logging"
)

func TestTextValues(t *testing.T) {
	tests := []struct {
		name string
		attr slog.Attr
		want string
	}{
		{"text", slog.String("k", "v"), "k=v"},
		{"blanks", slog.String("k", "a b"), `k="a b"`},
		{"empty", slog.String("k", ""), `k=""`},
		{"newline", slog.String("k", "a\nb"), `k="a\nb"`},
		{"terminal", slog.String("k", "\x1b[31m"), `k="\x1b[31m"`},
		{"unsigned", slog.Uint64("k", 7), "k=7"},
		{"float", slog.Float64("k", 1.5), "k=1.5"},
		{"truth", slog.Bool("k", true), "k=true"},
		{"duration", slog.Duration("k", time.Minute), "k=1m0s"},
		{"time", slog.Time("k", noon), "k=2026-03-04T12:30:15.067Z"},
		{"bytes", slog.Any("k", []byte("abc")), "k=abc"},
		{"text marshaler", slog.Any("k", netip.MustParseAddr("::1")), "k=::1"},
		{"structure", slog.Any("k", struct{ A int }{1}), "k={A:1}"},
		{"error", slog.Any("k", errors.New("no way")), `k="no way"`},
		{"nil error", slog.Any("error", nil), `error=<nil>`},
		{"panics", slog.Any("k", &panicking{}), `k="!PANIC: no text"`},
		{"group", slog.Group("g", slog.Int("a", 1), slog.Group("h", slog.Int("b", 2))), "g.a=1 g.h.b=2"},
		{"odd keys", slog.Int("a b", 1), `"a b"=1`},
		{"odd group", slog.Group("g=", slog.Int("a", 1)), `"g=.a"=1`},
		{"a group called event", slog.Group("event", slog.Int("a", 1)), "event.a=1"},
		{"line ends of another system", slog.String("exception", "a\r\n\tb\r\n"), "\n  exception:\n    a\n      b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := "servo - hi " + tt.want + "\n"
			if strings.HasPrefix(tt.want, "\n") {
				want = "servo - hi" + tt.want + "\n"
			}
			assert.Equal(t, "2026-03-04 12:30:15.067 | INFO     | "+want, text(t, t.Context(), nil, tt.attr))
			var out bytes.Buffer
			require.NoError(t, write(t.Context(), logging.NewTextHandler(&out, nil).WithAttrs([]slog.Attr{tt.attr}), slog.LevelInfo, "hi"))
			assert.Equal(t, "2026-03-04 12:30:15.067 | INFO     | "+want, out.String(), "of the logger")
		})
	}
	t.Run("message", func(t *testing.T) {
		var out bytes.Buffer
		require.NoError(t, write(t.Context(), logging.NewTextHandler(&out, nil), slog.LevelInfo, "a\nb\x00\xffü€\u202e"))
		assert.Equal(t, `2026-03-04 12:30:15.067 | INFO     | servo - a\nb\x00\xffü€\u202e`+"\n", out.String())
	})
	t.Run("what cannot be written is the error", func(t *testing.T) {
		require.ErrorIs(t, write(t.Context(), logging.NewTextHandler(failing{}, nil), slog.LevelInfo, "hi"), errDisk)
	})
	t.Run("colours of levels differ", func(t *testing.T) {
		seen := map[string]bool{}
		for _, level := range []slog.Level{logging.LevelTrace, slog.LevelDebug, slog.LevelInfo, logging.LevelSuccess, slog.LevelWarn, slog.LevelError, logging.LevelCritical} {
			var out bytes.Buffer
			require.NoError(t, write(t.Context(), logging.NewTextHandler(&out, &logging.Options{Color: true}), level, "hi"))
			_, code, _ := strings.Cut(out.String(), " | ")
			seen[code[:strings.IndexByte(code, 'm')]] = true
		}
		assert.Len(t, seen, 7)
	})
	t.Run("giant records", func(t *testing.T) {
		big := strings.Repeat("x", 100<<10)
		assert.Contains(t, text(t, t.Context(), nil, slog.String("k", big)), big)
	})
}

func TestJSONShowsLevelAndPlace(t *testing.T) {
	var out bytes.Buffer
	l := slog.New(logging.NewJSONHandler(&out, nil))
	l.WithGroup("g").Log(t.Context(), logging.LevelSuccess, "hi", "level", "mine", "source", "mine")
	assert.Regexp(t, `"level":"SUCCESS","source":"logging_test:TestJSONShowsLevelAndPlace:\d+","msg":"hi","g":\{"level":"mine","source":"mine"\}\}`, out.String())
}

func TestRing(t *testing.T) {
	put := func(ring *logging.Ring, text string) {
		require.NoError(t, write(t.Context(), ring.Handler(&logging.Options{Color: true}), slog.LevelInfo, text))
	}
	lines := func(ring *logging.Ring) (found []string) {
		for _, e := range ring.Entries(time.Time{}) {
			_, message, _ := strings.Cut(e.Text, " - ")
			found = append(found, message)
		}
		return found
	}
	size := len("2026-03-04 12:30:15.067 | INFO     | servo - ")
	t.Run("bytes are bounded", func(t *testing.T) {
		ring := logging.NewRing(100, 3*(size+4)+2)
		for i := range 50 {
			put(ring, fmt.Sprintf("m%03d", i))
			got := lines(ring)
			assert.Equal(t, fmt.Sprintf("m%03d", i), got[len(got)-1])
		}
		assert.Equal(t, []string{"m047", "m048", "m049"}, lines(ring))
		assert.EqualValues(t, 47, ring.Dropped())
	})
	t.Run("a line larger than the ring is cut", func(t *testing.T) {
		ring := logging.NewRing(10, size+3)
		put(ring, "abcdefgh")
		assert.Equal(t, []string{"abc"}, lines(ring))
	})
	t.Run("the defaults", func(t *testing.T) {
		ring := logging.NewRing(0, -1)
		put(ring, strings.Repeat("x", 1<<19))
		put(ring, "second")
		assert.Len(t, lines(ring), 2)
		assert.Empty(t, ring.Entries(noon.Add(1)))
	})
	t.Run("at the same time", func(t *testing.T) {
		ring := logging.NewRing(16, 2000)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				l := slog.New(ring.Handler(nil)).With("i", i)
				for range 200 {
					l.Info("hi")
					for _, e := range ring.Entries(time.Time{}) {
						assert.Contains(t, e.Text, "servo - hi i=")
					}
				}
			})
		}
		wg.Wait()
		assert.LessOrEqual(t, len(lines(ring)), 16)
	})
}
