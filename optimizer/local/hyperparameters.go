package local

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// prior is what is believed about the logarithm of a hyperparameter before
// there is data, and between which limits it is kept. With as few trials as a
// study has, the marginal likelihood alone is often flat, or largest where the
// model explains everything by noise.
type prior struct{ mean, deviation, least, most float64 }

// priors returns those of a kernel, in its order. The sides of the space have
// length 1 and targets have variance 1, and so no setting needs to be known.
func priors(dims int) []prior {
	list := make([]prior, 0, dims+2)
	// The typical distance between two points grows with the square root of
	// the number of coordinates, and so must the lengths.
	length := 2 * math.Log(0.5*math.Sqrt(float64(dims)))
	for range dims {
		list = append(list, prior{length, 1.5, 2 * math.Log(0.05), 2 * math.Log(20)})
	}
	return append(list,
		prior{0, 1, math.Log(0.05), math.Log(20)},
		prior{math.Log(0.01), 2, math.Log(1e-5), math.Log(1)})
}

// workspace is the memory that a fit uses over and over.
type workspace struct {
	cov, inverse *mat.SymDense
	chol         mat.Cholesky
	alpha        mat.VecDense
	slopes       []float64
}

func newWorkspace(p pairs) *workspace {
	return &workspace{cov: mat.NewSymDense(p.n, nil), inverse: mat.NewSymDense(p.n, nil), slopes: make([]float64, p.n*(p.n-1)/2)}
}

// posterior returns the logarithm of the marginal likelihood of the targets
// times the priors, up to a constant, and fills in its gradient.
func posterior(p pairs, y *mat.VecDense, k kernel, believed []prior, work *workspace, gradient []float64) float64 {
	factorize(&work.chol, p, k, work)
	_ = work.chol.SolveVecTo(&work.alpha, y) // the errors are warnings
	_ = work.chol.InverseTo(work.inverse)    // about the condition
	value := -mat.Dot(y, &work.alpha)/2 - work.chol.LogDet()/2

	clear(gradient)
	weights, noise := k.inverse(), k.noise()
	lengths, signal := gradient[:p.dims], &gradient[p.dims]
	alpha := work.alpha.RawVector().Data
	inverse := work.inverse.RawSymmetric()
	row := 0
	for i := range p.n {
		for j := range i {
			w := alpha[i]*alpha[j] - inverse.Data[j*inverse.Stride+i]
			ws := w * work.slopes[row]
			for c, d := range p.d[row*p.dims : (row+1)*p.dims] {
				// The lengths are squared, hence the half.
				lengths[c] += ws * d * weights[c] / 2
			}
			*signal += w * work.cov.At(i, j)
			row++
		}
		w := alpha[i]*alpha[i] - inverse.Data[i*inverse.Stride+i]
		*signal += w * k.signal() / 2
		gradient[p.dims+1] += w * noise / 2
	}
	for i, b := range believed {
		z := (k[i] - b.mean) / b.deviation
		value -= z * z / 2
		gradient[i] -= z / b.deviation
	}
	return value
}

// How long the fit climbs from each of its starts.
const climbSteps = 30

// fit returns the kernel under which the targets are most likely, priors
// considered: the best found from a few fixed starts, so that the same data
// always give the same kernel.
//
// It climbs with steps of a size of its own per hyperparameter, which grow while
// the gradient keeps its sign and shrink when it changes (Rprop). That needs no
// line search, stays within the limits by clipping and does not care how
// differently the hyperparameters are scaled.
func fit(p pairs, targets []float64) kernel {
	believed := priors(p.dims)
	y := mat.NewVecDense(len(targets), targets)
	work := newWorkspace(p)
	best, bestValue := make(kernel, len(believed)), math.Inf(-1)
	gradient, previous, step := make([]float64, len(best)), make([]float64, len(best)), make([]float64, len(best))
	// Shorter lengths with little noise, and longer ones with more: the two
	// explanations between which few data often cannot decide.
	for _, start := range []struct{ length, noise float64 }{{-0.7, -1}, {1, 1}} {
		k := make(kernel, len(best))
		for i, b := range believed {
			k[i], step[i], previous[i] = b.mean, 0.3, 0
			if i < p.dims {
				k[i] += start.length
			}
		}
		k[len(k)-1] += start.noise
		for range climbSteps {
			value := posterior(p, y, k, believed, work, gradient)
			if value > bestValue {
				bestValue = value
				copy(best, k)
			}
			var moved float64
			for i, b := range believed {
				switch turn := gradient[i] * previous[i]; {
				case turn > 0:
					step[i] = math.Min(1.3*step[i], 1)
				case turn < 0:
					step[i] *= 0.4
				}
				previous[i] = gradient[i]
				was := k[i]
				k[i] = math.Max(b.least, math.Min(b.most, k[i]+math.Copysign(step[i], gradient[i])))
				moved = math.Max(moved, math.Abs(k[i]-was))
			}
			if moved < 0.01 {
				break
			}
		}
	}
	return best
}
