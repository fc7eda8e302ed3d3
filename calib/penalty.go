package calib

import "fmt"

// DefaultLambda is the weight of [Penalty] used throughout the paper.
const DefaultLambda = 10

// Penalty is the term the remedy of that name adds to the training loss:
//
//	lambda · (mean ReLU(l - max l_ZS) + mean ReLU(min l_ZS - l)),
//
// the minimum and maximum being those of the sample's zero-shot logits, the
// means over all N·K entries as in the reference implementation (the paper's
// formula has sums). It returns the value and the gradient with respect to the
// logits: ±lambda/(N·K) outside the range and 0 inside and on its edges.
func Penalty(logits, zeroShot Matrix, lambda float64) (float64, Matrix, error) {
	if err := checkPair(logits, zeroShot); err != nil {
		return 0, Matrix{}, err
	}
	grad := NewMatrix(logits.N, logits.K)
	weight := lambda / float64(len(logits.Data))
	sum := 0.0
	for i := range logits.N {
		lo, hi := limits(zeroShot.Row(i))
		g := grad.Row(i)
		for k, l := range logits.Row(i) {
			switch {
			case l > hi:
				sum += l - hi
				g[k] = weight
			case l < lo:
				sum += lo - l
				g[k] = -weight
			}
		}
	}
	return weight * sum, grad, nil
}

// PenaltyLoss is the mean cross-entropy plus [Penalty], with their gradient.
func PenaltyLoss(logits, zeroShot Matrix, labels []int, lambda float64) (float64, Matrix, error) {
	value, grad, err := CrossEntropy(logits, labels)
	if err != nil {
		return 0, Matrix{}, err
	}
	extra, extraGrad, err := Penalty(logits, zeroShot, lambda)
	if err != nil {
		return 0, Matrix{}, fmt.Errorf("penalty: %w", err)
	}
	for i, g := range extraGrad.Data {
		grad.Data[i] += g
	}
	return value + extra, grad, nil
}
