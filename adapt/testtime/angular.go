package testtime

import (
	"cmp"
	"fmt"
	"math"

	"clipcalib/calib"
)

// ATPT also moves every class's text feature in angle from the nearest of the
// others (Shihab et al., "A-TPT: Angular Diversity Calibration Properties for
// Test-Time Prompt Tuning of Vision-Language Models", 2026). With s the cosines of
// the features, a_k = arccos(max_{j != k} s_kj), the cosine kept within 0.99999 of
// 0, it subtracts or adds Lambda times the mean of a_k.
//
// The paper raises the angle. Of the two released scripts the one for fine-grained
// sets lowers it, with weight 80, and the one for shifted ImageNets raises it, with
// weight 10.
type ATPT struct {
	// Sign says which: [Maximise] the angle as the paper, or [Minimise] it as the
	// script for fine-grained sets. It must be set.
	Sign string `set:"sign" default:"required: release and paper differ" range:"maximise|minimise" help:"of the angle"`
	// Lambda is the angle's weight; 0 means that of the script of the sign.
	Lambda float64 `set:"lambda" default:"auto: 10 or, to minimise, 80" range:">0" from:"the release" help:"weight"`
}

// The signs of [ATPT].
const (
	Maximise = "maximise" // the angle, as the paper
	Minimise = "minimise" // the angle, as one released script
)

// Name is "a-tpt".
func (ATPT) Name() string { return "a-tpt" }

// Choices says in words what the method does.
func (m ATPT) Choices() []string {
	sign := "minus"
	if m.Sign == Minimise {
		sign = "plus"
	}
	return []string{entropyChoice, fmt.Sprintf("loss: %s %g times the mean angle of a text feature to the nearest other "+
		"(%s it)", sign,
		m.lambda(), m.Sign)}
}

func (m ATPT) lambda() float64 {
	if m.Sign == Minimise {
		return cmp.Or(m.Lambda, 80)
	}
	return cmp.Or(m.Lambda, 10)
}

func (m ATPT) term(unit calib.Matrix) (float64, calib.Matrix) {
	weight := -m.lambda()
	if m.Sign == Minimise {
		weight = m.lambda()
	}
	a, grad := nearestAngle(unit)
	for i := range grad.Data {
		grad.Data[i] *= weight
	}
	return weight * a, grad
}

// nearestAngle returns the mean over the rows of the angle to the nearest other
// row, and its gradient: with row j nearest to row k at the cosine s,
// -1/sqrt(1-s²) / K of x_j to row k and of x_k to row j. A cosine beyond the bound
// counts as the bound and has none.
func nearestAngle(x calib.Matrix) (float64, calib.Matrix) {
	const bound = 0.99999
	grad := calib.NewMatrix(x.N, x.K)
	if x.N == 1 {
		return 0, grad // one class is near to none
	}
	s := product(1, x, x, false, true)
	k := float64(x.N)
	var sum float64
	for i := range s.N {
		near := -1
		for j, v := range s.Row(i) {
			if j != i && (near < 0 || v > s.Row(i)[near]) {
				near = j
			}
		}
		v := s.Row(i)[near]
		sum += math.Acos(min(max(v, -bound), bound))
		if math.Abs(v) > bound {
			continue
		}
		d := -1 / math.Sqrt(1-v*v) / k
		for c := range x.K {
			grad.Row(i)[c] += d * x.Row(near)[c]
			grad.Row(near)[c] += d * x.Row(i)[c]
		}
	}
	return sum / k, grad
}
