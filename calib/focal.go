package calib

import "math"

// Focal is the mean of -(1-p_y)^gamma·log p_y (Lin et al., 2017; for
// calibration Mukhoti et al., 2020, gamma 3).
func Focal(logits Matrix, labels []int, gamma float64) (float64, Matrix, error) {
	return focal(logits, labels, func(float64) float64 { return gamma })
}

// AdaptiveFocal is [Focal] with gamma 5 for samples whose p_y is below 0.2 and
// 3 for the others (FLSD-53 of Mukhoti et al., 2020). The choice of gamma is a
// constant to the gradient.
func AdaptiveFocal(logits Matrix, labels []int) (float64, Matrix, error) {
	return focal(logits, labels, func(p float64) float64 {
		if p < 0.2 {
			return 5
		}
		return 3
	})
}

func focal(logits Matrix, labels []int, gammaOf func(p float64) float64) (float64, Matrix, error) {
	return rowLoss(logits, labels, func(row []float64, y int, grad []float64) float64 {
		logSoftmaxInto(grad, row)
		logp := grad[y]
		p := math.Exp(logp)
		gamma := gammaOf(p)
		// 1-p through expm1 keeps its digits when p is close to 1.
		rest := -math.Expm1(logp)
		weight := math.Pow(rest, gamma)
		// d value / d log p_y. As p nears 1 the first term vanishes for every
		// gamma above 0, though its factor rest^(gamma-1) may not be finite.
		slope := -weight
		if gamma != 0 && rest > 0 {
			slope += gamma * math.Pow(rest, gamma-1) * p * logp
		}
		for k := range grad {
			grad[k] = -slope * math.Exp(grad[k])
		}
		grad[y] += slope
		return -weight * logp
	})
}
