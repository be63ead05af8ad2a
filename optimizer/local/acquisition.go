package local

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// GaussianProcess searches with a model of what was measured: a Gaussian
// process each for the objective and for the margin of every constraint, with a
// Matérn 5/2 kernel, a length per setting and observation noise, fitted to the
// history at each suggestion. It suggests the configuration with the largest
// expected improvement on the best feasible one, weighted by the probability
// that all constraints are kept and that the configuration works at all. Until
// something feasible is known it looks for what is most probably feasible.
//
// It never suggests a configuration of the history while the space has others,
// keeps no state and needs some tens of milliseconds for fifty observations of
// six settings.
type GaussianProcess struct{}

// Suggest returns the most promising point.
func (GaussianProcess) Suggest(space *Space, history []Observation, rng *rand.Rand) []float64 {
	history = tame(space, history)
	a := newAcquisition(space, history)
	tried := seenIn(space, history)
	points := candidates(space, tried, rng)
	scores := a.score(points)
	if _, all := space.enumerate(enumerable); !all {
		points, scores = a.refine(space, history, tried, points, scores, rng)
	}
	best := 0
	for i, s := range scores {
		if s > scores[best] {
			best = i
		}
	}
	return points[best]
}

// tame returns the history with what would upset the models put right: a
// baseline that lies far outside of the space is moved closer, and numbers that
// are none make a failure.
func tame(space *Space, history []Observation) []Observation {
	var tamed []Observation
	margins := -1
	for _, o := range history {
		if len(o.Point) != space.Dims() || slices.ContainsFunc(o.Point, math.IsNaN) {
			continue
		}
		o.Point = slices.Clone(o.Point)
		for i, u := range o.Point {
			o.Point[i] = math.Max(-1, math.Min(2, u))
		}
		if !o.Failed && margins < 0 {
			margins = len(o.Margins)
		}
		o.Failed = o.Failed || !finite(o.Loss) || len(o.Margins) != margins ||
			slices.ContainsFunc(o.Margins, func(v float64) bool { return !finite(v) })
		tamed = append(tamed, o)
	}
	return tamed
}

const (
	// enumerable is the size up to which every configuration is looked at.
	enumerable = 1024
	// sampled is how many are looked at in a larger space, before refining.
	sampled = 1024
)

// candidates returns the untried configurations of a small space, or a sample
// that is spread over a large one. When all have been tried, it returns them
// all: measuring again is then all that is left.
func candidates(space *Space, tried seen, rng *rand.Rand) [][]float64 {
	all, ok := space.enumerate(enumerable)
	if ok {
		if fresh := untried(space, tried, all, space.Snap); len(fresh) > 0 {
			return fresh
		}
		return all
	}
	if fresh := untried(space, tried, latinHypercube(space.Dims(), sampled, rng), space.cell); len(fresh) > 0 {
		return fresh
	}
	return [][]float64{randomPoint(space, tried, rng)}
}

// untried puts the points on the grid and leaves out those of tried, and
// repeats.
func untried(space *Space, tried seen, points [][]float64, snap func([]float64) []float64) [][]float64 {
	used := make(seen, len(points))
	fresh := make([][]float64, 0, len(points))
	for _, p := range points {
		p = snap(p)
		if k := pointKey(space, p); !tried[k] && !used[k] {
			used[k] = true
			fresh = append(fresh, p)
		}
	}
	return fresh
}

// acquisition says how much is expected of a configuration.
type acquisition struct {
	// loss is nil without anything feasible, and best is then meaningless.
	loss    *process
	best    float64
	margins []*process
	// works is nil when no configuration failed.
	works *process
}

func newAcquisition(space *Space, history []Observation) *acquisition {
	a := new(acquisition)
	m := space.metric()
	var points [][]float64
	var losses []float64
	var margins [][]float64
	var feasible [][]float64
	failures := false
	for _, o := range history {
		if o.Failed {
			failures = true
			continue
		}
		points = append(points, o.Point)
		losses = append(losses, o.Loss)
		if margins == nil {
			margins = make([][]float64, len(o.Margins))
		}
		for i := range margins {
			// Far from the limit only the order of magnitude counts; the
			// sign stays.
			margins[i] = append(margins[i], math.Asinh(o.Margins[i]))
		}
		if o.feasible() {
			feasible = append(feasible, o.Point)
		}
	}
	if failures {
		a.works = trainWorks(history, m)
	}
	if len(points) == 0 {
		return a
	}
	p := newPairs(points, m)
	for _, targets := range margins {
		a.margins = append(a.margins, train(points, targets, m, p))
	}
	if len(feasible) > 0 {
		a.loss = train(points, compress(losses), m, p)
		// What the model makes of the best points, not what was measured
		// there: the least of noisy measurements is too good to be true.
		means, _ := a.loss.predict(feasible)
		a.best = slices.Min(means)
	}
	return a
}

