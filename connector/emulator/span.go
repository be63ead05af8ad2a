package emulator

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// Span says how long an emulated operation takes. The zero Span is as long as
// the control of the command says; make others with [Fixed] and [Between]. In a
// configuration file it is "control", a duration, or a mapping with min and max.
type Span struct {
	given    bool
	min, max types.Duration
}

// Fixed returns the span of operations that always take d. With 0 they end at
// once. A negative d is a problem that [Config.Validate] reports.
func Fixed(d time.Duration) Span { return Between(d, d) }

// Between returns the span of operations that take a random time from least to
// most, inclusive, drawn from the seed of the emulator. Negative bounds, and
// bounds the wrong way round, are problems that [Config.Validate] reports.
func Between(least, most time.Duration) Span {
	return Span{given: true, min: types.Duration(least), max: types.Duration(most)}
}

const (
	byControl    = "control"
	acceptedSpan = "control, a duration such as 30s, or a mapping with min and max"
)

// String returns "control", "30s" or "30s to 10m".
func (s Span) String() string {
	switch {
	case !s.given:
		return byControl
	case s.min == s.max:
		return s.min.String()
	default:
		return s.min.String() + " to " + s.max.String()
	}
}

// draw returns the time of one operation. Control is what its command says.
func (s Span) draw(control time.Duration, rng *rand.Rand) time.Duration {
	share := rng.Float64() // also when it is not needed, so that what follows stays the same
	if !s.given {
		return control
	}
	return min(s.min.Std()+time.Duration(share*float64(s.max-s.min)), s.max.Std())
}

func (s Span) validate(path string) error {
	switch {
	case s.min < 0 || s.max < 0:
		return config.Invalid(path, s, "zero or positive")
	case s.min > s.max:
		return &config.FieldError{Path: path, Message: fmt.Sprintf("min is more than max (%s > %s)", s.min, s.max)}
	}
	return nil
}

// bounds is the form with a minimum and a maximum.
type bounds struct {
	Min *types.Duration `yaml:"min"`
	Max *types.Duration `yaml:"max"`
}

// Validate reports a bound that is not given.
func (b bounds) Validate() error {
	for key, bound := range map[string]*types.Duration{"min": b.Min, "max": b.Max} {
		if bound == nil {
			return config.Required(key)
		}
	}
	return nil
}

// UnmarshalYAML reads any of the forms. The error says what is accepted.
func (s *Span) UnmarshalYAML(unmarshal func(any) error) error {
	var mapping map[string]any
	if unmarshal(&mapping) == nil {
		var b bounds
		if err := unmarshal(&b); err != nil {
			return err
		}
		if err := b.Validate(); err != nil {
			return err
		}
		*s = Between(b.Min.Std(), b.Max.Std())
		return nil
	}
	var text string
	if unmarshal(&text) == nil && text == byControl {
		*s = Span{}
		return nil
	}
	var d types.Duration
	if unmarshal(&d) == nil {
		*s = Fixed(d.Std())
		return nil
	}
	if text == "" {
		return &config.FieldError{Message: "required is " + acceptedSpan}
	}
	return config.Invalid("", text, acceptedSpan)
}

// MarshalYAML writes the form that UnmarshalYAML reads. It never fails.
func (s Span) MarshalYAML() (any, error) {
	switch {
	case !s.given:
		return byControl, nil
	case s.min == s.max:
		return s.min.String(), nil
	default:
		return bounds{Min: &s.min, Max: &s.max}, nil
	}
}
