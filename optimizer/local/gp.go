package local

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// metric measures distances in a space, one coordinate at a time. Values of a
// categorical setting are all equally far from each other.
type metric []bool

func (s *Space) metric() metric {
	m := make(metric, len(s.dims))
	for i, d := range s.dims {
		m[i] = d.categorical
	}
	return m
}

// squared returns the squared distance along coordinate k.
func (m metric) squared(k int, a, b float64) float64 {
	if !m[k] {
		return (a - b) * (a - b)
	}
	if a == b {
		return 0
	}
	return 1
}

// kernel has the hyperparameters of a Gaussian process with a Matérn 5/2
// kernel: a length per coordinate, the variance of the function and that of the
// noise on top, all as logarithms. The lengths are squared. As a flat list they
// are what the fit adjusts.
type kernel []float64

func (k kernel) dims() int       { return len(k) - 2 }
func (k kernel) signal() float64 { return math.Exp(k[len(k)-2]) }
func (k kernel) noise() float64  { return math.Exp(k[len(k)-1]) }

// inverse returns one over the squared lengths.
func (k kernel) inverse() []float64 {
	w := make([]float64, k.dims())
	for i := range w {
		w[i] = math.Exp(-k[i])
	}
	return w
}

// matern returns the Matérn 5/2 correlation at the squared scaled distance r2,
// and minus its derivative with respect to r2, times two.
func matern(r2 float64) (value, slope float64) {
	a := math.Sqrt(5 * r2)
	e := math.Exp(-a)
	return (1 + a + a*a/3) * e, 5. / 3 * (1 + a) * e
}

// pairs holds the squared distances between all observations, which the models
// of objective and constraints share: for i > j, one number per coordinate.
type pairs struct {
	n, dims int
	d       []float64
}

func newPairs(points [][]float64, m metric) pairs {
	p := pairs{n: len(points), dims: len(m), d: make([]float64, 0, len(points)*(len(points)-1)/2*len(m))}
	for i, a := range points {
		for _, b := range points[:i] {
			for k := range m {
				p.d = append(p.d, m.squared(k, a[k], b[k]))
			}
		}
	}
	return p
}

// process is a Gaussian process that has seen observations.
type process struct {
	metric metric
	points [][]float64
	kernel kernel
	// mean and scale undo the standardization of the targets.
	mean, scale float64
	chol        mat.Cholesky
	lower       mat.TriDense
	alpha       mat.VecDense
}

// train fits a process to targets, one per point. There must be at least one
// point. It always succeeds: with targets that are all equal, or with points on
// top of each other, the priors decide.
func train(points [][]float64, targets []float64, m metric, p pairs) *process {
	g := &process{metric: m, points: points}
	y := g.standardize(targets)
	g.kernel = fit(p, y)
	g.condition(p, y)
	return g
}

// condition makes the process ready to predict with the kernel that it has.
func (g *process) condition(p pairs, y []float64) {
	factorize(&g.chol, p, g.kernel, nil)
	g.chol.LTo(&g.lower)
	_ = g.chol.SolveVecTo(&g.alpha, mat.NewVecDense(len(y), y)) // the error is a warning about the condition
}

// standardize returns the targets with mean 0 and deviation 1.
func (g *process) standardize(targets []float64) []float64 {
	// Of numbers near the largest that there are, the squares are infinite.
	unit := math.Max(slices.Max(targets), -slices.Min(targets))
	if unit == 0 {
		unit = 1
	}
	y := make([]float64, len(targets))
	for i, t := range targets {
		y[i] = t / unit
	}
	mean, scale := stat.MeanStdDev(y, nil)
	// Where nothing varies, a tenth of the value is what could. The condition
	// is also met by the deviation of a single value, which is NaN.
	if !(scale > 1e-9) {
		scale = math.Max(0.1*math.Abs(mean), 1e-6)
	}
	for i := range y {
		y[i] = (y[i] - mean) / scale
	}
	g.mean, g.scale = mean*unit, scale*unit
	return y
}

// factorize fills chol with the Cholesky factors of the covariance of the
// observations, and slopes, if any, with the derivatives of the kernel by pair.
// Rounding can make the matrix look indefinite when points coincide and there
// is hardly any noise; a growing jitter on the diagonal then does what noise
// would.
func factorize(chol *mat.Cholesky, p pairs, k kernel, work *workspace) {
	if work == nil {
		work = newWorkspace(p)
	}
	signal, weights := k.signal(), k.inverse()
	row := 0
	for i := range p.n {
		for j := range i {
			d := p.d[row*p.dims : (row+1)*p.dims]
			var r2 float64
			for c, w := range weights {
				r2 += w * d[c]
			}
			value, slope := matern(r2)
			work.slopes[row] = signal * slope
			work.cov.SetSym(i, j, signal*value)
			row++
		}
	}
	for jitter := 1e-10; ; jitter *= 10 {
		for i := range p.n {
			work.cov.SetSym(i, i, signal+k.noise()+jitter*signal)
		}
		if chol.Factorize(work.cov) {
			return
		}
	}
}

// predict returns mean and deviation of the function, without noise, at each
// point, in the units of the targets.
func (g *process) predict(at [][]float64) (means, deviations []float64) {
	n, m := len(g.points), len(at)
	if m == 0 {
		return nil, nil
	}
	signal, weights := g.kernel.signal(), g.kernel.inverse()
	cross := blas64.General{Rows: n, Cols: m, Stride: m, Data: make([]float64, n*m)}
	for i, a := range g.points {
		row := cross.Data[i*m : (i+1)*m]
		for j, b := range at {
			var r2 float64
			for c, w := range weights {
				r2 += w * g.metric.squared(c, a[c], b[c])
			}
			value, _ := matern(r2)
			row[j] = signal * value
		}
	}
	means, deviations = make([]float64, m), make([]float64, m)
	blas64.Gemv(blas.Trans, 1, cross, g.alpha.RawVector(), 0, blas64.Vector{N: m, Inc: 1, Data: means})
	blas64.Trsm(blas.Left, blas.NoTrans, 1, g.lower.RawTriangular(), cross)
	for i := range n {
		for j, v := range cross.Data[i*m : (i+1)*m] {
			deviations[j] += v * v
		}
	}
	for j := range means {
		means[j] = g.mean + g.scale*means[j]
		deviations[j] = g.scale * math.Sqrt(math.Max(signal-deviations[j], 1e-12*signal))
	}
	return means, deviations
}

// compress draws in the worst of the losses. One configuration that thrashes
// can be a hundred times worse than all others, and would leave no resolution
// among the good ones. What is better than the median, and somewhat beyond it,
// stays as it is.
func compress(losses []float64) []float64 {
	m := middle(losses)
	reach := 2 * (m - slices.Min(losses))
	if reach <= 0 {
		return losses
	}
	out := slices.Clone(losses)
	for i, v := range out {
		if beyond := (v - m) / reach; beyond > 1 {
			out[i] = m + reach*(1+math.Log(beyond))
		}
	}
	return out
}
