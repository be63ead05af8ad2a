// Package emulator is a connector that emulates an application: it describes,
// measures and adjusts one that does not exist, so that a servo, an optimizer
// or a peer of the protocol can be driven as a black box. It needs nothing and
// no key is required:
//
//	emulator: {}
//
// emulates one component, fake-app, with the settings cpu, mem and replicas.
// Everything can be configured:
//
//	emulator:
//	  seed: 7
//	  adjust_duration: {min: 5s, max: 20s}
//	  failure_rate: 0.05
//	  components:
//	    - name: web
//	      settings:
//	        - {name: cpu, min: 0.5, max: 4.0, step: 0.25, value: 2.0}
//	        - {name: replicas, min: 1, max: 8, value: 6}
//	        - {name: GC, values: [serial, g1], value: serial, effect: {factors: {g1: 1.2}}}
//
// # The same seed, the same numbers
//
// Everything random comes from the seed: the values to begin with, times,
// failures and noise. What the n-th measurement or adjustment draws depends on
// the seed and on n only, not on when it runs, on what runs beside it or on the
// metrics that are asked for. Two instances with one seed draw the same.
//
// # Settings
//
// Settings named cpu, mem, replicas and inst_type have the rules that
// optimizers know them by, cpu counted in cores and mem in GiB. Any other, such
// as a variable of the environment, is a range or an enum without rules of its
// own. A setting without a value begins at a random one. An adjustment takes
// effect as a whole once its time is over; one that is refused, cancelled or
// fails leaves what was before. A number outside of its range is adjusted with a
// warning, a value of another type and a setting that does not exist are errors.
//
// The application lives as long as the servo does. A servo with a journal brings
// its values back when it starts again; see connector.Restore.
//
// # Time
//
// An operation takes as long as the control of its command says, for a
// measurement warm-up, duration and delay, for an adjustment the settlement
// (nothing, when the command has none); or a fixed time; or a random one
// between two bounds. Meanwhile it reports progress. With failure_rate, that
// share of the operations fails, after a random part of its time and with
// [ReasonFailure].
//
// # What is measured
//
// The readings follow from the settings in force when the measurement begins,
// plus noise. The model is an open line of queues, one for each component, that
// requests pass in the order of the configuration. A component with R replicas
// of C cores and M GiB serves, in each replica,
//
//	μ = core_rate · S(C) · G(M) · effects   requests per second, with
//	S(C) = C / (1 + contention·(C − 1))     Amdahl's law
//	G(M) = 1 / (1 + (working_set / M)⁴)     memory that is short
//
// where a setting that a component does not have counts as one replica, one
// core and enough memory. An effect multiplies the rate: exp(−weight·x²) for a
// range that is x = (value − best)/(max − min) away from its best value, and the
// factor of the value for an enum.
//
// The replicas are the servers of an M/M/c/K queue: requests arrive at random
// at the rate λ, which is load for the first component and what the one before
// has served for the others; c = R of them are served at a time, up to
// K = R·(1 + queue_limit) are inside, and one that finds no place is an error.
// With a = λ/μ the probability of n requests being inside is
//
//	pₙ = p₀ · aⁿ/n!               for n ≤ c
//	pₙ = p₀ · aⁿ/(c!·cⁿ⁻ᶜ)        for c ≤ n ≤ K
//
// so that λ·(1 − pK) of them are served, in Σ n·pₙ / (λ·(1 − pK)) seconds each by
// Little's law (L. Kleinrock, Queueing Systems, volume 1, 1975, chapter 3). Up
// to the point of saturation λ = c·μ everything is served, and latency grows
// slowly and then steeply; behind it throughput falls below load, requests fail
// and latency is that of full queues. There is no jump anywhere, and the
// cheapest configuration that keeps an objective lies inside of the ranges.
//
// From that come the sources of metrics:
//
//   - throughput: requests per second or minute that did not fail
//   - error_rate: percent of the requests that failed, for want of a place or as
//     one of error_floor
//   - latency_mean: the sum over the components; missing when nothing is served
//   - latency_50th, _90th, _95th, _99th: those of an exponential distribution
//     with that mean, which is exact for one replica and a long queue and an
//     approximation elsewhere
//   - utilization: percent of the time that the replicas of the busiest component
//     serve
//   - cpu_usage: cores that are busy
//   - cost: Σ R·(C·cpu_price + M·mem_price + prices of effects), without noise
//   - random: uniform between min and max, whatever the settings
//
// Noise multiplies each sample by a log-normal factor with mean 1 and a standard
// deviation of about noise. There is a sample per sample_interval. A reading is
// the mean of them, so a longer measurement is a better one, or with
// "readings: series" all of them.
package emulator
