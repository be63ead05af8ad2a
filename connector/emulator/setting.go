package emulator

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// Component is a part of the emulated application with its settings.
type Component struct {
	// Name is that of the component, without dots and blanks. Required.
	Name string `yaml:"name" description:"Name of the component, without dots and blanks."`
	// Settings are what can be adjusted, in the order in which they are
	// described.
	Settings []Setting `yaml:"settings" description:"What can be adjusted."`
}

// Setting is something that can be adjusted. One that is named cpu, mem,
// replicas or inst_type has the rules that optimizers know it by.
type Setting struct {
	// Name is that of the setting. Required.
	Name string `yaml:"name" description:"Name of the setting. cpu, mem, replicas and inst_type have rules of their own."`
	// Type is "range" or "enum". Empty means enum when there are values, and
	// range otherwise.
	Type types.SettingKind `yaml:"type" description:"Kind of the setting: range or enum. Follows from the other keys when not given."`
	// Min, Max and Step bound a range, inclusive. Step defaults to 0.125 for
	// cpu and mem and to 1 for other whole numbers.
	Min  types.Value `yaml:"min" description:"Lower bound of a range, inclusive."`
	Max  types.Value `yaml:"max" description:"Upper bound of a range, inclusive."`
	Step types.Value `yaml:"step" description:"Step of a range. 0.125 for cpu and mem and 1 for other whole numbers when not given."`
	// Values are what an enum accepts.
	Values []types.Value `yaml:"values" description:"What an enum accepts."`
	// Value is the one to begin with. It may lie outside of the range, as that
	// of an application that was found so may. Unset means a random one.
	Value types.Value `yaml:"value" description:"Value to begin with. A random one when not given."`
	// Unit is shown to people. Empty means cores for cpu, GiB for mem and ec2
	// for inst_type.
	Unit string `yaml:"unit" description:"Unit, shown to people."`
	// Pinned settings are described and never changed.
	Pinned bool `yaml:"pinned" description:"Describe the setting and never change it."`
	// Effect says what else the setting does to the application.
	Effect Effect `yaml:"effect" description:"What the setting does to the speed and the price of a replica, beside what cpu, mem and replicas do."`
}

// Effect is what a setting does beside the roles that cpu, mem and replicas
// play in the model. The zero Effect is none.
type Effect struct {
	// Best is the value of a range at which a replica is fastest. Nil means
	// that the range has no effect.
	Best *float64 `yaml:"best" description:"Value of a range at which a replica is fastest."`
	// Weight says how much slower a replica is elsewhere: by exp(-weight) at
	// the other end of the range. Nil means 1.
	Weight *float64 `yaml:"weight" description:"How much slower a replica is elsewhere: by exp(-weight) at the other end of the range. 1 when not given."`
	// Factors multiply the speed of a replica, by the value of an enum. Those
	// that are not here count as 1.
	Factors map[string]float64 `yaml:"factors" description:"Speed of a replica by the value of an enum, 1 for those that are not here."`
	// Prices are what a replica costs per hour, by the value of an enum, beside
	// its cores and its memory.
	Prices map[string]float64 `yaml:"prices" description:"Cost of a replica per hour by the value of an enum, beside its cores and memory."`
}

// factor is what the setting multiplies the speed of a replica by.
func (e Effect) factor(s types.Setting) float64 {
	if s.Kind == types.EnumKind {
		if factor, ok := e.Factors[s.Value.String()]; ok {
			return factor
		}
		return 1
	}
	if e.Best == nil {
		return 1
	}
	value, _ := s.Value.Float64()
	least, _ := s.Min.Float64()
	most, _ := s.Max.Float64()
	if most <= least {
		return 1
	}
	weight := 1.0
	if e.Weight != nil {
		weight = *e.Weight
	}
	x := (value - *e.Best) / (most - least)
	return math.Exp(-weight * x * x)
}

// price is what the setting makes a replica cost.
func (e Effect) price(s types.Setting) float64 { return e.Prices[s.Value.String()] }

const (
	longestName  = 200
	longestValue = 1000
)

func (c Component) validate(path string) []error {
	var errs []error
	switch {
	case c.Name == "":
		errs = append(errs, config.Required(path+".name"))
	case strings.ContainsAny(c.Name, ". \t\n") || len(c.Name) > longestName:
		errs = append(errs, config.Invalid(path+".name", c.Name, "a name without dots and blanks"))
	}
	seen := map[string]bool{}
	for i, s := range c.Settings {
		at := fmt.Sprintf("%s.settings[%d]", path, i)
		switch {
		case s.Name == "":
			errs = append(errs, config.Required(at+".name"))
			continue
		case len(s.Name) > longestName || strings.ContainsAny(s.Name, " \t\n"):
			errs = append(errs, config.Invalid(at+".name", s.Name, "a name without blanks"))
			continue
		case seen[s.Name]:
			errs = append(errs, config.Invalid(at+".name", s.Name, "unique"))
		}
		seen[s.Name] = true
		errs = append(errs, s.validate(at)...)
	}
	return errs
}

