package testtime

import (
	"clipcalib/calib"
	"clipcalib/internal/engine/cpu/vec"

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
	if transB && !transA {
		dots(out, alpha, a, b)
		return out
	}
	blas64.Gemm(transpose(transA), transpose(transB), alpha, general(a), general(b), 0, general(out))
	return out
}

// dots writes alpha times the products of the rows of a with the rows of b: most
// of an image's arithmetic. Rows of b are taken a few at a time, which stay in
// the cache of a core while all rows of a pass.
func dots(out calib.Matrix, alpha float64, a, b calib.Matrix) {
	const few = 16
	each((b.N+few-1)/few, 1, func(block int) {
		from := few * block
		to := min(from+few, b.N)
		for i := range a.N {
			dst := out.Row(i)[from:to]
			vec.DotRows64(dst, a.Row(i), b.Data[from*b.K:to*b.K])
			for k := range dst {
				dst[k] *= alpha
			}
		}
	})
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
