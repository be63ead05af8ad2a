package local

import "math/rand/v2"

// Sampler chooses the configuration that a study tries next. Write one to bring
// a search of your own.
//
// The engine calls Suggest once per trial, from one goroutine at a time, with
// everything measured so far and a source of randomness that depends on the
// seed of the study and the number of the trial only. A sampler that keeps no
// state of its own therefore makes the same suggestion again after a restart.
// It returns a point of the unit cube; the engine snaps it to the step grid and
// takes a random configuration instead when the point has been measured before
// and the space has others left.
type Sampler interface {
	Suggest(space *Space, history []Observation, rng *rand.Rand) []float64
}

// Observation is a finished trial as a [Sampler] sees it.
type Observation struct {
	// Point is where the configuration lies; see [Space.Point].
	Point []float64
	// Failed says that there are no numbers: the configuration was rejected or
	// aborted, it failed, or gave no data. Loss and Margins then mean nothing.
	Failed bool
	// Loss is the objective; less is better, also when it is maximized.
	Loss float64
	// Margins has an entry per constraint: how far the metric is on the good
	// side of its limit, as a share of the limit. Negative is a violation.
	Margins []float64
}

// feasible tells whether the trial met all constraints.
func (o Observation) feasible() bool {
	if o.Failed {
		return false
	}
	for _, m := range o.Margins {
		if m < 0 {
			return false
		}
	}
	return true
}
