package types

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Decimal is a decimal number as somebody wrote it, without the rounding of a
// float: 0.1 is a tenth. The zero Decimal is unset, which is not 0. Equal
// numbers are ==, whether they were written as 1, 1.0 or 10e-1.
//
// In JSON it reads a number or a string and writes a number.
type Decimal struct{ text string }

// The largest exponents, which keep every Decimal a finite float.
const longestExponent = 300

// ParseDecimal reads text such as "250", "-0.5" or "1e3". Anything that is not
// a decimal number, more than 64 digits and more than 300 places before or
// after the point are errors that quote the text.
func ParseDecimal(text string) (Decimal, error) {
	invalid := fmt.Errorf("invalid decimal %q", shorten(text))
	rest, negative := strings.CutPrefix(text, "-")
	if !negative {
		rest = strings.TrimPrefix(rest, "+")
	}
	mantissa, exponentText := rest, "0"
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		mantissa, exponentText = rest[:i], rest[i+1:]
	}
	exponent, err := strconv.Atoi(exponentText)
	if err != nil || len(exponentText) > longestNumber {
		return Decimal{}, invalid
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return Decimal{}, invalid
	}
	significant := strings.TrimLeft(digits, "0")
	trimmed := strings.TrimRight(significant, "0")
	if trimmed == "" {
		return Decimal{text: "0"}, nil
	}
	if len(trimmed) > longestNumber || len(digits) > longestDuration {
		return Decimal{}, fmt.Errorf("%w: more than %d digits", invalid, longestNumber)
	}
	// The number is 0.trimmed × 10^point.
	point := len(significant) - len(fraction)
	if exponent > 2*longestDuration || exponent < -2*longestDuration {
		return Decimal{}, fmt.Errorf("%w: out of range", invalid)
	}
	if point += exponent; point > longestExponent || point < -longestExponent {
		return Decimal{}, fmt.Errorf("%w: out of range", invalid)
	}
	return Decimal{text: plainDecimal(negative, trimmed, point)}, nil
}

// plainDecimal writes ±0.digits × 10^point, without an exponent while that
// stays short.
func plainDecimal(negative bool, digits string, point int) string {
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	switch {
	case point > 21 && point > len(digits) || point < -6:
		b.WriteString(digits[:1])
		if len(digits) > 1 {
			b.WriteString("." + digits[1:])
		}
		fmt.Fprintf(&b, "e%d", point-1)
	case point <= 0:
		b.WriteString("0." + strings.Repeat("0", -point) + digits)
	case point >= len(digits):
		b.WriteString(digits + strings.Repeat("0", point-len(digits)))
	default:
		b.WriteString(digits[:point] + "." + digits[point:])
	}
	return b.String()
}

// IsSet reports whether d is a number.
func (d Decimal) IsSet() bool { return d.text != "" }

// Float64 returns the nearest float, and false when d is unset.
func (d Decimal) Float64() (float64, bool) {
	f, err := strconv.ParseFloat(d.text, 64)
	return f, err == nil
}

// String returns the shortest text, "" when unset.
func (d Decimal) String() string { return d.text }

// MarshalJSON writes a number, or null when unset.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if !d.IsSet() {
		return []byte("null"), nil
	}
	return []byte(d.text), nil
}

// UnmarshalJSON reads a number, a string or null, which unsets d.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	text := string(bytes.TrimSpace(data))
	switch {
	case text == "null":
		*d = Decimal{}
		return nil
	case strings.HasPrefix(text, `"`):
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	case text == "" || !strings.ContainsAny(text[:1], "-0123456789"):
		return fmt.Errorf("a decimal number or text is required, not %s", shorten(text))
	}
	parsed, err := ParseDecimal(text)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