func (s Setting) validate(path string) []error {
	var errs []error
	problem := func(key, message string) {
		errs = append(errs, &config.FieldError{Path: path + key, Message: message})
	}
	if s.Type != "" && s.Type != types.RangeKind && s.Type != types.EnumKind {
		return []error{config.Invalid(path+".type", string(s.Type), "range or enum")}
	}
	for _, given := range []struct {
		key    string
		values []types.Value
	}{{".min", []types.Value{s.Min}}, {".max", []types.Value{s.Max}}, {".step", []types.Value{s.Step}}, {".values", s.Values}, {".value", []types.Value{s.Value}}} {
		for _, v := range given.values {
			if len(v.String()) > longestValue { // and so too long to be quoted
				return []error{config.Invalid(path+given.key, v.String(), fmt.Sprintf("a value of at most %d characters", longestValue))}
			}
		}
	}
	if len(s.Unit) > longestName {
		return []error{config.Invalid(path+".unit", s.Unit, fmt.Sprintf("a unit of at most %d characters", longestName))}
	}
	d := s.describe()
	if err := d.Validate(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			problem("", line)
		}
	}
	for _, warning := range d.Warnings() {
		problem("", warning)
	}
	if len(errs) == 0 && s.Value.IsSet() {
		if _, err := d.Accept(s.Value); err != nil {
			problem(".value", err.Error())
		}
	}
	return append(errs, s.Effect.validate(path+".effect", d)...)
}

func (e Effect) validate(path string, s types.Setting) []error {
	var errs []error
	if (e.Best != nil || e.Weight != nil) && s.Kind == types.EnumKind {
		errs = append(errs, &config.FieldError{Path: path, Message: "only a range has best and weight: an enum has factors"})
	}
	if e.Best != nil && (math.IsNaN(*e.Best) || math.IsInf(*e.Best, 0)) {
		errs = append(errs, config.Invalid(path+".best", *e.Best, "a finite number"))
	}
	if w := e.Weight; w != nil && (!(*w >= 0) || math.IsInf(*w, 0)) {
		errs = append(errs, config.Invalid(path+".weight", *w, "zero or a positive number"))
	}
	if e.Weight != nil && e.Best == nil && s.Kind != types.EnumKind {
		errs = append(errs, config.Required(path+".best"))
	}
	member := func(key, name string) {
		at := fmt.Sprintf("%s.%s", path, key)
		if s.Kind != types.EnumKind {
			errs = append(errs, &config.FieldError{Path: at, Message: "only an enum has them: a range has best and weight"})
		} else if !slices.ContainsFunc(s.Values, func(v types.Value) bool { return v.String() == name }) {
			errs = append(errs, config.Invalid(at, name, "one of the values"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Factors)) {
		member("factors", name)
		if f := e.Factors[name]; !(f > 0) || math.IsInf(f, 0) {
			errs = append(errs, config.Invalid(path+".factors", f, "a positive number"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Prices)) {
		member("prices", name)
		if p := e.Prices[name]; !(p >= 0) || math.IsInf(p, 0) {
			errs = append(errs, config.Invalid(path+".prices", p, "zero or a positive number"))
		}
	}
	return errs
}

// roles are the names of settings that have rules, with their units.
var roles = map[string]string{
	string(types.CPURole):          string(types.Cores),
	string(types.MemoryRole):       string(types.Gibibytes),
	string(types.ReplicasRole):     "",
	string(types.InstanceTypeRole): "ec2",
}

// describe returns the setting as the optimizer sees it, without a value.
func (s Setting) describe() types.Setting {
	d := types.Setting{Name: s.Name, Kind: s.Type, Unit: s.Unit, Pinned: s.Pinned}
	if unit, ok := roles[s.Name]; ok {
		d.Role = types.Role(s.Name)
		if d.Unit == "" {
			d.Unit = unit
		}
	}
	if d.Kind == "" {
		d.Kind = types.RangeKind
		if len(s.Values) > 0 {
			d.Kind = types.EnumKind
		}
	}
	if d.Kind == types.EnumKind {
		d.Values = slices.Clone(s.Values)
		return d
	}
	d.Min, d.Max, d.Step = s.Min, s.Max, s.Step
	shares := d.Role == types.CPURole || d.Role == types.MemoryRole
	if !d.Step.IsSet() {
		switch whole := d.Min.Kind() == types.IntKind && d.Max.Kind() == types.IntKind; {
		case d.Min.IsSet() && d.Min.Equal(d.Max):
			d.Step = types.Int(0)
		case shares:
			d.Step = types.Float(0.125)
		case whole:
			d.Step = types.Int(1)
		}
	}
	all := []*types.Value{&d.Min, &d.Max, &d.Step}
	if shares || slices.ContainsFunc(all, func(v *types.Value) bool { return v.Kind() == types.FloatKind }) && d.Role != types.ReplicasRole {
		// YAML writes 2.0 as 2, so a whole bound among others means a float.
		for _, v := range all {
			if f, ok := v.Float64(); ok {
				*v = types.Float(f)
			}
		}
	}
	return d
}

// begin returns the setting with its first value, a random one when none is
// configured.
func (s Setting) begin(rng *rand.Rand) types.Setting {
	d := s.describe()
	share := rng.Float64() // also when it is not needed, so that the others stay the same
	if s.Value.IsSet() {
		value, _ := d.Accept(s.Value) // Validate has accepted it
		return d.With(value)
	}
	if d.Kind == types.EnumKind {
		return d.With(d.Values[int(share*float64(len(d.Values)))])
	}
	least, _ := d.Min.Float64()
	most, _ := d.Max.Float64()
	step, _ := d.Step.Float64()
	value := least
	if step > 0 {
		steps := math.Floor((most-least)/step + 1e-9)
		value = min(least+step*math.Floor(share*(steps+1)), most)
	}
	return d.With(numeric(d, value))
}

// numeric returns a number near value as the setting takes it, without the last
// digits that arithmetic adds.
func numeric(s types.Setting, value float64) types.Value {
	if rounded := math.Round(value*1e9) / 1e9; !math.IsInf(rounded, 0) {
		value = rounded
	}
	if accepted, err := s.Accept(types.Float(value)); err == nil {
		return accepted
	}
	return s.Min
}
