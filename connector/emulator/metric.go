package emulator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// Metric is a metric that can be measured and where its readings come from.
type Metric struct {
	// Name is that of the metric. Required.
	Name string `yaml:"name" description:"Name of the metric."`
	// Source is a figure of the model, or "random". Empty means the figure of
	// the same name. The package documentation has the list.
	Source string `yaml:"source" description:"Figure of the model that is measured, or random. The figure of the same name when not given."`
	// Unit must suit the source; empty means its usual one. Throughput is in
	// rpm or rps; a random metric has any unit or none.
	Unit types.Unit `yaml:"unit" description:"Unit, which must suit the source; its usual one when not given. Throughput is in rpm or rps."`
	// Min and Max bound a random metric. Nil means 10 and 2000, or 0 and 100
	// for a percentage.
	Min *float64 `yaml:"min" description:"Lower bound of a random metric. 10 when not given, 0 for a percentage."`
	Max *float64 `yaml:"max" description:"Upper bound of a random metric. 2000 when not given, 100 for a percentage."`
}

// source is a figure of the model.
type source struct {
	name  string
	units []types.Unit // the usual one first
	exact bool         // has no noise
	of    func(figures) float64
}

func sources() []source {
	latency := func(name string, quantile float64) source {
		return source{name: "latency_" + name, units: []types.Unit{types.Milliseconds}, of: func(f figures) float64 { return 1000 * quantile * f.latency }}
	}
	return []source{
		{name: "throughput", units: []types.Unit{types.RequestsPerMinute, types.RequestsPerSecond}, of: func(f figures) float64 { return f.throughput }},
		{name: "error_rate", units: []types.Unit{types.Percentage}, of: func(f figures) float64 { return f.errors }},
		latency("mean", 1),
		// The quantile q of an exponential distribution is ln(1/(1-q)) of its mean.
		latency("50th", math.Log(2)), latency("90th", math.Log(10)), latency("95th", math.Log(20)), latency("99th", math.Log(100)),
		{name: "utilization", units: []types.Unit{types.Percentage}, of: func(f figures) float64 { return f.utilization }},
		{name: "cpu_usage", units: []types.Unit{types.Cores}, of: func(f figures) float64 { return f.cores }},
		{name: "cost", units: []types.Unit{types.Unitless}, exact: true, of: func(f figures) float64 { return f.cost }},
	}
}

const randomSource = "random"

func sourceNames() string {
	var names []string
	for _, s := range sources() {
		names = append(names, s.name)
	}
	return strings.Join(append(names, randomSource), ", ")
}

// from returns where the readings come from, false for one that is random or
// not known.
func (m Metric) from() (source, bool) {
	name := m.Source
	if name == "" {
		name = m.Name
	}
	all := sources()
	if i := slices.IndexFunc(all, func(s source) bool { return s.name == name }); i >= 0 {
		return all[i], true
	}
	return source{}, false
}

// describe returns the metric as the optimizer sees it.
func (m Metric) describe() types.Metric {
	if s, ok := m.from(); ok && m.Unit == "" {
		return types.Metric{Name: m.Name, Unit: s.units[0]}
	}
	return types.Metric{Name: m.Name, Unit: m.Unit}
}

// limits returns the bounds of a random metric.
func (m Metric) limits() (least, most float64) {
	least, most = 10, 2000
	if m.Unit == types.Percentage {
		least, most = 0, 100
	}
	if m.Min != nil {
		least = *m.Min
	}
	if m.Max != nil {
		most = *m.Max
	}
	return least, most
}

// sample draws one sample, with as much noise.
func (m Metric) sample(f figures, noise float64, rng *rand.Rand) types.Sample {
	s, ok := m.from()
	if !ok {
		least, most := m.limits()
		return types.Observe(least + rng.Float64()*(most-least))
	}
	value := s.of(f)
	if math.IsNaN(value) {
		return types.Sample{} // there was nothing to be observed
	}
	if m.Unit == types.RequestsPerMinute || m.Unit == "" && s.units[0] == types.RequestsPerMinute {
		value *= 60
	}
	if !s.exact && noise > 0 {
		value *= math.Exp(noise*rng.NormFloat64() - noise*noise/2)
	}
	if s.units[0] == types.Percentage {
		value = min(value, 100)
	}
	return types.Observe(value)
}

func (m Metric) validate(path string) []error {
	var errs []error
	if m.Name == "" {
		errs = append(errs, config.Required(path+".name"))
	} else if len(m.Name) > longestName || strings.ContainsAny(m.Name, " \t\n") {
		errs = append(errs, config.Invalid(path+".name", m.Name, "a name without blanks"))
	}
	s, ok := m.from()
	switch {
	case !ok && m.Source == "" && m.Name != "":
		errs = append(errs, &config.FieldError{Path: path + ".source", Message: "required, since no figure has the name of the metric: one of " + sourceNames()})
	case !ok && m.Source != "" && m.Source != randomSource:
		errs = append(errs, config.Invalid(path+".source", m.Source, "one of "+sourceNames()))
	case ok && m.Unit.Validate() == nil && m.Unit != "" && !slices.Contains(s.units, m.Unit):
		errs = append(errs, config.Invalid(path+".unit", string(m.Unit), fmt.Sprintf("a unit of %s: %s", s.name, unitNames(s.units))))
	}
	if err := m.Unit.Validate(); err != nil {
		errs = append(errs, &config.FieldError{Path: path + ".unit", Message: err.Error()})
	}
	if ok && (m.Min != nil || m.Max != nil) {
		errs = append(errs, &config.FieldError{Path: path, Message: "only a random metric has min and max"})
	}
	for _, bound := range []struct {
		key   string
		value *float64
	}{{".min", m.Min}, {".max", m.Max}} {
		if v := bound.value; v != nil && (math.IsNaN(*v) || math.Abs(*v) > math.MaxFloat64/2) {
			errs = append(errs, config.Invalid(path+bound.key, *v, "a finite number"))
			return errs
		}
	}
	if least, most := m.limits(); least > most {
		errs = append(errs, &config.FieldError{Path: path, Message: fmt.Sprintf("min is more than max (%v > %v)", least, most)})
	}
	return errs
}

func unitNames(units []types.Unit) string {
	names := make([]string, len(units))
	for i, u := range units {
		if names[i] = string(u); u == types.Unitless {
			names[i] = "none"
		}
	}
	return strings.Join(names, " or ")
}
