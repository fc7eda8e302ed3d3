package calib

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The post-hoc calibrators that [FitCalibrator] fits on labelled logits. The
// first three act on logits; the last three fit one curve a class, "this class
// or another", and divide each row by its sum.
const (
	Temperature = "temperature" // l/T; keeps every arg max
	Vector      = "vector"      // w_k·l_k + b_k
	FullMatrix  = "matrix"      // W·l + b
	Platt       = "platt"       // logistic curve of the log-odds
	Isotonic    = "isotonic"    // rising steps of the probability
	Histogram   = "histogram"   // accuracy of the probability's bin
)

// CalibratorKinds lists them.
func CalibratorKinds() []string {
	return []string{Temperature, Vector, FullMatrix, Platt, Isotonic, Histogram}
}

// leastFitted is what a fitted probability of 0 is taken for, so that its
// logarithm is finite: the epsilon of float64, as in scikit-learn's log loss.
const leastFitted = 0x1p-52

// Calibrator maps logits to better ones. It is a value to be kept: write one
// with encoding/json, or with a checksum by [SaveCalibrator].
type Calibrator struct {
	Kind    string `json:"kind"`
	Classes int    `json:"classes"`

	Temperature float64   `json:"temperature,omitempty"`
	Weights     []float64 `json:"weights,omitempty"` // of vector [K], of matrix [K, K] row by row
	Bias        []float64 `json:"bias,omitempty"`    // of vector and matrix [K]
	Curves      []Curve   `json:"curves,omitempty"`  // of platt, isotonic and histogram, one a class
}

// Curve is what one class's probability is read from.
type Curve struct {
	// Slope and Offset: the probability is 1/(1+exp(-(Slope·x+Offset))) of the
	// log-odds x (platt).
	Slope  float64 `json:"slope,omitempty"`
	Offset float64 `json:"offset,omitempty"`
	// X and Y: ascending probabilities and what to take for them, linear in
	// between and constant beyond (isotonic); Y alone: the values of bins of
	// equal width (histogram).
	X []float64 `json:"x,omitempty"`
	Y []float64 `json:"y,omitempty"`
}

// FitOptions are settings of [FitCalibrator].
type FitOptions struct {
	// Bins of histogram; 0 means 15.
	Bins int
	// L2 weighs the squared weights off the diagonal of matrix, by K·(K-1),
	// and the squared biases of vector and matrix, by K (ODIR of Kull et al.,
	// 2019). 0, the default, is plain likelihood.
	L2 float64
}

// CalibratorFit says how a fit went, on the samples it was made on.
type CalibratorFit struct {
	Samples    int     `json:"samples"`
	NLLBefore  float64 `json:"nll_before"`
	NLL        float64 `json:"nll"`
	Parameters int     `json:"parameters"`
	// AtBound: the likelihood had no optimum between the bounds of the
	// temperature, which is then the better bound.
	AtBound bool `json:"at_bound,omitempty"`
	// NotConverged: the optimiser stopped before the gradient vanished, as it
	// must where the likelihood improves without end.
	NotConverged bool `json:"not_converged,omitempty"`
	// Unseen are the classes that no sample has.
	Unseen []int `json:"unseen_classes,omitempty"`
}

// FitCalibrator fits a calibrator of one of [CalibratorKinds]. The samples
// should not be those that are measured afterwards.
func FitCalibrator(kind string, logits Rows, labels []int, opt FitOptions) (Calibrator, CalibratorFit, error) {
	n, k := logits.Shape()
	c, fit := Calibrator{Kind: kind, Classes: k}, CalibratorFit{Samples: n}
	fail := func(err error) (Calibrator, CalibratorFit, error) {
		return Calibrator{}, CalibratorFit{}, fmt.Errorf("fit %s: %w", kind, err)
	}
	if !slices.Contains(CalibratorKinds(), kind) {
		return fail(fmt.Errorf("unknown kind; choose one of %s", strings.Join(CalibratorKinds(), ", ")))
	}
	if err := checkDimensions(n, k); err != nil {
		return fail(err)
	}
	if err := checkLabels(n, k, labels); err != nil {
		return fail(err)
	}
	if !(opt.L2 >= 0) || math.IsInf(opt.L2, 0) {
		return fail(fmt.Errorf("L2 %v: want a finite weight of at least 0", opt.L2))
	}
	if err := checkBins("bins", opt.Bins); err != nil {
		return fail(err)
	}
	before, err := likelihoodAt(logits, labels, 1)
	if err != nil {
		return fail(err)
	}
	fit.NLLBefore = before.nll
	fit.Unseen = unseenClasses(k, labels)
	if kind == Temperature {
		t, err := fitTemperature(logits, labels, &before)
		if err != nil {
			return fail(err)
		}
		c.Temperature, fit.AtBound, fit.NLL, fit.Parameters = t.T, t.AtBound, t.NLL, 1
		return c, fit, nil
	}
	if k < 2 {
		return fail(errors.New("logits of one class"))
	}
	m, err := Collect(logits)
	if err != nil {
		return fail(err)
	}
	switch kind {
	case Vector, FullMatrix:
		err = c.fitLinear(m, labels, opt.L2, &fit)
	default:
		err = c.fitCurves(m, labels, orDefault(opt.Bins, DefaultFineBins), &fit)
	}
	if err != nil {
		return fail(err)
	}
	mapped, err := c.Apply(m)
	if err != nil {
		return fail(err)
	}
	after, err := likelihoodAt(mapped, labels, 1)
	if err != nil {
		return fail(err)
	}
	fit.NLL = after.nll
	return c, fit, nil
}

