package types_test

import (
	"encoding/json"
	"flag"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/servokit/servokit/types"
)

const day = 24 * time.Hour

func TestParseDuration(t *testing.T) {
	for _, tt := range []struct {
		text string
		want time.Duration
	}{
		{"0", 0}, {"+0", 0}, {"-0", 0}, {" 0 ", 0}, {"0s", 0}, {"-0s", 0},
		{"1ns", 0}, {"499ns", 0}, {"500ns", time.Microsecond}, {"-500ns", -time.Microsecond}, {"1500ns", 2 * time.Microsecond},
		{"1us", time.Microsecond}, {"1µs", time.Microsecond}, {"1μs", time.Microsecond},
		{"1ms", time.Millisecond}, {"1s", time.Second}, {"1m", time.Minute}, {"1h", time.Hour},
		{"1d", day}, {"1w", 7 * day}, {"1mm", 30 * day}, {"1y", 365 * day},
		{"5.6s", 5600 * time.Millisecond},
		{"-2m3.4s", -123400 * time.Millisecond},
		{"10.5s4m", 250500 * time.Millisecond},
		{"+5s", 5 * time.Second},
		{"10w5d39h9m14.425s", 6620954425 * time.Millisecond},
		{"5y2mm", 162864000 * time.Second},
		{"1y4w1h", 33958800 * time.Second},
		{"2y4mm3d8h24m", 73729440 * time.Second},
		{"5.s", 5 * time.Second}, {".5s", 500 * time.Millisecond}, {"010s", 10 * time.Second}, {"08s", 8 * time.Second},
		{"1s1s1s", 3 * time.Second},
		{"1h30m", 90 * time.Minute}, {"1h 30m", 90 * time.Minute}, {"-1h 30m", -90 * time.Minute},
		{"  90s\t\n", 90 * time.Second},
		{"1m1mm1ms", time.Minute + 30*day + time.Millisecond},
		{"0.1s0.2s", 300 * time.Millisecond},
		{"59.123456s", 59123456 * time.Microsecond},
		{"9223372036s", 9223372036 * time.Second},
		{"9223372036.854775s", 9223372036854775 * time.Microsecond},
		{"-9223372036.854775s", -9223372036854775 * time.Microsecond},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, err := types.ParseDuration(tt.text)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.Std())
		})
	}
}

func TestParseDurationErrors(t *testing.T) {
	const outOfRange = "is out of range: it must lie within ±292 years"
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", `invalid duration ""`},
		{"blank", "  ", `invalid duration "  "`},
		{"sign only", "-", `invalid duration "-"`},
		{"number without a unit", "3", `invalid duration "3"`},
		{"zero with a fraction and no unit", "0.0", `invalid duration "0.0"`},
		{"unit only", "s", `invalid duration "s"`},
		{"point", ".", `invalid duration "."`},
		{"point with a unit", ".s", `invalid value "." in duration ".s"`},
		{"upper case", "5M", `invalid duration "5M"`},
		{"blank before the unit", "5 m", `invalid duration "5 m"`},
		{"blank after the sign", "- 5s", `invalid duration "- 5s"`},
		{"two blanks", "1h  30m", `invalid duration "1h  30m"`},
		{"tab", "1h\t30m", `invalid duration "1h\t30m"`},
		{"text before", "abc5s", `invalid duration "abc5s"`},
		{"text after", "5m foo", `invalid duration "5m foo"`},
		{"sign within", "1h-30m", `invalid duration "1h-30m"`},
		{"two signs", "--5s", `invalid duration "--5s"`},
		{"number left over", "1h30", `invalid duration "1h30"`},
		{"comma", "1,5s", `invalid duration "1,5s"`},
		{"unknown unit", "5x", `unknown unit "x" in duration "5x"`},
		{"units in one word", "5sm", `unknown unit "sm" in duration "5sm"`},
		{"exponent", "1e3s", `unknown unit "e" in duration "1e3s"`},
		{"hexadecimal", "0x5s", `unknown unit "x" in duration "0x5s"`},
		{"two points", "1.2.3s", `invalid value "1.2.3" in duration "1.2.3s"`},
		{"two points at the end", "5..s", `invalid value "5.." in duration "5..s"`},
		{"two points at the start", "..5s", `invalid value "..5" in duration "..5s"`},
		{"other digits", "٣s", `invalid duration "٣s"`},
		{"beyond 64 bits", "9223372037s", `duration "9223372037s" ` + outOfRange},
		{"below 64 bits", "-9223372037s", `duration "-9223372037s" ` + outOfRange},
		{"300 years", "300y", `duration "300y" ` + outOfRange},
		{"sum beyond 64 bits", "200y200y", `duration "200y200y" ` + outOfRange},
		{"60 digits", strings.Repeat("9", 60) + "y", outOfRange},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := types.ParseDuration(tt.text)
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.want)
			assert.Zero(t, got)
		})
	}
}

