package testtime

import (
	"math"

	"clipcalib/calib"
)

// dispersion returns the mean distance of the rows from their mean, and its
// gradient. With e_k the unit vector from the mean to row k (zero for a row on
// the mean, as PyTorch has it), that is (e_k - mean e) / K.
func dispersion(x calib.Matrix) (float64, calib.Matrix) {
	k := float64(x.N)
	centre := make([]float64, x.K)
	for i := range x.N {
		for j, v := range x.Row(i) {
			centre[j] += v / k
		}
	}
	grad := calib.NewMatrix(x.N, x.K)
	mean := make([]float64, x.K)
	var sum float64
	for i := range x.N {
		e := grad.Row(i)
		var s float64
		for j, v := range x.Row(i) {
			e[j] = v - centre[j]
			s += e[j] * e[j]
		}
		s = math.Sqrt(s)
		sum += s
		if s == 0 {
			continue
		}
		for j := range e {
			e[j] /= s
			mean[j] += e[j] / k
		}
	}
	for i := range x.N {
		e := grad.Row(i)
		for j := range e {
			e[j] = (e[j] - mean[j]) / k
		}
	}
	return sum / k, grad
}
