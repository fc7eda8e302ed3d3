package calib

// MbLS is margin-based label smoothing (Liu et al., 2022): CE +
// alpha·mean_{i,k} ReLU(max_j l_ij - l_ik - margin). Its defaults are margin
// 10 and alpha 0.1.
func MbLS(logits Matrix, labels []int, margin, alpha float64) (float64, Matrix, error) {
	return rowLoss(logits, labels, func(row []float64, y int, grad []float64) float64 {
		softmaxInto(grad, row)
		grad[y]--
		value := logSumExp(row) - row[y]
		top, weight := ArgMax(row), alpha/float64(len(row))
		for k, l := range row {
			if excess := row[top] - l - margin; excess > 0 {
				value += weight * excess
				grad[k] -= weight
				grad[top] += weight
			}
		}
		return value
	})
}

// LogitNorm is the cross-entropy of l/(tau·(‖l‖₂ + 1e-7)) (Wei et al., 2022,
// tau 0.04 for CIFAR-10). At l = 0 the norm's gradient is taken as 0.
func LogitNorm(logits Matrix, labels []int, tau float64) (float64, Matrix, error) {
	scaled := make([]float64, max(logits.K, 0))
	return rowLoss(logits, labels, func(row []float64, y int, grad []float64) float64 {
		norm := normOf(row)
		divisor := tau * (norm + 1e-7)
		for k, l := range row {
			scaled[k] = l / divisor
		}
		softmaxInto(grad, scaled)
		grad[y]--
		dot := 0.0
		for k, g := range grad {
			dot += g * scaled[k]
		}
		for k, l := range row {
			grad[k] /= divisor
			if norm > 0 {
				grad[k] -= dot / (norm + 1e-7) * (l / norm)
			}
		}
		return logSumExp(scaled) - scaled[y]
	})
}
