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

// overlap returns the mean of | |S_k| - 1 | over the rows of S = x xᵀ, and its
// gradient (A + Aᵀ) x, where row k of A is ±S_k / (K |S_k|).
func overlap(x calib.Matrix) (float64, calib.Matrix) {
	if x.N == 1 {
		return 0, calib.NewMatrix(1, x.K) // one class overlaps with none
	}
	s := product(1, x, x, false, true)
	k := float64(x.N)
	var sum float64
	for i := range s.N {
		row := s.Row(i)
		norm := math.Sqrt(dot(row, row))
		sum += math.Abs(norm - 1)
		weight := 0.0
		switch {
		case norm > 1:
			weight = 1 / (k * norm)
		case norm > 0 && norm < 1:
			weight = -1 / (k * norm)
		}
		for j := range row {
			row[j] *= weight
		}
	}
	for i := range s.N {
		for j := range i {
			v := s.Data[i*s.K+j] + s.Data[j*s.K+i]
			s.Data[i*s.K+j], s.Data[j*s.K+i] = v, v
		}
		s.Data[i*s.K+i] *= 2
	}
	return sum / k, product(1, s, x, false, false)
}
