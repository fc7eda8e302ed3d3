package sgemm

import "clipcalib/internal/engine/cpu/vec"

// small computes C = alpha*op(A)*op(B) + beta*C row by row without packing,
// for products too thin or too small to repay it.
func small(a, b operand, m, n, k int, alpha, beta float32, c []float32, ldc int) {
	if n < m && n <= 2 && !b.trans {
		b = b.gather(k, n)
	}
	var row []float32
	if a.trans && b.trans {
		row = make([]float32, k)
	}
	for i := 0; i < m; i++ {
		ci := c[i*ldc : i*ldc+n]
		switch {
		case b.trans:
			ai := row
			if a.trans {
				for l := range row {
					row[l] = a.data[l*a.ld+i]
				}
			} else {
				ai = a.data[i*a.ld : i*a.ld+k]
			}
			for j := range ci {
				s := alpha * vec.Dot(ai, b.data[j*b.ld:j*b.ld+k])
				if beta != 0 {
					s += beta * ci[j]
				}
				ci[j] = s
			}
		default:
			scaleC(1, n, beta, ci, n)
			for l := 0; l < k; l++ {
				v := a.data
				if a.trans {
					v = v[l*a.ld+i:]
				} else {
					v = v[i*a.ld+l:]
				}
				vec.Axpy(alpha*v[0], b.data[l*b.ld:l*b.ld+n], ci)
			}
		}
	}
}

// gather copies the columns of a k x n matrix into rows.
func (o operand) gather(k, n int) operand {
	data := make([]float32, n*k)
	for l := 0; l < k; l++ {
		for j := 0; j < n; j++ {
			data[j*k+l] = o.data[l*o.ld+j]
		}
	}
	return operand{data: data, ld: k, trans: true}
}
