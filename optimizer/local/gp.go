package local

import "math/rand/v2"

// GaussianProcess is the default sampler.
type GaussianProcess struct{}

// Suggest x.
func (GaussianProcess) Suggest(space *Space, history []Observation, rng *rand.Rand) []float64 {
	return Random{}.Suggest(space, history, rng)
}
