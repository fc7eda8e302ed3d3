package run

import (
	"math"
	"slices"
)

// Significance is the level of the test by which a batch is said to drift.
const Significance = 0.01

// Batch tests whether the range ratios of a batch are drawn as those of the
// statistics, by the two-sample test of Kolmogorov and Smirnov: the greatest
// distance of the two distributions, and the probability of so great a one by
// chance (asymptotic, with Stephens' correction for few samples). Unlike a count
// of pictures outside of bounds it sees the middle move, and a reference that is
// a little off at its ends does no harm. The distance is NaN without pictures.
func (d Drift) Batch(ratios []float64) (distance, p float64) {
	n := len(ratios)
	if n == 0 {
		return math.NaN(), 1
	}
	sorted := slices.Clone(ratios)
	slices.Sort(sorted)
	for i, v := range sorted {
		at := d.cumulative(v)
		distance = max(distance, at-float64(i)/float64(n), float64(i+1)/float64(n)-at)
	}
	effective := float64(n) * float64(d.Pictures) / float64(n+d.Pictures)
	root := math.Sqrt(effective)
	return distance, kolmogorov((root + 0.12 + 0.11/root) * distance)
}

// cumulative is the share of the reference at or below v, linear between the
// quantiles.
func (d Drift) cumulative(v float64) float64 {
	last := len(d.Ratios) - 1
	switch {
	case v < d.Ratios[0]:
		return 0
	case v >= d.Ratios[last]:
		return 1
	}
	i, found := slices.BinarySearch(d.Ratios, v)
	for found && i < last && d.Ratios[i+1] == v { // of equal ones the last
		i++
	}
	if found {
		return d.Levels[i]
	}
	low, high := d.Ratios[i-1], d.Ratios[i]
	return d.Levels[i-1] + (d.Levels[i]-d.Levels[i-1])*(v-low)/(high-low)
}

// kolmogorov is the probability that a variable of Kolmogorov's distribution
// exceeds x.
func kolmogorov(x float64) float64 {
	if x < 1e-3 {
		return 1
	}
	if x < 1 { // where the other series converges slowly
		sum := 0.0
		for k := 1; k <= 7; k += 2 {
			sum += math.Exp(-float64(k*k) * math.Pi * math.Pi / (8 * x * x))
		}
		return 1 - math.Sqrt(2*math.Pi)/x*sum
	}
	sum := 0.0
	for k, sign := 1, 1.0; k <= 20; k, sign = k+1, -sign {
		sum += sign * math.Exp(-2*float64(k*k)*x*x)
	}
	return min(1, max(0, 2*sum))
}
