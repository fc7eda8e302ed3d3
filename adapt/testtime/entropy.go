package testtime

import (
	"math"
	"sort"

	"clipcalib/calib"
)

// logSoftmax returns the logarithm of the softmax of every row.
func logSoftmax(l calib.Matrix) calib.Matrix {
	out := calib.NewMatrix(l.N, l.K)
	eachRow(l.N, func(i int) {
		row, dst := l.Row(i), out.Row(i)
		z := logSumExp(row)
		for k, v := range row {
			dst[k] = v - z
		}
	})
	return out
}

func logSumExp(x []float64) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = math.Max(top, v)
	}
	var s float64
	for _, v := range x {
		s += math.Exp(v - top)
	}
	return top + math.Log(s)
}

// entropies returns the entropy of every row's softmax.
func entropies(l calib.Matrix) []float64 {
	lp := logSoftmax(l)
	out := make([]float64, l.N)
	eachRow(l.N, func(i int) {
		for _, v := range lp.Row(i) {
			out[i] -= math.Exp(v) * v
		}
	})
	return out
}

// mostConfident returns the n rows of lowest entropy, the lowest first; of
// equals the first row.
func mostConfident(l calib.Matrix, n int) []int {
	h := entropies(l)
	order := make([]int, l.N)
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return h[order[a]] < h[order[b]] })
	return order[:min(n, len(order))]
}

// marginalEntropy returns the entropy of the mean of the rows' softmaxes, in
// the logarithm as TPT's code computes it, and its gradient: with q the mean,
//
//	dH/dl_vj = p_vj (sum_k p_vk log q_k - log q_j) / V.
func marginalEntropy(l calib.Matrix) (float64, calib.Matrix) {
	lp := logSoftmax(l)
	logMean := make([]float64, l.K)
	column := make([]float64, l.N)
	var h float64
	for k := range logMean {
		for v := range column {
			column[v] = lp.Data[v*l.K+k]
		}
		logMean[k] = logSumExp(column) - math.Log(float64(l.N))
		h -= math.Exp(logMean[k]) * logMean[k]
	}
	grad := calib.NewMatrix(l.N, l.K)
	for v := range l.N {
		row, g := lp.Row(v), grad.Row(v)
		var mean float64
		for k, x := range row {
			g[k] = math.Exp(x)
			mean += g[k] * logMean[k]
		}
		for k := range g {
			g[k] *= (mean - logMean[k]) / float64(l.N)
		}
	}
	return h, grad
}
