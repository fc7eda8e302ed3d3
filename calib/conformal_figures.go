package calib

import (
	"fmt"
	"math"
	"slices"
)

// SetFigures says how good sets are.
type SetFigures struct {
	Samples  int     `json:"samples"`
	Coverage float64 `json:"coverage"` // share of sets that hold the label
	// CoverageInterval is Wilson's, of 95 per cent.
	CoverageInterval Interval `json:"coverage_interval"`
	MeanSize         float64  `json:"mean_size"`
	// MeanSizeError and ClassGapError are the standard errors of MeanSize and
	// ClassGap over the samples, that of the gap by the delta method: as if no
	// class's coverage were on the other side of the wanted one.
	MeanSizeError float64 `json:"mean_size_standard_error"`
	MedianSize    float64 `json:"median_size"`
	Empty         float64 `json:"empty"`      // share of sets without a class
	Singletons    float64 `json:"singletons"` // share of sets of one
	// ClassGap is the mean over the classes that occur of |coverage of the
	// class - wanted coverage| (CCV of Conf-OT, there in per cent).
	ClassGap      float64   `json:"class_gap"`
	ClassGapError float64   `json:"class_gap_standard_error"`
	WorstClass    int       `json:"worst_class"` // the least covered one
	WorstCoverage float64   `json:"worst_coverage"`
	ByClass       []float64 `json:"coverage_by_class"` // -1 for a class that does not occur
}

// EvaluateSets compares sets with the labels they should hold.
func EvaluateSets(sets [][]int, labels []int, classes int, coverage float64) (SetFigures, error) {
	if len(sets) == 0 {
		return SetFigures{}, fmt.Errorf("sets: %w", ErrEmpty)
	}
	if len(sets) != len(labels) {
		return SetFigures{}, fmt.Errorf("%d labels for %d sets", len(labels), len(sets))
	}
	if err := checkFraction("coverage", coverage); err != nil {
		return SetFigures{}, err
	}
	f := SetFigures{Samples: len(sets), ByClass: make([]float64, classes)}
	held, count := make([]int, classes), make([]int, classes)
	sizes := make([]int, len(sets))
	hits := 0
	for i, set := range sets {
		y := labels[i]
		if y < 0 || y >= classes {
			return SetFigures{}, fmt.Errorf("label %d at row %d is outside 0 to %d", y, i, classes-1)
		}
		count[y]++
		if slices.Contains(set, y) {
			held[y]++
			hits++
		}
		sizes[i] = len(set)
		f.MeanSize += float64(len(set)) / float64(len(sets))
		switch len(set) {
		case 0:
			f.Empty += 1 / float64(len(sets))
		case 1:
			f.Singletons += 1 / float64(len(sets))
		}
	}
	squares := 0.0
	for _, n := range sizes {
		squares += (float64(n) - f.MeanSize) * (float64(n) - f.MeanSize)
	}
	f.MeanSizeError = math.Sqrt(squares) / float64(len(sets))
	slices.Sort(sizes)
	f.MedianSize = float64(sizes[(len(sizes)-1)/2]+sizes[len(sizes)/2]) / 2
	f.Coverage = float64(hits) / float64(len(sets))
	var err error
	if f.CoverageInterval, err = Wilson(hits, len(sets), DefaultLevel); err != nil {
		return SetFigures{}, err
	}
	f.WorstCoverage = math.Inf(1)
	occurring := 0
	for k, n := range count {
		if n == 0 {
			f.ByClass[k] = -1
			continue
		}
		occurring++
		f.ByClass[k] = float64(held[k]) / float64(n)
		f.ClassGap += math.Abs(f.ByClass[k] - coverage)
		f.ClassGapError += f.ByClass[k] * (1 - f.ByClass[k]) / float64(n)
		if f.ByClass[k] < f.WorstCoverage {
			f.WorstClass, f.WorstCoverage = k, f.ByClass[k]
		}
	}
	f.ClassGap /= float64(occurring)
	f.ClassGapError = math.Sqrt(f.ClassGapError) / float64(occurring)
	return f, nil
}

// CoverageInterval is where the coverage seen on so many test samples lies
// with the given probability, when the threshold comes from so many
// calibration samples and all are exchangeable with continuous scores: the
// hits are beta-binomial with parameters r and n+1-r, r = ⌈(n+1)·coverage⌉.
func CoverageInterval(calibration, test int, coverage, level float64) (Interval, error) {
	if err := checkFraction("coverage", coverage); err != nil {
		return Interval{}, err
	}
	if err := checkFraction("level", level); err != nil {
		return Interval{}, err
	}
	rank := quantileRank(calibration, coverage)
	if calibration < 1 || test < 1 || rank > calibration {
		return Interval{}, fmt.Errorf("%w: %d and %d test samples", ErrFewSamples, calibration, test)
	}
	a, b := float64(rank), float64(calibration+1-rank)
	low, high := -1, -1
	cumulative := 0.0
	for x := 0; x <= test; x++ {
		cumulative += math.Exp(logChoose(test, x) + logBeta(float64(x)+a, float64(test-x)+b) - logBeta(a, b))
		if low < 0 && cumulative >= (1-level)/2 {
			low = x
		}
		if high < 0 && cumulative >= (1+level)/2 {
			high = x
			break
		}
	}
	if high < 0 { // rounding in the last place
		high = test
	}
	return Interval{float64(low) / float64(test), float64(high) / float64(test)}, nil
}

func logBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n) + 1)
	b, _ := math.Lgamma(float64(k) + 1)
	c, _ := math.Lgamma(float64(n-k) + 1)
	return a - b - c
}
