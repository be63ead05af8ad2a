package config_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/config"
)

// laughs is the bomb that expands to 10^9 values.
func laughs() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return b.String()
}

func encodeUTF16(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// Hostile and broken files end in an error that a person understands, soon and
// without much memory; files that only look odd are read.
func TestHostileFiles(t *testing.T) {
	for name, test := range map[string]struct {
		data []byte
		want string // empty: is read
	}{
		"5 MB":                  {[]byte("name: " + strings.Repeat("a", 5<<20)), "servo.yaml: larger than 2097152 bytes"},
		"2 MB of keys":          {[]byte(func() string { return manyKeys(2 << 20) }()), "more than 200000 values"},
		"billion laughs":        {[]byte(laughs()), "more than 200000 values once aliases are expanded"},
		"quadratic aliases":     {[]byte("a: &a [" + strings.Repeat("x, ", 1000) + "x]\nb: [" + strings.Repeat("*a, ", 1000) + "*a]\n"), "more than 200000 values once aliases are expanded"},
		"merge bomb":            {[]byte(mergeBomb()), "more than 200000 values once aliases are expanded"},
		"itself":                {[]byte("a: &a {b: *a}\n"), "the alias stands inside of what it refers to"},
		"deep lists":            {[]byte("a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), "nested deeper than 100 levels"},
		"deeper lists":          {[]byte("a: " + strings.Repeat("[", 100_000)), "not valid YAML"},
		"deep, then wide":       {[]byte(deepThenWide()), "servo.yaml:1:103: nested deeper than 100 levels"},
		"deep pairs":            {[]byte("a: " + strings.Repeat("[b: ", 9000) + strings.Repeat("]", 9000)), "servo.yaml:1:201: nested deeper than 100 levels"},
		"deep blocks":           {[]byte(deepBlocks(200)), "nested deeper than 100 levels"},
		"duplicate keys":        {[]byte("name: a\nname: b\n"), "servo.yaml:2:1: name: duplicate key: it is already set on line 1"},
		"tabs":                  {[]byte("settings:\n\ttimeouts: 5s\n"), "servo.yaml:2: not valid YAML: found character that cannot start any token"},
		"tab after a space":     {[]byte("settings: \t{timeouts: 5s}\n"), ""},
		"byte order mark":       {[]byte("\ufeffname: a\n"), ""},
		"mark in the middle":    {[]byte("name: a\n---\n\ufeffname: b\n"), "optimizer: required"},
		"CRLF":                  {[]byte("name: a\r\nsettings:\r\n  timeouts: 5s\r\n"), ""},
		"CR":                    {[]byte("name: a\rdescription: b\r"), ""},
		"UTF-16":                {encodeUTF16("name: a\n"), ""},
		"Latin-1":               {[]byte("name: caf\xe9\n"), "servo.yaml:1: not valid YAML"},
		"broken UTF-8":          {[]byte("name: a\ndescription: \xc3\x28\n"), "servo.yaml:2: not valid YAML"},
		"half a character":      {[]byte("name: \xe2\x82"), "not valid YAML"},
		"NUL":                   {[]byte("name: a\x00b\n"), "not valid YAML"},
		"bell":                  {[]byte("name: \a\n"), "not valid YAML"},
		"binary":                {bytes.Repeat([]byte{0x7f, 'E', 'L', 'F', 0}, 100), "not valid YAML"},
		"many documents":        {[]byte(strings.Repeat("---\na: 1\n", 100)), "optimizer: required"},
		"a tag that builds":     {[]byte("a: !!python/object/apply:os.system [ls]\n"), "tags are not supported"},
		"a directive":           {[]byte("%YAML 9.9\n---\nname: a\n"), "not valid YAML"},
		"a huge number":         {[]byte("settings: {backoff: {x: {max_tries: 1" + strings.Repeat("0", 400) + "}}}\n"), "is not an integer"},
		"a huge duration":       {[]byte("settings: {progress_interval: " + strings.Repeat("9", 2000) + "h}\n"), "invalid duration"},
		"nothing but a comment": {[]byte("# nothing"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			docs, err := config.Sources{File: "servo.yaml", Text: test.data}.Load()
			if err == nil && test.want != "" {
				_, err = docs[0].Resolve(nil)
			}
			runtime.ReadMemStats(&after)
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.Error(t, err)
				assert.Contains(t, err.Error(), test.want)
				assert.Less(t, len(err.Error()), 64<<10, "the message is short")
			}
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<30))
		})
	}
}

