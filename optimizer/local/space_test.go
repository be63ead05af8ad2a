package local_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/servokit/servokit/optimizer/local"
	"github.com/servokit/servokit/types"
)

func spaceOf(t require.TestingT, settings ...types.Setting) *local.Space {
	space, err := local.NewSpace(types.Description{Components: []types.Component{{Name: "app", Settings: settings}}})
	require.NoError(t, err)
	return space
}

func TestSpace(t *testing.T) {
	space := spaceOf(t,
		types.Range("workers", types.Int(1), types.Int(4), types.Int(1)).With(types.Int(2)),
		types.Range("ratio", types.Float(0), types.Float(1), types.Float(0.1)).With(types.Float(0.5)),
		types.Enum("gc", types.Text("a"), types.Text("b"), types.Text("c")).With(types.Text("a")),
		types.Enum("size", types.Int(1), types.Int(10), types.Int(100)).With(types.Int(1)),
		types.Setting{Name: "fixed", Kind: types.RangeKind, Min: types.Int(1), Max: types.Int(9), Step: types.Int(1), Value: types.Int(5), Pinned: true},
		types.Range("same", types.Int(1), types.Int(1), types.Int(0)).With(types.Int(1)),
		types.Enum("single", types.Text("x")).With(types.Text("x")),
		types.Range("unknown", types.Int(1), types.Int(9), types.Int(1)),
	)
	assert.Equal(t, 4, space.Dims(), "what is pinned, fixed or unknown is left alone")
	size, ok := space.Size()
	assert.True(t, ok)
	assert.Equal(t, 4*11*3*3, size)

	config := space.Settings([]float64{0.34, 0.31, 0.5, 1})
	assert.Equal(t, types.Adjustments{
		{Component: "app", Setting: "workers", Value: types.Int(2)},
		{Component: "app", Setting: "ratio", Value: types.Float(0.3)},
		{Component: "app", Setting: "gc", Value: types.Text("b")},
		{Component: "app", Setting: "size", Value: types.Int(100)},
	}, config, "values are on the grid, without the digits of binary fractions")

	point, ok := space.Point(config)
	require.True(t, ok)
	assert.InDeltaSlice(t, []float64{1. / 3, 0.3, 0.5, 1}, point, 1e-12)
	_, ok = space.Point(config[:3])
	assert.False(t, ok, "a setting is missing")
	config[2].Value = types.Text("z")
	_, ok = space.Point(config)
	assert.False(t, ok, "there is no such value")
	config[2].Value, config[0].Value = types.Text("a"), types.Int(7)
	point, ok = space.Point(config)
	require.True(t, ok, "a baseline may lie outside")
	assert.InDelta(t, 2, point[0], 1e-12)

	assert.Equal(t, []float64{1, 0, 0.5, 0.5}, space.Snap([]float64{9, -9, math.NaN()}))
}

func TestSpaceContinuous(t *testing.T) {
	space := spaceOf(t, types.Range("x", types.Float(-1), types.Float(1), types.Float(0)).With(types.Float(0)))
	_, ok := space.Size()
	assert.False(t, ok)
	assert.Equal(t, types.Float(-0.5), space.Settings([]float64{0.25})[0].Value)
}

func TestSpaceUnevenStep(t *testing.T) {
	space := spaceOf(t, types.Range("x", types.Int(1), types.Int(10), types.Int(4)).With(types.Int(1)))
	size, _ := space.Size()
	assert.Equal(t, 3, size)
	assert.Equal(t, types.Int(9), space.Settings([]float64{1})[0].Value, "the last step within the range")
}

func TestSpaceProblems(t *testing.T) {
	_, err := local.NewSpace(types.Description{Components: []types.Component{{Name: "app", Settings: []types.Setting{
		types.Range("upside", types.Int(9), types.Int(1), types.Int(1)).With(types.Int(1)),
		types.Range("back", types.Int(1), types.Int(9), types.Int(-1)).With(types.Int(1)),
		types.Enum("strange", types.Text("a")).With(types.Text("b")),
	}}}})
	assert.ErrorContains(t, err, "setting app.upside: min 9 is greater than max 1")
	assert.ErrorContains(t, err, "setting app.back: step -1 is negative")
	assert.ErrorContains(t, err, `setting app.strange: invalid value: "b"`)
}

// anySetting draws a setting that is worth searching.
func anySetting(name string) *rapid.Generator[types.Setting] {
	return rapid.Custom(func(t *rapid.T) types.Setting {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			lo, n, step := rapid.Int64Range(-100, 100).Draw(t, "lo"), rapid.Int64Range(1, 40).Draw(t, "n"), rapid.Int64Range(1, 9).Draw(t, "step")
			return types.Range(name, types.Int(lo), types.Int(lo+n*step), types.Int(step)).With(types.Int(lo))
		case 1:
			lo, n := rapid.Float64Range(-10, 10).Draw(t, "lo"), rapid.IntRange(1, 40).Draw(t, "n")
			return types.Range(name, types.Float(lo), types.Float(lo+float64(n)*0.1), types.Float(0.1)).With(types.Float(lo))
		case 2:
			return types.Range(name, types.Float(0), types.Float(2.5), types.Float(0)).With(types.Float(7))
		default:
			var values []types.Value
			for i := range rapid.IntRange(2, 5).Draw(t, "values") {
				values = append(values, types.Text(fmt.Sprint("v", i)))
			}
			return types.Enum(name, values...).With(values[0])
		}
	})
}

