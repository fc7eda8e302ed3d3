package calib

import "math"

// ArgMax returns the index of the largest value, the lowest one on ties.
func ArgMax(row []float64) int {
	best := 0
	for k, v := range row {
		if v > row[best] {
			best = k
		}
	}
	return best
}

// argMin returns the index of the smallest value, the lowest one on ties.
func argMin(row []float64) int {
	best := 0
	for k, v := range row {
		if v < row[best] {
			best = k
		}
	}
	return best
}

// logSumExp returns log Σ exp(row), stable for any finite row.
func logSumExp(row []float64) float64 {
	peak := row[ArgMax(row)]
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(v - peak)
	}
	return peak + math.Log(sum)
}

// softmaxInto writes the softmax of row to dst, which may be row itself.
func softmaxInto(dst, row []float64) {
	softmaxFrom(dst, row, row[ArgMax(row)])
}

// softmaxFrom is softmaxInto with the largest value known; it returns the sum
// of exp(v - peak).
func softmaxFrom(dst, row []float64, peak float64) float64 {
	dst = dst[:len(row)]
	sum := 0.0
	for k, v := range row {
		e := math.Exp(v - peak)
		dst[k] = e
		sum += e
	}
	for k := range dst {
		dst[k] /= sum
	}
	return sum
}

// logSoftmaxInto writes the logarithm of the softmax of row to dst.
func logSoftmaxInto(dst, row []float64) {
	peak := row[ArgMax(row)]
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(v - peak)
	}
	log := math.Log(sum)
	for k, v := range row {
		dst[k] = (v - peak) - log
	}
}

// Softmax returns the probabilities of each row of logits.
func Softmax(logits Matrix) (Matrix, error) {
	return mapRows(logits, softmaxInto)
}

// LogSoftmax returns the log-probabilities of each row of logits, in nats.
// Unlike the logarithm of [Softmax] it stays finite for small probabilities.
func LogSoftmax(logits Matrix) (Matrix, error) {
	return mapRows(logits, logSoftmaxInto)
}

func mapRows(logits Matrix, f func(dst, row []float64)) (Matrix, error) {
	if err := logits.Check(); err != nil {
		return Matrix{}, err
	}
	out := NewMatrix(logits.N, logits.K)
	for i := range logits.N {
		f(out.Row(i), logits.Row(i))
	}
	return out, nil
}
