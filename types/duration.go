package types

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Duration is a signed span of time with the servo's own text form, which adds
// days, weeks, months of 30 days and years of 365 days to Go's units. Use it in
// configuration and in wire types; convert with [Duration.Std] where the
// standard library wants a [time.Duration].
//
// In JSON and YAML a Duration reads a bare number as seconds and a string as
// [ParseDuration] does, and always writes the string form. The resolution is
// one microsecond: anything finer is rounded when it is read.
type Duration time.Duration

const (
	day   = 24 * time.Hour
	week  = 7 * day
	month = 30 * day
	year  = 365 * day
)

// longestDuration bounds the time that parsing outside input can take; with all
// units given to the last digit a duration has a tenth of it.
const longestDuration = 1 << 10

// shorten cuts what is quoted in an error to a length that a person reads.
func shorten(text string) string {
	if len(text) <= 80 {
		return text
	}
	return strings.ToValidUTF8(text[:77], "") + "..."
}

// durationUnits maps every accepted unit to its length.
var durationUnits = map[string]time.Duration{
	"ns": time.Nanosecond,
	"us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond,
	"ms": time.Millisecond,
	"s":  time.Second,
	"m":  time.Minute,
	"h":  time.Hour,
	"d":  day,
	"w":  week,
	"mm": month,
	"y":  year,
}

// ParseDuration reads text such as "90s", "1h30m", "1h 30m" or "2w". Units are
// ns, us (also µs), ms, s, m, h, d, w, mm (30 days) and y (365 days), in any
// order; repeated units add up. "0" is the only number that needs no unit.
// Blanks around the text and single blanks between groups are accepted;
// anything else, and a span beyond 64-bit nanoseconds, is an error that quotes
// the text (its beginning, when it is long).
func ParseDuration(text string) (Duration, error) {
	if len(text) > longestDuration {
		return 0, fmt.Errorf("invalid duration %q: longer than %d bytes", shorten(text), longestDuration)
	}
	rest := strings.TrimSpace(text)
	negative := false
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		negative = rest[0] == '-'
		rest = rest[1:]
	}
	if rest == "0" {
		return 0, nil
	}
	if rest == "" || rest[0] == ' ' {
		return 0, fmt.Errorf("invalid duration %q", shorten(text))
	}
	if d, ok := simple(rest); ok {
		if negative {
			d = -d
		}
		return d, nil
	}
	total := new(big.Rat)
	for rest != "" {
		number := rest[:leading(rest, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })]
		rest = rest[len(number):]
		unit := rest[:leading(rest, func(r rune) bool { return r >= 'a' && r <= 'z' || r == 'µ' || r == 'μ' })]
		rest = rest[len(unit):]
		if number == "" || unit == "" {
			return 0, fmt.Errorf("invalid duration %q", shorten(text))
		}
		length, ok := durationUnits[unit]
		if !ok {
			return 0, fmt.Errorf("unknown unit %q in duration %q", shorten(unit), shorten(text))
		}
		digits := number
		if strings.HasPrefix(digits, ".") {
			digits = "0" + digits
		}
		digits = strings.TrimSuffix(digits, ".")
		value, ok := new(big.Rat), false
		if number != "." && len(number) <= 64 && strings.Count(number, ".") <= 1 {
			value, ok = value.SetString(digits)
		}
		if !ok {
			return 0, fmt.Errorf("invalid value %q in duration %q", shorten(number), shorten(text))
		}
		total.Add(total, value.Mul(value, new(big.Rat).SetInt64(int64(length))))
		if len(rest) > 1 && rest[0] == ' ' {
			rest = rest[1:]
		}
	}
	if negative {
		total.Neg(total)
	}
	return durationFromRat(total, text)
}

// simple reads the most frequent form, a small whole number of one unit, without
// the cost of exact arithmetic.
func simple(text string) (Duration, bool) {
	const most = 9 // digits: no unit is longer than a year of 3e16 ns
	digits := leading(text, func(r rune) bool { return r >= '0' && r <= '9' })
	if digits == 0 || digits > most {
		return 0, false
	}
	length, ok := durationUnits[text[digits:]]
	if !ok || length < time.Microsecond {
		return 0, false
	}
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil || n > math.MaxInt64/int64(length) {
		return 0, false
	}
	return Duration(n * int64(length)), true
}

// leading counts the bytes of the longest prefix of s whose runes satisfy in.
func leading(s string, in func(rune) bool) int {
	for i, r := range s {
		if !in(r) {
			return i
		}
	}
	return len(s)
}