func anySpace(t *rapid.T) *local.Space {
	var settings []types.Setting
	for i := range rapid.IntRange(1, 4).Draw(t, "dims") {
		settings = append(settings, anySetting(fmt.Sprint("s", i)).Draw(t, "setting"))
	}
	return spaceOf(t, settings...)
}

func anyPoint(t *rapid.T, dims int) []float64 {
	return rapid.SliceOfN(rapid.Float64Range(-0.5, 1.5), dims, dims).Draw(t, "point")
}

func TestSpaceThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		space := anySpace(t)
		snapped := space.Snap(anyPoint(t, space.Dims()))
		require.Equal(t, snapped, space.Snap(snapped), "snapping twice changes nothing")
		config := space.Settings(snapped)
		point, ok := space.Point(config)
		require.True(t, ok)
		require.InDeltaSlice(t, snapped, point, 1e-6)
		require.Equal(t, config, space.Settings(point), "settings survive the way there and back")
	})
}

// TestGaussianProcessSurvivesAnything suggests from histories that no one would
// wish for: constant or huge numbers, points on top of each other, nothing
// feasible, nothing but failures.
func TestGaussianProcessSurvivesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		space := anySpace(t)
		number := rapid.OneOf(rapid.Just(0.0), rapid.Just(1.0), rapid.Float64Range(-10, 10), rapid.Float64(), rapid.Just(math.NaN()), rapid.Just(math.Inf(1)))
		var history []local.Observation
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			o := local.Observation{Point: anyPoint(t, space.Dims()), Failed: rapid.Bool().Draw(t, "failed"), Loss: number.Draw(t, "loss"), Margins: []float64{number.Draw(t, "margin")}}
			if len(history) > 0 && rapid.Bool().Draw(t, "duplicate") {
				o.Point = history[0].Point
			}
			history = append(history, o)
		}
		point := local.GaussianProcess{}.Suggest(space, history, rand.New(rand.NewPCG(1, 1)))
		require.Len(t, point, space.Dims())
		for _, u := range point {
			require.True(t, u >= 0 && u <= 1, "%v", point)
		}
		size, finite := space.Size()
		for _, o := range history {
			if !finite || size > len(history) {
				require.NotEqual(t, space.Settings(o.Point), space.Settings(point), "measured before")
			}
		}
	})
}

func TestGaussianProcessIsDeterministic(t *testing.T) {
	space, history := rehearse(t, 4, 20)
	suggest := func(seed uint64) []float64 {
		return local.GaussianProcess{}.Suggest(space, history, rand.New(rand.NewPCG(seed, 0)))
	}
	assert.Equal(t, suggest(1), suggest(1))
}

// TestGaussianProcessIgnoresUnits measures in units of which the numbers are
// near the largest and the smallest that there are.
func TestGaussianProcessIgnoresUnits(t *testing.T) {
	space, history := rehearse(t, 3, 15)
	suggest := func(exponent int) []float64 {
		scaled := make([]local.Observation, len(history))
		for i, o := range history {
			o.Loss = math.Ldexp(o.Loss, exponent)
			scaled[i] = o
		}
		return local.GaussianProcess{}.Suggest(space, scaled, rand.New(rand.NewPCG(1, 0)))
	}
	want := suggest(0)
	assert.Equal(t, want, suggest(1010))
	assert.Equal(t, want, suggest(-900))
}

func TestExhaustedSpace(t *testing.T) {
	for _, sampler := range []local.Sampler{local.GaussianProcess{}, local.Random{}} {
		t.Run(fmt.Sprintf("%T", sampler), func(t *testing.T) {
			a := shop()
			a.description.Components[0].Settings = []types.Setting{
				types.Range("workers", types.Int(1), types.Int(4), types.Int(1)).With(types.Int(4)),
				types.Enum("cache", types.Int(32), types.Int(64)).With(types.Int(64)),
			}
			o := shopOptions(t)
			o.Sampler, o.Trials = sampler, 10
			e, err := local.New(o)
			require.NoError(t, err)
			r := a.run(t, e)
			require.NoError(t, r.Err)
			require.Len(t, r.Trials, 10)
			seen := map[string]bool{fmt.Sprint(r.Baseline.Settings): true}
			for _, trial := range r.Trials[:7] {
				assert.False(t, seen[fmt.Sprint(trial.Settings)], "trial %d was measured before", trial.Number)
				seen[fmt.Sprint(trial.Settings)] = true
			}
			assert.Len(t, seen, 8, "all there are")
		})
	}
}

// stubborn suggests the same point for ever, and one with too few coordinates.
type stubborn struct{}

func (stubborn) Suggest(*local.Space, []local.Observation, *rand.Rand) []float64 {
	return []float64{math.NaN()}
}

func TestSamplerThatRepeatsItself(t *testing.T) {
	o := shopOptions(t)
	o.Sampler, o.Initial = stubborn{}, 1
	e, err := local.New(o)
	require.NoError(t, err)
	r := shop().run(t, e)
	require.NoError(t, r.Err)
	seen := map[string]bool{}
	for _, trial := range r.Trials {
		seen[fmt.Sprint(trial.Settings)] = true
	}
	assert.Len(t, seen, 12)
}
