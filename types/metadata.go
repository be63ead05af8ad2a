package types

import (
	"fmt"
	"slices"

	"github.com/servokit/servokit/internal/english"
)

// License is the license of a connector, as listings show it.
type License string

// The licenses.
const (
	MIT         License = "MIT"
	Apache2     License = "Apache 2.0"
	Proprietary License = "Proprietary"
)

// ParseLicense returns the license of exactly that text, or an error that lists
// the known ones.
func ParseLicense(text string) (License, error) {
	return oneOf("license", text, MIT, Apache2, Proprietary)
}

// UnmarshalText reads a license; see [ParseLicense].
func (l *License) UnmarshalText(text []byte) error { return assign(l, text, ParseLicense) }

// Maturity is how far a connector has come, as listings show it.
type Maturity string

// The maturities.
const (
	Experimental Maturity = "Experimental"
	Stable       Maturity = "Stable"
	Robust       Maturity = "Robust"
)

// ParseMaturity returns the maturity of exactly that text, or an error that
// lists the known ones.
func ParseMaturity(text string) (Maturity, error) {
	return oneOf("maturity level", text, Experimental, Stable, Robust)
}

// UnmarshalText reads a maturity; see [ParseMaturity].
func (m *Maturity) UnmarshalText(text []byte) error { return assign(m, text, ParseMaturity) }

// NormalizationPolicy says what becomes of time series that have different
// points in time.
type NormalizationPolicy string

// The policies.
const (
	// PassThrough leaves them as they are.
	PassThrough NormalizationPolicy = "passthrough"
	// Intersect keeps the points in time that all have.
	Intersect NormalizationPolicy = "intersect"
	// Fill gives all of them the points in time that any has.
	Fill NormalizationPolicy = "fill"
)

// ParseNormalizationPolicy returns the policy of exactly that text, or an error
// that lists the known ones.
func ParseNormalizationPolicy(text string) (NormalizationPolicy, error) {
	return oneOf("normalization policy", text, PassThrough, Intersect, Fill)
}

// UnmarshalText reads a policy; see [ParseNormalizationPolicy].
func (p *NormalizationPolicy) UnmarshalText(text []byte) error {
	return assign(p, text, ParseNormalizationPolicy)
}

func oneOf[T ~string](what, text string, known ...T) (T, error) {
	if slices.Contains(known, T(text)) {
		return T(text), nil
	}
	return "", fmt.Errorf("no %s identified by %q: use %s", what, shorten(text), english.Quoted(known...))
}

func assign[T any](into *T, text []byte, parse func(string) (T, error)) error {
	parsed, err := parse(string(text))
	if err == nil {
		*into = parsed
	}
	return err
}
