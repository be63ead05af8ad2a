package subprocess_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/internal/subprocess"
)

func TestLineFormat(t *testing.T) {
	long := strings.Repeat("x", 70<<10)
	tests := []struct {
		name   string
		format subprocess.LineFormat
		in     string
		want   []string
		err    string
	}{
		{"nothing", subprocess.LineFormat{}, "", nil, ""},
		{"white space at the end goes", subprocess.LineFormat{}, "  a b \t\r\nc\u00a0\n", []string{"  a b", "c"}, ""},
		{"blank lines stay", subprocess.LineFormat{}, "a\n\n \nb\n", []string{"a", "", "", "b"}, ""},
		{"no newline at the end", subprocess.LineFormat{}, "a\nb", []string{"a", "b"}, ""},
		{"larger than any buffer", subprocess.LineFormat{}, long + "\nb\n", []string{long, "b"}, ""},
		{"exactly the limit", subprocess.LineFormat{Max: 4}, "abcd\nefgh", []string{"abcd", "efgh"}, ""},
		{"too long", subprocess.LineFormat{Max: 4}, "ab\nabcde\nz\n", []string{"ab"}, "the line is longer than 4 bytes"},
		{"the least limit", subprocess.LineFormat{Max: 1}, "abcd\nabcde", []string{"abcd"}, "the line is longer than 4 bytes"},
		{"split", subprocess.LineFormat{Max: 4, Long: subprocess.SplitLong}, "abcdefghij\nk\n", []string{"abcd", "efgh", "ij", "k"}, ""},
		{"split without newline", subprocess.LineFormat{Max: 4, Long: subprocess.SplitLong}, "abcdefgh", []string{"abcd", "efgh"}, ""},
		{"split between characters", subprocess.LineFormat{Max: 4, Long: subprocess.SplitLong}, "abc€def\n", []string{"abc", "€d", "ef"}, ""},
		{"cut", subprocess.LineFormat{Max: 4, Long: subprocess.CutLong}, "abcdefghij\nk\nlmnopq", []string{"abcd", "k", "lmno"}, ""},
		{"cut between characters", subprocess.LineFormat{Max: 5, Long: subprocess.CutLong}, "abc€def\nx\n", []string{"abc", "x"}, ""},
		{"not UTF-8", subprocess.LineFormat{}, "a\n\xff\nb\n", []string{"a"}, "the line is not UTF-8"},
		{"replaced", subprocess.LineFormat{Replace: true}, "a\xffb\n", []string{"a\uFFFDb"}, ""},
	}
	for _, tt := range tests {
		for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "data with the end": iotest.DataErrReader} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				var got []string
				err := tt.format.Read(wrap(strings.NewReader(tt.in)), func(line string) error {
					got = append(got, line)
					return nil
				})
				assert.Equal(t, tt.want, got)
				if tt.err == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, tt.err)
				}
			})
		}
	}
	t.Run("typed errors", func(t *testing.T) {
		none := func(string) error { return nil }
		var long *subprocess.LineTooLongError
		require.ErrorAs(t, subprocess.LineFormat{Max: 8}.Read(strings.NewReader("123456789"), none), &long)
		assert.Equal(t, 8, long.Max)
		require.ErrorIs(t, subprocess.LineFormat{}.Read(strings.NewReader("\xc0"), none), subprocess.ErrNotUTF8)
	})
	t.Run("the error of the callback ends it", func(t *testing.T) {
		enough := errors.New("enough")
		for _, in := range []string{"a\nb\n", "a", strings.Repeat("a", 9)} {
			calls := 0
			err := subprocess.LineFormat{Max: 4, Long: subprocess.SplitLong}.Read(strings.NewReader(in), func(string) error { calls++; return enough })
			require.ErrorIs(t, err, enough)
			assert.Equal(t, 1, calls)
		}
	})
	t.Run("the error of the reader comes after the lines", func(t *testing.T) {
		broken := errors.New("broken")
		var got []string
		err := subprocess.LineFormat{}.Read(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), func(line string) error {
			got = append(got, line)
			return nil
		})
		require.ErrorIs(t, err, broken)
		assert.Equal(t, []string{"a", "b"}, got)
	})
}

func FuzzLineFormat(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "abc€def\n", "\xff\xfe\n", "\r\n\r\n", strings.Repeat("y", 300)} {
		f.Add([]byte(seed), 5)
	}
	f.Fuzz(func(t *testing.T, in []byte, most int) {
		most = 4 + (most&0xff+256)%256
		split := subprocess.LineFormat{Max: most, Long: subprocess.SplitLong, Replace: true}
		cut := subprocess.LineFormat{Max: most, Long: subprocess.CutLong, Replace: true}
		count := func(format subprocess.LineFormat) (lines int) {
			err := format.Read(strings.NewReader(string(in)), func(line string) error {
				lines++
				if !utf8.ValidString(line) || strings.Contains(line, "\n") || len(line) > 3*most {
					t.Errorf("line %q of at most %d bytes", line, most)
				}
				return nil
			})
			require.NoError(t, err)
			return lines
		}
		want := strings.Count(string(in), "\n")
		if len(in) > 0 && in[len(in)-1] != '\n' {
			want++
		}
		assert.Equal(t, want, count(cut))
		assert.GreaterOrEqual(t, count(split), want)
	})
}
