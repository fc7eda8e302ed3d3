package calib

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// DefaultNeighbours is the number of nearest base classes that [DACFactors]
// looks at in the release of its authors.
const DefaultNeighbours = 5

// sameClass is the distance of unit text features below which two classes are
// taken for one.
const sameClass = 0.05

// ClassFeatures are text features [classes, D] of two lists of classes under
// two models; rows need not have unit length.
type ClassFeatures struct {
	// Base are the classes the model was adapted on.
	ZeroShotBase, TunedBase Matrix
	// New are the classes it is used on, in the order of the logits' columns.
	ZeroShotNew, TunedNew Matrix
}

// DACFactors returns the factor of distance-aware calibration for each new
// class (Wang et al., "Open-Vocabulary Calibration for Fine-tuned CLIP", 2024):
// with d the mean distance of its unit text feature from the k nearest base
// classes,
//
//	factor = exp(-d_tuned) / exp(-d_zeroshot),
//
// below 1 where tuning has moved the class away from the base classes; and 1
// for a class whose tuned feature lies within 0.05 of a base class. k is
// capped at the number of base classes; 0 means [DefaultNeighbours].
func DACFactors(f ClassFeatures, k int) ([]float64, error) {
	if k == 0 {
		k = DefaultNeighbours
	}
	if k < 1 {
		return nil, fmt.Errorf("%d nearest classes: want 1 or more", k)
	}
	zeroShot, err := nearest(f.ZeroShotNew, f.ZeroShotBase, k)
	if err != nil {
		return nil, fmt.Errorf("zero-shot text features: %w", err)
	}
	tuned, err := nearest(f.TunedNew, f.TunedBase, k)
	if err != nil {
		return nil, fmt.Errorf("tuned text features: %w", err)
	}
	if len(tuned) != len(zeroShot) || f.TunedBase.N != f.ZeroShotBase.N {
		return nil, fmt.Errorf("%d new and %d base classes tuned, %d and %d zero-shot: both must be the same classes",
			len(tuned), f.TunedBase.N, len(zeroShot), f.ZeroShotBase.N)
	}
	out := make([]float64, len(tuned))
	for i, d := range tuned {
		out[i] = 1
		if d[0] >= sameClass {
			out[i] = math.Exp(mean(zeroShot[i]) - mean(d))
		}
	}
	return out, nil
}

// DAC multiplies each row of logits by the factor of the class it predicts. It
// keeps every arg max where the factors are positive.
func DAC(logits Matrix, factors []float64) (Matrix, error) {
	if err := logits.Check(); err != nil {
		return Matrix{}, err
	}
	if len(factors) != logits.K {
		return Matrix{}, fmt.Errorf("%d factors for %d classes", len(factors), logits.K)
	}
	out := logits.Clone()
	for i := range out.N {
		row := out.Row(i)
		f := factors[ArgMax(row)]
		for k := range row {
			row[k] *= f
		}
	}
	return out, nil
}

// nearest returns, for each row of x, its distances from the k nearest rows of
// base, ascending, all rows scaled to unit length.
func nearest(x, base Matrix, k int) ([][]float64, error) {
	if err := errors.Join(x.Check(), base.Check()); err != nil {
		return nil, err
	}
	if x.K != base.K {
		return nil, fmt.Errorf("features of length %d for the new classes, %d for the base classes", x.K, base.K)
	}
	u, v := unitRows(x), unitRows(base)
	out := make([][]float64, u.N)
	for i := range out {
		all := make([]float64, v.N)
		for j := range all {
			var s float64
			for c, a := range u.Row(i) {
				d := a - v.Row(j)[c]
				s += d * d
			}
			all[j] = math.Sqrt(s)
		}
		slices.Sort(all)
		out[i] = all[:min(k, len(all))]
	}
	return out, nil
}

// unitRows returns m with every row divided by its length; a row of zeros
// stays one.
func unitRows(m Matrix) Matrix {
	out := m.Clone()
	for i := range out.N {
		row := out.Row(i)
		var s float64
		for _, v := range row {
			s += v * v
		}
		if s == 0 {
			continue
		}
		s = math.Sqrt(s)
		for j := range row {
			row[j] /= s
		}
	}
	return out
}
