package local

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// Random searches at random, uniformly over the configurations that have not
// been tried. Use it as the yardstick for another sampler.
type Random struct{}

// Suggest returns a random point that is not in the history, or any random
// point when the space is exhausted.
func (Random) Suggest(space *Space, history []Observation, rng *rand.Rand) []float64 {
	return randomPoint(space, seenIn(space, history), rng)
}

// seen is a set of configurations, by [pointKey].
type seen map[string]bool

func seenIn(space *Space, history []Observation) seen {
	s := make(seen, len(history))
	for _, o := range history {
		s[pointKey(space, o.Point)] = true
	}
	return s
}

// pointKey is the same for points that snap to the same configuration.
func pointKey(space *Space, point []float64) string {
	b := make([]byte, 0, 8*len(point))
	for _, u := range space.Snap(point) {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(u))
	}
	return string(b)
}

// randomPoint draws an unseen point. In a small space it looks at every
// configuration, so that it cannot miss the last one.
func randomPoint(space *Space, tried seen, rng *rand.Rand) []float64 {
	if points, ok := space.enumerate(1024); ok {
		rng.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
		for _, p := range points {
			if !tried[pointKey(space, p)] {
				return p
			}
		}
		return points[0]
	}
	var p []float64
	for range 100 {
		u := make([]float64, space.Dims())
		for i := range u {
			u[i] = rng.Float64()
		}
		if p = space.cell(u); !tried[pointKey(space, p)] {
			break
		}
	}
	return p
}

// enumerate lists all configurations when there are no more than limit.
func (s *Space) enumerate(limit int) ([][]float64, bool) {
	size, ok := s.Size()
	if !ok || size > limit {
		return nil, false
	}
	points := make([][]float64, size)
	for n := range points {
		rest := n
		points[n] = make([]float64, len(s.dims))
		for i, d := range s.dims {
			points[n][i] = d.at(rest % d.levels)
			rest /= d.levels
		}
	}
	return points, true
}