// Outside input decides on the length of the text, so neither the time nor the
// error may grow with it.
func TestParseDurationOfLongText(t *testing.T) {
	for name, text := range map[string]string{
		"groups":     strings.Repeat("1s", 1<<19),
		"digits":     strings.Repeat("1", 1<<20) + "s",
		"letters":    "1" + strings.Repeat("x", 1<<20),
		"blanks":     strings.Repeat(" ", 1<<20),
		"bad UTF-8":  strings.Repeat("\xc3", 1<<20),
		"just below": strings.Repeat("3", 1000) + "s",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := types.ParseDuration(text)
			require.Error(t, err)
			assert.Less(t, len(err.Error()), 1000)
			assert.Less(t, time.Since(start), time.Second)
		})
	}
}

func TestDurationString(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0"},
		{500 * time.Millisecond, "500ms"},
		{1500 * time.Microsecond, "1ms500us"},
		{123456 * time.Microsecond, "123ms456us"},
		{42 * time.Microsecond, "42us"},
		{1500, "1us500ns"},
		{time.Second, "1s"},
		{59123456 * time.Microsecond, "59.123456s"},
		{time.Minute, "1m"},
		{90500 * time.Millisecond, "1m30.5s"},
		{7 * day, "7d"},
		{100000500 * time.Millisecond, "1d3h46m40.5s"},
		{365*day - time.Second, "12mm4d23h59m59s"},
		{5*time.Hour + 37*time.Minute + 15*time.Second, "5h37m15s"},
		{30 * day, "1mm"}, {365 * day, "1y"},
		{-5 * time.Second, "-5s"},
		{-2000 * time.Second, "-33m20s"},
		{-500 * time.Millisecond, "-500ms"},
		{time.Second + time.Microsecond, "1.000001s"},
		{math.MaxInt64, "292y5mm21d23h47m16.854775807s"},
		{math.MinInt64, "-292y5mm21d23h47m16.854775808s"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			assert.Equal(t, tt.want, types.Duration(tt.d).String())
		})
	}
}

func TestSeconds(t *testing.T) {
	for _, tt := range []struct {
		seconds float64
		want    time.Duration
	}{
		{180, 3 * time.Minute}, {0.5, 500 * time.Millisecond}, {-2, -2 * time.Second},
		{0.1, 100 * time.Millisecond}, {1e-7, 0}, {5e-7, time.Microsecond}, {math.Copysign(0, -1), 0},
		{9223372036.854774, 9223372036854774 * time.Microsecond},
		{math.SmallestNonzeroFloat64, 0},
	} {
		got, err := types.Seconds(tt.seconds)
		require.NoError(t, err, "%g", tt.seconds)
		assert.Equal(t, tt.want, got.Std(), "%g", tt.seconds)
	}
	for _, seconds := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e308, -1e308, 1e10, -1e10, 9223372037} {
		_, err := types.Seconds(seconds)
		assert.ErrorContains(t, err, "out of range", "%g", seconds)
	}
}

func TestDurationFromDocuments(t *testing.T) {
	for _, tt := range []struct {
		name, json, yaml string
		want             time.Duration
		err              string
	}{
		{name: "integer", json: `180`, yaml: `180`, want: 3 * time.Minute},
		{name: "float", json: `0.5`, yaml: `0.5`, want: 500 * time.Millisecond},
		{name: "whole float", json: `2.0`, yaml: `2.0`, want: 2 * time.Second},
		{name: "exponent", json: `1e2`, yaml: `1e+2`, want: 100 * time.Second},
		{name: "negative", json: `-3`, yaml: `-3`, want: -3 * time.Second},
		{name: "negative zero", json: `-0`, yaml: `-0`},
		{name: "negative zero float", json: `-0.0`, yaml: `-0.0`},
		{name: "text", json: `"1h30m"`, yaml: `1h30m`, want: 90 * time.Minute},
		{name: "text with a blank", json: `"1h 30m"`, yaml: `1h 30m`, want: 90 * time.Minute},
		{name: "text zero", json: `"0"`, yaml: `"0"`},
		{name: "micro sign", json: `"5µs"`, yaml: `5µs`, want: 5 * time.Microsecond},
		{name: "number in quotes", json: `"90"`, yaml: `'90'`, err: `invalid duration "90"`},
		{name: "empty text", json: `""`, yaml: `""`, err: `invalid duration ""`},
		{name: "boolean", json: `true`, yaml: `true`, err: "not true"},
		{name: "list", json: `[1]`, yaml: `[1]`, err: "not [1]"},
		{name: "object", json: `{"s":1}`, yaml: `{s: 1}`, err: "not map[s:1]"},
		{name: "huge", json: `1e308`, yaml: `1.0e+308`, err: "out of range"},
		{name: "beyond float64", json: `1e400`, yaml: `.inf`, err: "duration of +Inf seconds is out of range"},
		{name: "below float64", json: `-1e400`, yaml: `-.inf`, err: "duration of -Inf seconds is out of range"},
		{name: "large integer", json: `18446744073709551615`, yaml: `18446744073709551615`, err: "out of range"},
		{name: "largest int64", json: `9223372036854775807`, yaml: `9223372036854775807`, err: "out of range"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for format, err := range map[string]func(*types.Duration) error{
				"json": func(d *types.Duration) error { return json.Unmarshal([]byte(tt.json), d) },
				"yaml": func(d *types.Duration) error { return yaml.Unmarshal([]byte(tt.yaml), d) },
			} {
				got := types.Duration(42)
				err := err(&got)
				if tt.err != "" {
					require.ErrorContains(t, err, tt.err, format)
					assert.Equal(t, types.Duration(42), got, "%s: an error leaves the value alone", format)
					continue
				}
				require.NoError(t, err, format)
				assert.Equal(t, tt.want, got.Std(), format)
			}
		})
	}
}

