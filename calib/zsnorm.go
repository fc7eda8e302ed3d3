package calib

import "fmt"

// ZSNormLoss is the training loss of the ZS-Norm remedy: the mean
// cross-entropy of the mapped logits of [ZSNorm]. The gradient with respect to
// the logits includes the dependence of their minimum and maximum, as the
// reference implementation's does.
func ZSNormLoss(logits, zeroShot Matrix, labels []int) (float64, Matrix, error) {
	mapped, err := ZSNorm(logits, zeroShot)
	if err != nil {
		return 0, Matrix{}, err
	}
	value, upstream, err := CrossEntropy(mapped, labels)
	if err != nil {
		return 0, Matrix{}, err
	}
	grad, err := ZSNormGrad(logits, zeroShot, upstream)
	return value, grad, err
}

// ZSNormGrad carries a gradient with respect to the mapped logits of [ZSNorm]
// back to the logits. With S = ΔZS/Δ and u = (l - min l)/Δ it is S·g_k, plus
// -S·Σ g_j u_j at the arg max and S·Σ g_j (u_j - 1) at the arg min, one index
// each on ties. Where the logits are all equal S is 1 and constant.
func ZSNormGrad(logits, zeroShot, upstream Matrix) (Matrix, error) {
	if err := checkPair(logits, zeroShot); err != nil {
		return Matrix{}, err
	}
	if upstream.N != logits.N || upstream.K != logits.K || len(upstream.Data) != len(logits.Data) {
		return Matrix{}, fmt.Errorf("gradient of shape [%d, %d] for logits of shape [%d, %d]",
			upstream.N, upstream.K, logits.N, logits.K)
	}
	out := NewMatrix(logits.N, logits.K)
	for i := range logits.N {
		row, g, dst := logits.Row(i), upstream.Row(i), out.Row(i)
		top, bottom := ArgMax(row), argMin(row)
		ratio := 1.0
		if d := row[top] - row[bottom]; d != 0 {
			ratio = rangeOf(zeroShot.Row(i)) / d
		}
		sum, weighted := 0.0, 0.0
		for k, l := range row {
			sum += g[k]
			weighted += g[k] * position(l, row[bottom], row[top])
			dst[k] = ratio * g[k]
		}
		dst[top] -= ratio * weighted
		dst[bottom] += ratio * (weighted - sum)
	}
	return out, nil
}
