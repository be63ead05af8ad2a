package config

import (
	"errors"
	"time"

	"github.com/servokit/servokit/types"
)

// FastFail says how a connector that measures looks at the objectives of the
// optimizer meanwhile, to give up early when they are violated again and again;
// see [types.SLOMonitor]. Give it the key fast_fail in the configuration of the
// connector. No variable of the environment sets its keys by themselves.
//
// The first look is one Period after the measurement began. What is skipped does
// not end with the warm-up: a connector should skip the longer of Skip and the
// warm-up, lest traffic of the warm-up ends the measurement.
type FastFail struct {
	// Disabled turns it off. In a file 1 and 0 are read as true and false.
	Disabled bool `yaml:"disabled" description:"Do not look at the objectives during a measurement: true or 1, false or 0." jsonschema:"oneof_type=boolean;integer"`
	// Period is the time between two looks. Default 60s.
	Period types.Duration `yaml:"period" description:"Time between two looks."`
	// Span is how far each look goes back. Default: Period.
	Span types.Duration `yaml:"span" description:"How far each look goes back. The period when not given."`
	// Skip is how long not to look at the beginning. Default 0.
	Skip types.Duration `yaml:"skip" description:"How long not to look at the beginning."`
	// TreatZeroAsMissing takes a metric of exactly 0 as no data. Default false.
	TreatZeroAsMissing bool `yaml:"treat_zero_as_missing" description:"Take a metric of exactly 0 as no data."`
}

// SetDefaults makes f look every 60 s at the last 60 s.
func (f *FastFail) SetDefaults() {
	*f = FastFail{Period: types.Duration(time.Minute), Span: types.Duration(time.Minute)}
}

// UnmarshalYAML reads the mapping. Unknown keys are errors.
func (f *FastFail) UnmarshalYAML(unmarshal func(any) error) error {
	var given struct {
		Disabled           *flag           `yaml:"disabled"`
		Period             *types.Duration `yaml:"period"`
		Span               *types.Duration `yaml:"span"`
		Skip               *types.Duration `yaml:"skip"`
		TreatZeroAsMissing *bool           `yaml:"treat_zero_as_missing"`
	}
	if err := unmarshal(&given); err != nil {
		return err
	}
	if given.Period != nil {
		f.Period = *given.Period
		f.Span = f.Period
	}
	set(&f.Span, given.Span)
	set(&f.Skip, given.Skip)
	set(&f.TreatZeroAsMissing, given.TreatZeroAsMissing)
	if given.Disabled != nil {
		f.Disabled = bool(*given.Disabled)
	}
	return nil
}

func set[T any](into, given *T) {
	if given != nil {
		*into = *given
	}
}

// Validate reports a period or span that is not positive, and a negative skip.
func (f FastFail) Validate() error {
	var errs []error
	if f.Period <= 0 {
		errs = append(errs, Invalid("period", f.Period, "a positive duration"))
	}
	if f.Span <= 0 {
		errs = append(errs, Invalid("span", f.Span, "a positive duration"))
	}
	if f.Skip < 0 {
		errs = append(errs, Invalid("skip", f.Skip, "a duration of 0 or more"))
	}
	return errors.Join(errs...)
}

// flag is a truth value that may be written as 0 or 1.
type flag bool

// UnmarshalYAML reads a truth value, 0 or 1.
func (f *flag) UnmarshalYAML(unmarshal func(any) error) error {
	var on bool
	if unmarshal(&on) == nil {
		*f = flag(on)
		return nil
	}
	var number int
	if unmarshal(&number) == nil && (number == 0 || number == 1) {
		*f = number == 1
		return nil
	}
	var form any
	if err := unmarshal(&form); err != nil {
		return err
	}
	return Invalid("", form, "true, false, 0 or 1")
}
