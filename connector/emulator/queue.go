package emulator

import "math"

// queue is a component as an M/M/c/K queue.
type queue struct {
	servers int     // c
	rate    float64 // μ of each, per second
	places  int     // K, at least c
}

// most and least is where numbers stop to be told apart: what the model says no
// longer changes, and sums stay finite.
const (
	mostOffered = 1e15
	tooLarge    = 1e200
	negligible  = 1e-18
)

// flow is what a queue makes of the requests that arrive.
type flow struct {
	served  float64 // per second
	seconds float64 // inside, of each request that is served; NaN without any
	busy    float64 // share of the servers that serve
}

// pass returns what becomes of load requests per second. A queue without servers
// serves nobody.
func (q queue) pass(load float64) flow {
	if q.servers < 1 || !(q.rate > 0) {
		return flow{seconds: math.NaN()}
	}
	offered := min(load/q.rate, mostOffered)
	// Weights are probabilities without the common factor p₀.
	weight, total, inside, full := 1.0, 1.0, 0.0, 1.0
	for n := 1; n <= q.places; n++ {
		weight *= offered / float64(min(n, q.servers))
		total += weight
		inside += float64(n) * weight
		if offered < float64(q.servers) && weight < negligible*total {
			full = 0
			break
		}
		if weight > tooLarge {
			weight, total, inside = weight/tooLarge, total/tooLarge, inside/tooLarge
		}
	}
	if full != 0 {
		full = weight / total
	}
	served := load * (1 - full)
	if !(served > 0) {
		return flow{seconds: math.NaN()}
	}
	return flow{served: served, seconds: inside / total / served, busy: min(1, served/q.rate/float64(q.servers))}
}
