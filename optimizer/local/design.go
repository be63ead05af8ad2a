package local

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
	"gonum.org/v1/gonum/stat/samplemv"
)

// spread returns n points that fill the space evenly: the Latin hypercube, of
// several drawn, whose closest points are furthest apart. Points of tried and
// repeats, which a coarse grid brings about, are replaced by points of further
// hypercubes.
func spread(space *Space, n int, tried seen, rng *rand.Rand) [][]float64 {
	if n <= 0 {
		return nil
	}
	var best [][]float64
	furthest := -1.0
	for range 32 {
		cube := latinHypercube(space.Dims(), n, rng)
		if d := closest(cube); d > furthest {
			best, furthest = cube, d
		}
	}
	used := make(seen, n+len(tried))
	for k := range tried {
		used[k] = true
	}
	points := make([][]float64, 0, n)
	for _, u := range append(best, latinHypercube(space.Dims(), 8*n, rng)...) {
		p := space.cell(u)
		if k := pointKey(space, p); len(points) < n && !used[k] {
			used[k] = true
			points = append(points, p)
		}
	}
	for len(points) < n {
		p := randomPoint(space, used, rng)
		used[pointKey(space, p)] = true
		points = append(points, p)
	}
	return points
}

// latinHypercube returns n points of the unit cube such that each of n equal
// slices of each side holds exactly one.
func latinHypercube(dims, n int, rng *rand.Rand) [][]float64 {
	batch := mat.NewDense(n, dims, nil)
	samplemv.LatinHypercube{Q: distmv.NewUnitUniform(dims, rng), Src: rng}.Sample(batch)
	points := make([][]float64, n)
	for i := range points {
		points[i] = mat.Row(nil, i, batch)
	}
	return points
}

// closest returns the squared distance of the two points that are nearest to
// each other.
func closest(points [][]float64) float64 {
	least := math.Inf(1)
	for i, a := range points {
		for _, b := range points[:i] {
			var sum float64
			for k := range a {
				sum += (a[k] - b[k]) * (a[k] - b[k])
			}
			least = math.Min(least, sum)
		}
	}
	return least
}
