package calib

import (
	"fmt"
	"math"
	"slices"
)

// DefaultLevel is the coverage of intervals where none is given.
const DefaultLevel = 0.95

// Interval is a range that a figure lies in with a stated probability.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Contains reports whether v lies in the interval, ends included.
func (i Interval) Contains(v float64) bool { return i.Low <= v && v <= i.High }

// Wilson is the score interval of a proportion of hits among n trials (Wilson,
// 1927), such as an accuracy; unlike the normal one it stays within 0 and 1
// and is right for few samples.
func Wilson(hits, n int, level float64) (Interval, error) {
	if n < 1 || hits < 0 || hits > n {
		return Interval{}, fmt.Errorf("%d hits of %d trials", hits, n)
	}
	if err := checkFraction("level", level); err != nil {
		return Interval{}, err
	}
	z, trials := normalQuantile((1+level)/2), float64(n)
	p := float64(hits) / trials
	centre := p + z*z/(2*trials)
	half := z * math.Sqrt(p*(1-p)/trials+z*z/(4*trials*trials))
	scale := 1 + z*z/trials
	i := Interval{(centre - half) / scale, (centre + half) / scale}
	// Rounding must not leave the ends that are exact.
	if hits == 0 {
		i.Low = 0
	}
	if hits == n {
		i.High = 1
	}
	return i, nil
}

// DetectableDifference is the smallest true difference that a two-sided test
// at 1-level finds with the given power, when the estimate of the difference
// has this standard error: (z_level + z_power)·standardError. For two
// accuracies near p on n samples each the error is √(2p(1-p)/n) if the samples
// are independent; for the same samples take that of [PairedBootstrap].
func DetectableDifference(standardError, level, power float64) (float64, error) {
	if !(standardError >= 0) || math.IsInf(standardError, 0) {
		return 0, fmt.Errorf("standard error %v: want a finite number of at least 0", standardError)
	}
	if err := checkFraction("level", level); err != nil {
		return 0, err
	}
	if err := checkFraction("power", power); err != nil {
		return 0, err
	}
	return (normalQuantile((1+level)/2) + normalQuantile(power)) * standardError, nil
}

// BenjaminiHochberg adjusts p-values for the number of comparisons (1995): a
// comparison whose adjusted value is at most q belongs to a selection of which
// a fraction q is expected to be false. The order is that of the argument.
func BenjaminiHochberg(p []float64) ([]float64, error) {
	order := make([]int, len(p))
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("p-value %d is %v: want 0 to 1", i, v)
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compare(p[a], p[b]) })
	out := make([]float64, len(p))
	least := 1.0
	for rank := len(order); rank >= 1; rank-- {
		i := order[rank-1]
		least = min(least, p[i]*float64(len(p))/float64(rank))
		out[i] = least
	}
	return out, nil
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// normalQuantile is the value that a standard normal variable stays below with
// probability p.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// checkFraction wants a value between 0 and 1, both excluded.
func checkFraction(name string, v float64) error {
	if !(v > 0 && v < 1) {
		return fmt.Errorf("%s %v: want a number between 0 and 1, both excluded", name, v)
	}
	return nil
}
