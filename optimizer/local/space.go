package local

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/servokit/servokit/types"
)

// Space is the set of configurations that a study searches, seen as a cube with
// sides from 0 to 1: one coordinate per setting, in the order of the
// description. A [Sampler] works with points of the cube; Space turns them into
// settings on their step grid and back. It never changes and may be used from
// several goroutines.
type Space struct {
	dims []dimension
}

// dimension is one setting that is searched.
type dimension struct {
	component string
	setting   types.Setting
	// levels is the number of values, 0 when any number in the range will do.
	levels       int
	lo, hi, step float64
	// categorical says that the order of the values means nothing.
	categorical bool
}

// NewSpace returns the space of the settings in a description that may be
// searched: ranges with room between minimum and maximum and enums with several
// values, unless pinned or without a known current value (there would be no way
// back to it). Settings that cannot be used are reported all at once, and so is
// a description that leaves nothing to search.
func NewSpace(d types.Description) (*Space, error) {
	var errs []error
	s := new(Space)
	for _, c := range types.MergeDescriptions(d).Components {
		for _, setting := range c.Settings {
			if setting.Pinned || !setting.Value.IsSet() {
				continue
			}
			selector := c.Name + "." + setting.Name
			if err := setting.Validate(); err != nil {
				errs = append(errs, fmt.Errorf("setting %s: %w", selector, err))
				continue
			}
			dim := dimension{component: c.Name, setting: setting}
			if err := dim.measure(); err != nil {
				errs = append(errs, fmt.Errorf("setting %s: %w", selector, err))
			} else if dim.levels != 1 {
				s.dims = append(s.dims, dim)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(s.dims) == 0 {
		return nil, errors.New("the description has no setting to search: each is pinned, has no current value or has only one value")
	}
	return s, nil
}

// measure works out the grid of a setting.
func (d *dimension) measure() error {
	if d.setting.Kind == types.EnumKind {
		d.levels = len(d.setting.Values)
		for _, v := range d.setting.Values {
			d.categorical = d.categorical || v.Kind() == types.TextKind
		}
		return nil
	}
	d.lo, _ = d.setting.Min.Float64()
	d.hi, _ = d.setting.Max.Float64()
	d.step, _ = d.setting.Step.Float64()
	switch {
	case d.hi < d.lo:
		return fmt.Errorf("min %s is greater than max %s", d.setting.Min, d.setting.Max)
	case d.step < 0:
		return fmt.Errorf("step %s is negative", d.setting.Step)
	case d.hi == d.lo:
		d.levels = 1
	case d.step > 0:
		// The nudge keeps a step such as 0.1 from losing the last level to
		// binary fractions.
		d.levels = int(math.Min(math.Floor((d.hi-d.lo)/d.step+1e-9)+1, 1<<31))
		d.hi = d.lo + float64(d.levels-1)*d.step
	}
	return nil
}

// Dims returns the number of settings that are searched, at least one.
func (s *Space) Dims() int { return len(s.dims) }

// Size returns the number of configurations, and false when there are too many
// to count or one setting is continuous.
func (s *Space) Size() (int, bool) {
	size := 1
	for _, d := range s.dims {
		if d.levels == 0 || size > math.MaxInt32/d.levels {
			return 0, false
		}
		size *= d.levels
	}
	return size, true
}

// Snap moves a point to the nearest configuration. Coordinates outside the cube
// go to its border, and those that are no number to its middle.
func (s *Space) Snap(point []float64) []float64 {
	snapped := make([]float64, len(s.dims))
	for i := range s.dims {
		u := 0.5
		if i < len(point) && !math.IsNaN(point[i]) {
			u = math.Max(0, math.Min(1, point[i]))
		}
		snapped[i] = s.dims[i].snap(u)
	}
	return snapped
}

func (d dimension) snap(u float64) float64 {
	if d.levels == 0 {
		return math.Round(u*1e4) / 1e4
	}
	return d.at(int(math.Round(u * float64(d.levels-1))))
}

// cell turns a point drawn evenly from the cube into a configuration. Every
// value gets an equal share of its side; with Snap, the first and the last one
// would get half of one.
func (s *Space) cell(u []float64) []float64 {
	p := make([]float64, len(s.dims))
	for i, d := range s.dims {
		if d.levels == 0 {
			p[i] = d.snap(u[i])
		} else {
			p[i] = d.at(min(int(u[i]*float64(d.levels)), d.levels-1))
		}
	}
	return p
}

// at returns the coordinate of a level.
func (d dimension) at(level int) float64 {
	if d.levels < 2 {
		return 0
	}
	return float64(level) / float64(d.levels-1)
}

// Settings returns the configuration nearest to a point.
func (s *Space) Settings(point []float64) types.Adjustments {
	snapped := s.Snap(point)
	config := make(types.Adjustments, len(s.dims))
	for i, d := range s.dims {
		config[i] = types.Adjustment{Component: d.component, Setting: d.setting.Name, Value: d.value(snapped[i])}
	}
	return config
}

func (d dimension) value(u float64) types.Value {
	if d.setting.Kind == types.EnumKind {
		return d.setting.Values[int(math.Round(u*float64(d.levels-1)))]
	}
	f := d.lo + u*(d.hi-d.lo)
	if d.levels > 0 {
		f = d.lo + math.Round(u*float64(d.levels-1))*d.step
	}
	// Twelve digits: steps of 0.1 give 0.3 and not 0.30000000000000004.
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', 12, 64), 64)
	if d.setting.Integral() {
		return types.Int(int64(math.Round(f)))
	}
	return types.Float(f)
}

// Point returns where a configuration lies. A value off the grid or outside the
// range gives a coordinate that is off the grid or outside the cube. It is
// false when a setting of the space is missing or has an impossible value.
func (s *Space) Point(config types.Adjustments) ([]float64, bool) {
	point := make([]float64, len(s.dims))
	for i, d := range s.dims {
		v, ok := lookup(config, d.selector())
		if !ok {
			return nil, false
		}
		if point[i], ok = d.coordinate(v); !ok {
			return nil, false
		}
	}
	return point, true
}

func (d dimension) selector() string { return d.component + "." + d.setting.Name }

func (d dimension) coordinate(v types.Value) (float64, bool) {
	if d.setting.Kind == types.EnumKind {
		for i, member := range d.setting.Values {
			if member.Equal(v) {
				return d.at(i), true
			}
		}
		return 0, false
	}
	f, ok := v.Float64()
	return (f - d.lo) / (d.hi - d.lo), ok
}

// current returns the configuration as described.
func (s *Space) current() types.Adjustments {
	config := make(types.Adjustments, len(s.dims))
	for i, d := range s.dims {
		config[i] = types.Adjustment{Component: d.component, Setting: d.setting.Name, Value: d.setting.Value}
	}
	return config
}

// complete checks a configuration that a person gave and fills it up from base.
func (s *Space) complete(given, base types.Adjustments) (types.Adjustments, error) {
	var errs []error
	config := slices.Clone(base)
	for _, a := range given {
		i := slices.IndexFunc(s.dims, func(d dimension) bool { return d.selector() == a.Selector() })
		if i < 0 {
			known := make([]string, len(s.dims))
			for j, d := range s.dims {
				known[j] = d.selector()
			}
			errs = append(errs, fmt.Errorf("%s: not a setting that is searched: those are %s", a.Selector(), strings.Join(known, ", ")))
			continue
		}
		v, err := s.dims[i].setting.Accept(a.Value)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if u, ok := s.dims[i].coordinate(v); !ok || s.dims[i].setting.Kind == types.RangeKind && (u < -1e-9 || u > 1+1e-9) {
			errs = append(errs, fmt.Errorf("%s: %s is outside of %s", a.Selector(), a.Value, s.dims[i].setting))
			continue
		}
		config[i].Value = v
	}
	return config, errors.Join(errs...)
}

func lookup(config types.Adjustments, selector string) (types.Value, bool) {
	for _, a := range config {
		if a.Selector() == selector {
			return a.Value, true
		}
	}
	return types.Value{}, false
}

// key is the same for configurations that mean the same.
func key(config types.Adjustments) string {
	parts := make([]string, len(config))
	for i, a := range config {
		text := strconv.Quote(a.Value.String())
		if f, ok := a.Value.Float64(); ok {
			text = strconv.FormatFloat(f, 'g', 12, 64)
		}
		parts[i] = a.Selector() + "=" + text
	}
	return strings.Join(parts, " ")
}
