package testtime

import (
	"clipcalib/calib"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// product returns alpha * op(a) op(b), transposing where asked, in float64: the
// logits of one image's views and their gradients are small, and exact sums
// make the choice of views the same on every engine.
func product(alpha float64, a, b calib.Matrix, transA, transB bool) calib.Matrix {
	m, n := a.N, b.K
	if transA {
		m = a.K
	}
	if transB {
		n = b.N
	}
	out := calib.NewMatrix(m, n)
	blas64.Gemm(transpose(transA), transpose(transB), alpha, general(a), general(b), 0, general(out))
	return out
}

func general(m calib.Matrix) blas64.General {
	return blas64.General{Rows: m.N, Cols: m.K, Stride: m.K, Data: m.Data}
}

func transpose(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}
