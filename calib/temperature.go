package calib

import (
	"fmt"
	"math"
)

// Bounds of a fitted temperature. The likelihood has no optimum inside them
// when, say, every labelled sample is classified correctly: it then improves
// without end as T falls.
const (
	MinTemperature = 1e-3
	MaxTemperature = 1e3
)

// TemperatureFit is a temperature and how well it does on the set it was
// fitted to.
type TemperatureFit struct {
	T       float64 `json:"temperature"`
	NLL     float64 `json:"nll"`      // of logits/T, in nats
	AtBound bool    `json:"at_bound"` // no optimum between the bounds; T is the better of them
}

// FitTemperature finds the T that minimises the negative log-likelihood of
// logits/T (Guo et al., 2017). In 1/T that is a convex function of one
// variable, so steps of Newton's kind between brackets find the optimum to the last
// digits, the one that the reference's L-BFGS approaches. Rows of equal logits
// only leave T undetermined, and 1 is returned.
func FitTemperature(logits Matrix, labels []int) (TemperatureFit, error) {
	if err := checkShape(logits.N, logits.K, len(logits.Data)); err != nil {
		return TemperatureFit{}, err
	}
	return FitTemperatureRows(logits, labels)
}

// FitTemperatureRows is [FitTemperature] for logits that are read in pieces,
// about twice.
func FitTemperatureRows(logits Rows, labels []int) (TemperatureFit, error) {
	return fitTemperature(logits, labels, nil)
}

// fitTemperature is FitTemperatureRows with what is known of the likelihood at
// T = 1, if anything.
func fitTemperature(logits Rows, labels []int, atOne *likelihood) (TemperatureFit, error) {
	n, k := logits.Shape()
	if err := checkDimensions(n, k); err != nil {
		return TemperatureFit{}, err
	}
	if err := checkLabels(n, k, labels); err != nil {
		return TemperatureFit{}, err
	}
	start := 1.0
	if some := sampleEvenly(n, max(256, startValues/k)); some != nil {
		first := make([]int, len(some))
		for j, i := range some {
			first[j] = labels[i]
		}
		m, err := Collect(selectedRows{logits, some})
		if err != nil {
			return TemperatureFit{}, err
		}
		fit, err := newtonTemperature(m, first, start)
		if err != nil {
			return TemperatureFit{}, err
		}
		start = fit.T
	}
	if atOne != nil {
		// All samples may tell more from T = 1 than some do from nearby; the two
		// must not contradict each other.
		if h, off := atOne.root(1); off <= 0.01 && math.Abs((1+h)*start-1) <= 0.2 {
			start = 1 / (1 + h)
		}
	}
	return newtonTemperature(logits, labels, start)
}

// startValues is how many logits the first estimate looks at.
const startValues = 1 << 19

// sampleEvenly returns at most so many of n indices, evenly spread, or nil
// when that would not be much fewer.
func sampleEvenly(n, most int) []int {
	if n < 4*most {
		return nil
	}
	out := make([]int, most)
	for j := range out {
		out[j] = j * n / most
	}
	return out
}

// Criterion chooses among the temperatures of [GridTemperature].
type Criterion int

const (
	ByNLL Criterion = iota // lowest negative log-likelihood
	ByECE                  // lowest expected calibration error, 10 bins
)

// GridTemperature tries T = 0.1, 0.2, ... 10.0, as common grid searches do,
// and returns the first with the lowest criterion.
func GridTemperature(logits Matrix, labels []int, by Criterion) (TemperatureFit, error) {
	if err := checkLabelled(logits, labels); err != nil {
		return TemperatureFit{}, err
	}
	if by != ByNLL && by != ByECE {
		return TemperatureFit{}, fmt.Errorf("unknown criterion %d for the temperature grid", by)
	}
	best, fit := math.Inf(1), TemperatureFit{}
	for step := 1; step <= 100; step++ {
		t := float64(step) / 10
		score := 0.0
		if by == ByNLL {
			score = nllAt(logits, labels, t)
		} else {
			score = eceAt(logits, labels, t)
		}
		if score < best {
			best, fit.T = score, t
		}
	}
	fit.NLL = nllAt(logits, labels, fit.T)
	return fit, nil
}

// Scale returns logits/t, for a t above 0.
func Scale(logits Matrix, t float64) (Matrix, error) {
	if err := logits.Check(); err != nil {
		return Matrix{}, err
	}
	if !(t > 0) || math.IsInf(t, 0) {
		return Matrix{}, fmt.Errorf("temperature %v: must be above 0 and finite", t)
	}
	out := logits.Clone()
	for i := range out.Data {
		out.Data[i] /= t
	}
	return out, out.Check()
}

// nllAt is the mean negative log-likelihood of logits/t. The row's maximum is
// subtracted before dividing, so a small t cannot overflow.
func nllAt(logits Matrix, labels []int, t float64) float64 {
	sum := 0.0
	for i, y := range labels {
		row := logits.Row(i)
		peak := row[ArgMax(row)]
		z := 0.0
		for _, l := range row {
			z += math.Exp((l - peak) / t)
		}
		sum += math.Log(z) + (peak-row[y])/t
	}
	return sum / float64(logits.N)
}

// eceAt is the ECE of logits/t without a copy of the matrix.
func eceAt(logits Matrix, labels []int, t float64) float64 {
	bins := make([]tally, DefaultBins)
	for i, y := range labels {
		row := logits.Row(i)
		top := ArgMax(row)
		z := 0.0
		for _, l := range row {
			z += math.Exp((l - row[top]) / t)
		}
		bins[max(binOf(1/z, DefaultBins), 0)].add(1/z, top == y)
	}
	return weightedGap(bins, logits.N)
}
