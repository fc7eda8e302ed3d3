package calib

import "math"

// Ranges returns max - min of each row: the quantity that adapters widen and
// that the remedies hold at its zero-shot value.
func Ranges(logits Matrix) ([]float64, error) {
	return perRow(logits, rangeOf)
}

// Norms returns the Euclidean norm of each row over all classes.
func Norms(logits Matrix) ([]float64, error) {
	return perRow(logits, normOf)
}

func perRow(logits Matrix, f func([]float64) float64) ([]float64, error) {
	if err := logits.Check(); err != nil {
		return nil, err
	}
	out := make([]float64, logits.N)
	for i := range out {
		out[i] = f(logits.Row(i))
	}
	return out, nil
}

func rangeOf(row []float64) float64 {
	lo, hi := limits(row)
	return hi - lo
}

func limits(row []float64) (lo, hi float64) {
	return row[argMin(row)], row[ArgMax(row)]
}

// normOf scales by the largest entry so that no square overflows.
func normOf(row []float64) float64 {
	peak := 0.0
	for _, v := range row {
		peak = max(peak, math.Abs(v))
	}
	if peak == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range row {
		sum += (v / peak) * (v / peak)
	}
	return peak * math.Sqrt(sum)
}