func manyKeys(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size-20; i++ {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	return b.String()
}

func mergeBomb() string {
	var b strings.Builder
	b.WriteString("m0: &m0 {a: 1, b: 2, c: 3}\n")
	for i := 1; i < 20; i++ {
		fmt.Fprintf(&b, "m%d: &m%d {<<: [*m%d, *m%d, *m%d]}\n", i, i, i-1, i-1, i-1)
	}
	return b.String()
}

func deepBlocks(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// deepThenWide has as many values as fit, as deep as the YAML library allows.
func deepThenWide() string {
	return "a: " + strings.Repeat("[", 9000) + strings.Repeat("a,", 900_000) + strings.Repeat("]", 9000)
}

// What is nested too deep costs no memory below the bound: the paths of the values
// of this file alone would take gigabytes.
func TestDepthIsBoundedOnTheWayDown(t *testing.T) {
	data := []byte(deepThenWide())
	var node yaml.Node
	var before, between, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, yaml.Unmarshal(data, &node))
	runtime.ReadMemStats(&between)
	_, err := config.Parse("servo.yaml", data)
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, "nested deeper than 100 levels")
	library := between.TotalAlloc - before.TotalAlloc
	assert.Less(t, after.TotalAlloc-between.TotalAlloc, 2*library, "little beside what the library takes")
}

// manySources has n keys in the file, as many in a variable, and n in both.
func manySources(n int) config.Sources {
	var file, variable strings.Builder
	for i := range n {
		fmt.Fprintf(&file, "    f%d: x\n    k%d: x\n", i, i)
		fmt.Fprintf(&variable, `, "v%d": "y", "k%d": "y"`, i, i)
	}
	return config.Sources{
		Text:    []byte("probe:\n  address: 'a:1'\n  labels:\n" + file.String()),
		Environ: []string{"SERVO_PROBE_LABELS={" + variable.String()[2:] + "}"},
	}
}

// readAndPrint takes a configuration through everything that looks at each key.
func readAndPrint(t testing.TB, s config.Sources) (probe, []byte) {
	docs, err := s.Load()
	require.NoError(t, err)
	stanza, ok := docs[0].Stanza("probe")
	require.True(t, ok)
	c, err := config.Decode[probe](stanza)
	require.NoError(t, err)
	text, err := model().Print(docs, config.PrintOptions{})
	require.NoError(t, err)
	return c, text
}

// Many keys take memory in proportion, in every source and in what is printed.
// BenchmarkManyKeys is about the time.
func TestManyKeysInAStanza(t *testing.T) {
	const n = 4000
	allocated := func(n int) uint64 {
		var before, after runtime.MemStats
		s := manySources(n)
		runtime.ReadMemStats(&before)
		c, text := readAndPrint(t, s)
		runtime.ReadMemStats(&after)
		assert.Len(t, c.Labels, 3*n)
		assert.Equal(t, "y", c.Labels["k7"])
		assert.Equal(t, 3*n, strings.Count(string(text), "\n    "), "all are printed")
		return after.TotalAlloc - before.TotalAlloc
	}
	small := allocated(n)
	assert.Less(t, allocated(4*n), 8*small)
}

// BenchmarkManyKeys must cost the same per key for all sizes.
func BenchmarkManyKeys(b *testing.B) {
	for _, n := range []int{1000, 16_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := manySources(n)
			b.ReportAllocs()
			for b.Loop() {
				readAndPrint(b, s)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(3*n), "ns/key")
		})
	}
}

// What variables hold is no more trusted than a file.
func TestHostileVariables(t *testing.T) {
	for name, test := range map[string]struct{ value, want string }{
		"deep":            {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "nested deeper than 100 levels"},
		"deeper than Go":  {strings.Repeat("[", 1<<20), "not JSON"},
		"large":           {`{"a": "` + strings.Repeat("x", 3<<20) + `"}`, "larger than 2097152 bytes"},
		"many":            {"[" + strings.Repeat("1,", 300_000) + "1]", "more than 200000 values"},
		"two values":      {"{} {}", "not JSON"},
		"trailing text":   {"{}x", "not JSON"},
		"duplicates":      {`{"timeouts": 5, "timeouts": 6}`, "duplicate key"},
		"not UTF-8":       {"{\"timeouts\": \"\xff\"}", "invalid duration"},
		"merge key":       {`{"<<": {"timeouts": 5}}`, `settings.<<: unknown key`},
		"single quotes":   {`{'timeouts': 5}`, "not JSON"},
		"surrogate pairs": {`{"description\ud83d\ude00": 1}`, "unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Sources{Text: []byte{}, Environ: []string{"SERVO_SETTINGS=" + test.value}}.Load()
			require.ErrorContains(t, err, test.want)
			assert.Less(t, len(err.Error()), 4096)
			assert.True(t, strings.HasPrefix(err.Error(), "$SERVO_SETTINGS: "), err.Error())
		})
	}
}