// durationFromRat rounds nanoseconds to microseconds and checks the range.
func durationFromRat(nanoseconds *big.Rat, text string) (Duration, error) {
	micro := new(big.Rat).Quo(nanoseconds, new(big.Rat).SetInt64(int64(time.Microsecond)))
	// Round half away from zero: floor(|x|*2+1)/2 with the sign put back.
	sign := micro.Sign()
	twice := micro.Abs(micro).Mul(micro, big.NewRat(2, 1))
	twice.Add(twice, big.NewRat(1, 1))
	whole := new(big.Int).Quo(twice.Num(), new(big.Int).Mul(twice.Denom(), big.NewInt(2)))
	whole.Mul(whole, big.NewInt(int64(time.Microsecond)))
	if sign < 0 {
		whole.Neg(whole)
	}
	if !whole.IsInt64() {
		return 0, fmt.Errorf("duration %q is out of range: it must lie within ±292 years", shorten(text))
	}
	return Duration(whole.Int64()), nil
}

// Seconds returns the Duration of a number of seconds, rounded to microseconds.
// Use it for wire values, which are seconds. A value that is not finite or out
// of range is an error.
func Seconds(s float64) (Duration, error) {
	if s == math.Trunc(s) && math.Abs(s) < 1e9 { // the most frequent case
		return Duration(int64(s) * int64(time.Second)), nil
	}
	text := strconv.FormatFloat(s, 'g', -1, 64)
	if math.IsNaN(s) || math.IsInf(s, 0) || math.Abs(s) > float64(math.MaxInt64)/float64(time.Second)*2 {
		return 0, fmt.Errorf("duration of %s seconds is out of range: it must lie within ±292 years", text)
	}
	r, _ := new(big.Rat).SetString(text)
	return durationFromRat(r.Mul(r, big.NewRat(int64(time.Second), 1)), text)
}

// Since returns the time that has passed since t.
func Since(t time.Time) Duration { return Duration(time.Since(t)) }

// Std returns d as a [time.Duration].
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns the extended text form, largest unit first: "1d3h46m40.5s",
// "500ms", "0". It is exact, and [ParseDuration] reads it back to the same
// value when that is a whole number of microseconds.
func (d Duration) String() string {
	if d == 0 {
		return "0"
	}
	rest := uint64(d)
	var b strings.Builder
	if d < 0 {
		b.WriteByte('-')
		rest = -rest
	}
	take := func(unit time.Duration, name string) {
		if n := rest / uint64(unit); n > 0 {
			b.WriteString(strconv.FormatUint(n, 10))
			b.WriteString(name)
			rest -= n * uint64(unit)
		}
	}
	if rest < uint64(time.Second) {
		take(time.Millisecond, "ms")
		take(time.Microsecond, "us")
		take(time.Nanosecond, "ns")
		return b.String()
	}
	take(year, "y")
	take(month, "mm")
	take(day, "d")
	take(time.Hour, "h")
	take(time.Minute, "m")
	if rest > 0 {
		seconds := fmt.Sprintf("%d.%09d", rest/uint64(time.Second), rest%uint64(time.Second))
		b.WriteString(strings.TrimSuffix(strings.TrimRight(seconds, "0"), "."))
		b.WriteByte('s')
	}
	return b.String()
}

// MarshalText writes the text form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the text form; see [ParseDuration].
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// MarshalJSON writes the text form as a JSON string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a number of seconds or the text form.
func (d *Duration) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && (data[0] == '-' || data[0] >= '0' && data[0] <= '9') {
		seconds, err := strconv.ParseFloat(string(data), 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return fmt.Errorf("invalid number of seconds %q", shorten(string(data)))
		}
		return d.set(seconds) // beyond float64 it is infinite, which is refused there
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	return d.set(v)
}

// MarshalYAML writes the text form as a YAML string.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// UnmarshalYAML reads a number of seconds or the text form. A quoted number
// has no unit and is refused, like in JSON.
func (d *Duration) UnmarshalYAML(unmarshal func(any) error) error {
	var v any
	if err := unmarshal(&v); err != nil {
		return err
	}
	return d.set(v)
}

func (d *Duration) set(v any) (err error) {
	var parsed Duration
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		parsed, err = ParseDuration(v)
	case float64:
		parsed, err = Seconds(v)
	case int:
		parsed, err = Seconds(float64(v))
	case int64:
		parsed, err = Seconds(float64(v))
	case uint64:
		parsed, err = Seconds(float64(v))
	default:
		err = fmt.Errorf("a duration must be a number of seconds or text such as \"1m30s\", not %s", shorten(fmt.Sprint(v)))
	}
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
