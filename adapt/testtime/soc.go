package testtime

import (
	"fmt"

	"clipcalib/adapt"
	"clipcalib/calib"
)

// SoC also makes the text features more orthogonal, of like classes less so than
// of others ("Semantic orthogonal calibration for test-time prompt tuning", CVPR
// 2026): it adds Lambda times the mean over the pairs of classes of h(s), s being
// the cosine of their features and h(s) = s²/2 up to Delta, Delta (s - Delta/2)
// above. Neither constant was found in print, so both must be set.
type SoC struct {
	Lambda float64 `set:"lambda" default:"required: not published" range:">=0" help:"weight of the term"`
	Delta  float64 `set:"delta" default:"required: not published" range:"0..1" help:"cosine where h turns linear"`
}

// Name is "soc".
func (SoC) Name() string { return "soc" }

// Choices says in words what the method does.
func (m SoC) Choices() []string {
	m = adapt.Resolved(m)
	return []string{entropyChoice, fmt.Sprintf("loss: plus %g times the mean over pairs of text features of h(s), "+
		"s their cosine, h(s) = s²/2 up to %g and linear above", m.Lambda, m.Delta)}
}

func (m SoC) term(unit calib.Matrix) (float64, calib.Matrix) {
	m = adapt.Resolved(m)
	h, grad := pairwiseHuber(unit, m.Delta)
	for i := range grad.Data {
		grad.Data[i] *= m.Lambda
	}
	return m.Lambda * h, grad
}

// pairwiseHuber returns the mean over pairs of rows of h of their product, and its
// gradient A x with A_ij = 2 h'(s_ij) / (K (K-1)) and zeros on the diagonal.
func pairwiseHuber(x calib.Matrix, delta float64) (float64, calib.Matrix) {
	if x.N == 1 {
		return 0, calib.NewMatrix(1, x.K) // one class makes no pair
	}
	a := product(1, x, x, false, true)
	weight := 2 / float64(x.N*(x.N-1))
	var sum float64
	for i := range a.N {
		row := a.Row(i)
		for j, s := range row {
			slope, h := min(s, delta), s*s/2
			if s > delta {
				h = delta * (s - delta/2)
			}
			if j < i {
				sum += h
			}
			row[j] = weight * slope
		}
		row[i] = 0
	}
	return weight * sum, product(1, a, x, false, false)
}
