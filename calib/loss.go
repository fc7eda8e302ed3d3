package calib

import "math"

// The losses below return the mean over the samples and its exact gradient,
// [N x K], with respect to the logits. At a kink (a ReLU at 0, ties of a
// maximum) the gradient is that of automatic differentiation: 0 for the ReLU,
// and the whole of a maximum's share to its first entry.

// CrossEntropy is the mean of -log p_y.
func CrossEntropy(logits Matrix, labels []int) (float64, Matrix, error) {
	return LabelSmoothing(logits, labels, 0)
}

// LabelSmoothing is (1-alpha)·CE + alpha·mean_k(-log p_k). The comparison in
// the calibration literature (Liu et al., MbLS, 2022) uses alpha 0.05.
func LabelSmoothing(logits Matrix, labels []int, alpha float64) (float64, Matrix, error) {
	k := float64(logits.K)
	return rowLoss(logits, labels, func(row []float64, y int, grad []float64) float64 {
		logSoftmaxInto(grad, row)
		value := -(1 - alpha) * grad[y]
		for j, logp := range grad {
			value -= alpha / k * logp
			grad[j] = math.Exp(logp) - alpha/k
		}
		grad[y] -= 1 - alpha
		return value
	})
}

// ECP is cross-entropy with a reward for entropy (Pereyra et al., 2017):
// CE - alpha·mean_k(-p_k log p_k), with p clamped to [1e-10, 1-1e-10] as in
// MbLS's code, which takes the mean over classes where the paper has the sum;
// alpha times the number of classes gives the latter. Alpha is 0.1 there.
func ECP(logits Matrix, labels []int, alpha float64) (float64, Matrix, error) {
	const low, high = 1e-10, 1 - 1e-10
	probs := make([]float64, max(logits.K, 0))
	return rowLoss(logits, labels, func(row []float64, y int, grad []float64) float64 {
		softmaxInto(probs, row)
		value := logSumExp(row) - row[y]
		// dot is Σ_j (∂value/∂p_j)·p_j, the part of the softmax's gradient
		// that all logits share.
		dot, weight := 0.0, alpha/float64(len(row))
		for k, p := range probs {
			q := min(max(p, low), high)
			value += weight * q * math.Log(q)
			grad[k] = 0
			if q == p {
				grad[k] = weight * (math.Log(p) + 1)
				dot += grad[k] * p
			}
		}
		for k, p := range probs {
			grad[k] = p * (grad[k] - dot + 1)
		}
		grad[y]--
		return value
	})
}

// BrierLoss is the mean over samples of Σ_k (p_k - [y = k])².
func BrierLoss(logits Matrix, labels []int) (float64, Matrix, error) {
	probs := make([]float64, max(logits.K, 0))
	return rowLoss(logits, labels, func(row []float64, y int, grad []float64) float64 {
		softmaxInto(probs, row)
		value, dot := 0.0, 0.0
		for k, p := range probs {
			e := p
			if k == y {
				e--
			}
			value += e * e
			grad[k] = 2 * e
			dot += grad[k] * p
		}
		for k, p := range probs {
			grad[k] = p * (grad[k] - dot)
		}
		return value
	})
}

// rowLoss averages a loss of single rows. f returns the value for a row and
// writes its gradient, whose entries it may find filled with anything.
func rowLoss(logits Matrix, labels []int, f func(row []float64, y int, grad []float64) float64) (float64, Matrix,
	error) {
	if err := checkLabelled(logits, labels); err != nil {
		return 0, Matrix{}, err
	}
	grad := NewMatrix(logits.N, logits.K)
	sum := 0.0
	for i := range logits.N {
		sum += f(logits.Row(i), labels[i], grad.Row(i))
	}
	scale(grad.Data, 1/float64(logits.N))
	return sum / float64(logits.N), grad, nil
}

func scale(values []float64, by float64) {
	for i := range values {
		values[i] *= by
	}
}
