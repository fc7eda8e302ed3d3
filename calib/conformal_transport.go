package calib

import (
	"fmt"
	"math"
)

// TransportOptions are settings of [ConfOT].
type TransportOptions struct {
	Epsilon    float64 // the logits are divided by it; 0 is 1
	Iterations int     // 0 is 3
	// Uniform wants every class equally often. Otherwise the classes are wanted
	// as often as the calibration labels have them, and one without a label is
	// an error: it could be in no set.
	Uniform bool
}

// ConfOT turns the logits of a calibration and a test fold together into
// probabilities whose classes occur as often as wanted (Conf-OT, Silva-Rodríguez
// et al., CVPR 2025): exp(logits/ε) is scaled to that marginal over the samples
// and to 1 over the classes, a few times in turn (Sinkhorn). The labels are
// used for the marginal only and the map treats all samples alike, so that
// split conformal prediction on the result keeps its guarantee; take the
// logarithm for [FitConformal]. Both folds are needed at once.
func ConfOT(calibration, test Rows, labels []int, opt TransportOptions) (ofCalibration, ofTest Matrix, err error) {
	n, k := calibration.Shape()
	m, tk := test.Shape()
	if err := checkDimensions(m, tk); err != nil {
		return Matrix{}, Matrix{}, fmt.Errorf("test: %w", err)
	}
	if err := checkDimensions(n, k); err != nil {
		return Matrix{}, Matrix{}, fmt.Errorf("calibration: %w", err)
	}
	if k != tk {
		return Matrix{}, Matrix{}, fmt.Errorf("%d classes in the calibration fold, %d in the test fold", k, tk)
	}
	if err := checkLabels(n, k, labels); err != nil {
		return Matrix{}, Matrix{}, err
	}
	if opt.Epsilon == 0 {
		opt.Epsilon = 1
	}
	if opt.Iterations == 0 {
		opt.Iterations = 3
	}
	if !(opt.Epsilon > 0) || math.IsInf(opt.Epsilon, 0) || opt.Iterations < 0 || opt.Iterations > 10_000 {
		return Matrix{}, Matrix{},
			fmt.Errorf("ε %v and %d iterations: want a finite ε above 0 and 1 to 10000 iterations",
				opt.Epsilon, opt.Iterations)
	}
	want, err := opt.marginal(k, labels)
	if err != nil {
		return Matrix{}, Matrix{}, err
	}
	q := NewMatrix(n+m, k)
	a, b := Matrix{n, k, q.Data[:n*k]}, Matrix{m, k, q.Data[n*k:]}
	for _, part := range []struct {
		name string
		src  Rows
		dst  Matrix
	}{{"calibration", calibration, a}, {"test", test, b}} {
		err := eachBlock(part.src, partsOf(part.dst.N, 0), func(_, from int, block []float64) error {
			for i := 0; i < len(block); i += k {
				if err := checkRow(block[i:i+k], from+i/k); err != nil {
					return fmt.Errorf("%s: %w", part.name, err)
				}
			}
			copy(part.dst.Data[from*k:], block)
			return nil
		})
		if err != nil {
			return Matrix{}, Matrix{}, err
		}
	}
	return a, b, transport(q, want, opt)
}

// LogRows shows probabilities, as [ConfOT] makes them, as logits: their logarithms,
// with the least positive number for one that vanished.
func LogRows(probabilities Rows) Rows {
	return MapRows(probabilities, func(_ int, row []float64) {
		for k, p := range row {
			row[k] = math.Log(max(p, math.SmallestNonzeroFloat64))
		}
	})
}

func (o TransportOptions) marginal(k int, labels []int) ([]float64, error) {
	want := make([]float64, k)
	for c := range want {
		if o.Uniform {
			want[c] = 1 / float64(k)
		}
	}
	if o.Uniform {
		return want, nil
	}
	if unseen := unseenClasses(k, labels); len(unseen) > 0 {
		return nil,
			fmt.Errorf("%w: %d of %d classes have none, as class %d; ask for a uniform marginal instead of that "+
				"of the labels",
				ErrFewSamples, len(unseen), k, unseen[0])
	}
	for _, y := range labels {
		want[y] += 1 / float64(len(labels))
	}
	return want, nil
}

// transport scales q = exp(logits/ε) in place. The largest logit is taken off
// first, which the scaling undoes.
func transport(q Matrix, want []float64, opt TransportOptions) error {
	peak := math.Inf(-1)
	for _, v := range q.Data {
		peak = max(peak, v)
	}
	parts := partsOf(q.N, q.K)
	sums := make([][]float64, parts)
	// Each pass scales the classes by what the pass before summed.
	classScale := make([]float64, q.K)
	for k := range classScale {
		classScale[k] = 1
	}
	for step := 0; step <= opt.Iterations; step++ {
		for p := range sums {
			sums[p] = make([]float64, q.K)
		}
		err := eachBlock(q, parts, func(part, from int, block []float64) error {
			sum := sums[part]
			for at := 0; at < len(block); at += q.K {
				row := q.Row(from + at/q.K)
				total := 0.0
				for k, v := range row {
					if step == 0 {
						v = math.Exp((v - peak) / opt.Epsilon)
					} else {
						v *= classScale[k]
						total += v
					}
					row[k] = v
				}
				if step > 0 {
					if !(total > 0) {
						return fmt.Errorf("row %d of both folds together vanishes: the logits lie too far apart "+
							"for ε %g; give a larger one", from+at/q.K, opt.Epsilon)
					}
					for k := range row {
						row[k] /= total
					}
				}
				addTo(sum, row)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for k := range classScale {
			total := 0.0
			for _, s := range sums {
				total += s[k]
			}
			if !(total > 0) {
				return fmt.Errorf("class %d vanishes: the logits lie too far apart for ε %g; give a larger one",
					k, opt.Epsilon)
			}
			classScale[k] = want[k] / total
		}
	}
	return nil
}