func unseenClasses(k int, labels []int) (unseen []int) {
	seen := make([]bool, k)
	for _, y := range labels {
		seen[y] = true
	}
	for c, ok := range seen {
		if !ok {
			unseen = append(unseen, c)
		}
	}
	return unseen
}

// Check reports what is wrong with a calibrator that was not made by
// [FitCalibrator].
func (c Calibrator) Check() error {
	wrong := func(what string) error {
		return fmt.Errorf("calibrator %q of %d classes: %s", c.Kind, c.Classes, what)
	}
	if c.Classes < 1 {
		return wrong("no classes")
	}
	finite := func(lists ...[]float64) bool {
		for _, list := range lists {
			for _, v := range list {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return false
				}
			}
		}
		return true
	}
	switch c.Kind {
	case Temperature:
		if !(c.Temperature > 0) || math.IsInf(c.Temperature, 0) {
			return wrong(fmt.Sprintf("temperature %v, want a finite number above 0", c.Temperature))
		}
	case Vector, FullMatrix:
		want := c.Classes
		if c.Kind == FullMatrix {
			if c.Classes > 1<<20 {
				return wrong("too many classes for a matrix")
			}
			want *= c.Classes
		}
		if len(c.Weights) != want || len(c.Bias) != c.Classes {
			return wrong(fmt.Sprintf("%d weights and %d biases, want %d and %d", len(c.Weights), len(c.Bias),
				want, c.Classes))
		}
		if !finite(c.Weights, c.Bias) {
			return wrong("a weight or bias is not finite")
		}
	case Platt, Isotonic, Histogram:
		if len(c.Curves) != c.Classes {
			return wrong(fmt.Sprintf("%d curves", len(c.Curves)))
		}
		for k, v := range c.Curves {
			bad := !finite(v.X, v.Y, []float64{v.Slope, v.Offset})
			bad = bad || c.Kind != Platt && len(v.Y) == 0
			bad = bad || c.Kind == Isotonic && (len(v.X) != len(v.Y) || !slices.IsSorted(v.X))
			for _, y := range v.Y {
				bad = bad || y < 0 || y > 1
			}
			if bad {
				return wrong(fmt.Sprintf("the curve of class %d is damaged", k))
			}
		}
	default:
		return wrong("the kind is not known (" + strings.Join(CalibratorKinds(), ", ") + " are)")
	}
	return nil
}

// Apply shows logits through the calibrator. For platt, isotonic and histogram
// the new logits are the logarithms of the fitted probabilities. A temperature
// applies to logits of any number of classes, the others to those of as many as
// they were fitted on.
func (c Calibrator) Apply(logits Rows) (Rows, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if _, k := logits.Shape(); k != c.Classes && c.Kind != Temperature {
		return nil, fmt.Errorf("the calibrator (%s) was fitted on %d classes, the logits have %d", c.Kind,
			c.Classes, k)
	}
	switch c.Kind {
	case Temperature:
		return MapRows(logits, func(_ int, row []float64) {
			for k := range row {
				row[k] /= c.Temperature
			}
		}), nil
	case Vector:
		return MapRows(logits, func(_ int, row []float64) {
			for k := range row {
				row[k] = c.Weights[k]*row[k] + c.Bias[k]
			}
		}), nil
	case FullMatrix:
		return MapRows(logits, func(_ int, row []float64) {
			in := takeScratch(len(row))
			copy(in, row)
			c.affine(row, in)
			giveScratch(in)
		}), nil
	}
	return MapRows(logits, func(_ int, row []float64) { c.readCurves(row) }), nil
}