func TestDurationNotANumberInYAML(t *testing.T) {
	var d types.Duration
	assert.ErrorContains(t, yaml.Unmarshal([]byte(".nan"), &d), "duration of NaN seconds is out of range")
}

func TestDurationNullKeepsTheDefault(t *testing.T) {
	config := struct{ Wait types.Duration }{types.Duration(time.Minute)}
	require.NoError(t, json.Unmarshal([]byte(`{"Wait":null}`), &config))
	assert.Equal(t, time.Minute, config.Wait.Std())
	require.NoError(t, yaml.Unmarshal([]byte("wait: null"), &config))
	assert.Equal(t, time.Minute, config.Wait.Std())
}

func TestDurationWritesText(t *testing.T) {
	d := types.Duration(90 * time.Second)
	data, err := json.Marshal(map[string]types.Duration{"wait": d})
	require.NoError(t, err)
	assert.JSONEq(t, `{"wait":"1m30s"}`, string(data))
	data, err = yaml.Marshal(map[string]types.Duration{"wait": d, "none": 0})
	require.NoError(t, err)
	assert.Equal(t, "none: \"0\"\nwait: 1m30s\n", string(data))

	keys, err := json.Marshal(map[types.Duration]int{d: 1})
	require.NoError(t, err)
	assert.JSONEq(t, `{"1m30s":1}`, string(keys))
	var back map[types.Duration]int
	require.NoError(t, json.Unmarshal(keys, &back))
	assert.Equal(t, map[types.Duration]int{d: 1}, back)
	assert.ErrorContains(t, json.Unmarshal([]byte(`{"1x":1}`), &back), `unknown unit "x"`)
}

// A flag of a command line reads and shows the text form.
func TestDurationAsAFlag(t *testing.T) {
	flags := flag.NewFlagSet("servo", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var wait types.Duration
	flags.TextVar(&wait, "wait", types.Duration(90*time.Second), "how long")
	assert.Equal(t, "1m30s", flags.Lookup("wait").DefValue)
	require.NoError(t, flags.Parse([]string{"-wait", "2w"}))
	assert.Equal(t, 14*day, wait.Std())
	assert.ErrorContains(t, flags.Parse([]string{"-wait", "2"}), `invalid duration "2"`)
}

func TestSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		time.Sleep(90 * time.Second)
		assert.Equal(t, "1m30s", types.Since(begun).String())
	})
}

// Whole numbers are read in a shorter way, which must not give other results.
func TestShortWayOfReadingDurations(t *testing.T) {
	for _, unit := range []string{"ns", "us", "µs", "ms", "s", "m", "h", "d", "mm", "y"} {
		for _, n := range []string{"0", "1", "7", "292", "293", "999", "106751", "106752", "999999999", "1000000000", "9223372036", "9223372037"} {
			short, shortErr := types.ParseDuration(n + unit)
			long, longErr := types.ParseDuration(n + ".0" + unit)
			assert.Equal(t, long, short, n+unit)
			assert.Equal(t, longErr == nil, shortErr == nil, n+unit)
			negative, err := types.ParseDuration("-" + n + unit)
			if shortErr == nil {
				require.NoError(t, err)
				assert.Equal(t, -short, negative)
			}
		}
	}
	for _, s := range []float64{0, 1, -1, 60, 999_999_999, 1e9, 9_223_372_036, -9_223_372_036} {
		d, err := types.Seconds(s)
		require.NoError(t, err)
		assert.Equal(t, types.Duration(int64(s)*int64(time.Second)), d, s)
	}
}