// trainWorks models whether a configuration works at all, above or below zero,
// with a kernel that is given: failures are too few to learn one from. Far from
// everything the answer is a cautious yes. A failure weighs twice as much as a
// success, so that the search keeps some distance from it instead of trying
// every configuration along the border.
func trainWorks(history []Observation, m metric) *process {
	g := &process{metric: m, mean: 0.6, scale: 1}
	y := make([]float64, len(history))
	for i, o := range history {
		g.points = append(g.points, o.Point)
		y[i] = 1 - g.mean
		if o.Failed {
			y[i] = -2 - g.mean
		}
	}
	for range m {
		g.kernel = append(g.kernel, 2*math.Log(0.25*math.Sqrt(float64(len(m)))))
	}
	g.kernel = append(g.kernel, 0, math.Log(0.1))
	g.condition(newPairs(g.points, m), y)
	return g
}

// score returns the logarithm of the weighted expected improvement. The
// logarithm keeps candidates apart that are all nearly hopeless.
func (a *acquisition) score(points [][]float64) []float64 {
	scores := make([]float64, len(points))
	weigh := func(g *process) {
		means, deviations := g.predict(points)
		for i := range scores {
			scores[i] += logCDF(means[i] / deviations[i])
		}
	}
	for _, g := range a.margins {
		weigh(g)
	}
	if a.works != nil {
		weigh(a.works)
	}
	if a.loss != nil {
		means, deviations := a.loss.predict(points)
		for i := range scores {
			scores[i] += logImprovement((a.best-means[i])/deviations[i]) + math.Log(deviations[i])
		}
	}
	return scores
}

// refine looks around the best candidates, and around the best feasible
// observations, in steps of the grid.
func (a *acquisition) refine(space *Space, history []Observation, tried seen, points [][]float64, scores []float64, rng *rand.Rand) ([][]float64, []float64) {
	var around [][]float64
	feasible := slices.DeleteFunc(slices.Clone(history), func(o Observation) bool { return !o.feasible() })
	sort.SliceStable(feasible, func(i, j int) bool { return feasible[i].Loss < feasible[j].Loss })
	for _, o := range feasible[:min(3, len(feasible))] {
		around = append(around, o.Point)
	}
	for range 3 {
		order := make([]int, len(points))
		for i := range order {
			order[i] = i
		}
		sort.SliceStable(order, func(i, j int) bool { return scores[order[i]] > scores[order[j]] })
		for _, i := range order[:min(5, len(order))] {
			around = append(around, points[i])
		}
		var near [][]float64
		for _, p := range around {
			for range 16 {
				near = append(near, space.neighbour(p, rng))
			}
		}
		near = untried(space, tried, near, space.Snap)
		points = append(points, near...)
		scores = append(scores, a.score(near)...)
		around = nil
	}
	return points, scores
}

// neighbour returns a configuration that is a few steps away in one coordinate
// or some.
func (s *Space) neighbour(point []float64, rng *rand.Rand) []float64 {
	p := slices.Clone(point)
	sure := rng.IntN(len(p))
	for i, d := range s.dims {
		if i != sure && rng.Float64() > 1/float64(len(p)) {
			continue
		}
		switch {
		case d.categorical:
			p[i] = d.at(rng.IntN(d.levels))
		case d.levels == 0:
			p[i] += 0.05 * rng.NormFloat64()
		default:
			// One step mostly, and now and then a wider one on a fine grid.
			steps := 1 + math.Floor(math.Abs(rng.NormFloat64())*0.03*float64(d.levels))
			if rng.IntN(2) == 0 {
				steps = -steps
			}
			p[i] += steps / float64(max(d.levels-1, 1))
		}
	}
	return p
}

// logCDF is the logarithm of the normal distribution function, also where that
// function has long been zero in floating point.
func logCDF(z float64) float64 {
	if z > -8 {
		return math.Log(distuv.UnitNormal.CDF(z))
	}
	return -z*z/2 - math.Log(-z) - math.Log(2*math.Pi)/2
}

// logImprovement is the logarithm of the expected improvement for a deviation
// of 1, when the mean is z better than the best.
func logImprovement(z float64) float64 {
	if z > -6 {
		return math.Log(distuv.UnitNormal.Prob(z) + z*distuv.UnitNormal.CDF(z))
	}
	return -z*z/2 - 2*math.Log(-z) - math.Log(2*math.Pi)/2
}
