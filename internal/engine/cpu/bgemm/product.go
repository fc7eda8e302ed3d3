package bgemm

import "clipcalib/internal/engine/cpu/parallel"

// Factor is a matrix that is multiplied by as it stands now, or its transpose.
// It is rounded and packed for one product.
type Factor struct {
	Matrix
	Trans bool
}

// Product computes, with both factors rounded to bfloat16,
//
//	for i in [0, m), j in [0, n):
//	    out[i, j] = act(alpha * sum over l in [0, k) of a[i, l]*b[l, j] + bias[j]) + residual[i, j]
//
// where a factor with Trans is stored the other way round. It panics if a matrix
// is too small, or where the processor does not multiply bfloat16 (see [Native]).
func Product(threads int, out Matrix, a, b Factor, m, n, k int, e Epilogue) {
	switch {
	case active.dot == nil:
		panic("bgemm: this processor does not multiply bfloat16")
	case b.Trans:
		b.check("the right factor", n, k)
	default:
		b.check("the right factor", k, n)
	}
	buf := borrow(ceilDiv(n, panel)*panelSize(k), 0)
	defer buf.giveBack()
	w := &Weights{k: k, n: n, data: buf.narrow}
	if n*k < parallelWork/8 {
		threads = min(threads, 1)
	}
	parallel.For(threads, ceilDiv(n, panel), 1, func(_, lo, hi int) {
		for j := lo * panel; j < min(hi*panel, n); j += panel {
			if b.Trans {
				packPairs(w.panel(j), panel, b.Matrix, j, min(panel, n-j), k)
			} else {
				packStraight(w.panel(j), b.From(j), k, min(panel, n-j))
			}
		}
	})
	if !a.Trans {
		w.multiply(threads, out, a, m, e)
		return
	}
	a.check("the left factor", k, m)
	if a.BF16 == nil { // rounded once: its columns are packed by pieces of rows
		narrow := borrow(k*m, 0)
		defer narrow.giveBack()
		parallel.For(threads, k, 1+(1<<14)/m, func(_, lo, hi int) {
			for l := lo; l < hi; l++ {
				Round(narrow.narrow[l*m:(l+1)*m], a.F32[l*a.Stride:][:m])
			}
		})
		a.Matrix = Matrix{BF16: narrow.narrow, Stride: m}
	}
	w.multiply(threads, out, a, m, e)
}

// pack packs the rows [i, i+rows) of the factor for a kernel.
func (f Factor) pack(kern *kernel, dst []uint16, i, rows, k int) {
	if f.Trans {
		kern.packColumns(dst, f.Matrix, i, rows, k)
	} else {
		kern.pack(dst, f.Matrix, i, rows, k)
	}
}

// packDotColumns packs the columns [i, i+rows) of a, of k rows in 16 bits, as
// packDot packs rows.
func packDotColumns(dst []uint16, a Matrix, i, rows, k int) {
	dst, whole := dst[:dotPacked(k)], k/2
	if wide && whole > 0 {
		_ = a.BF16[(2*whole-1)*a.Stride+i+rows-1]
		pairs512(&dst[0], &a.BF16[i], a.Stride, whole, rows)
	} else {
		for p := range whole {
			x, y := a.BF16[2*p*a.Stride+i:][:rows], a.BF16[(2*p+1)*a.Stride+i:][:rows]
			d := dst[2*p*dotRows:][:2*dotRows]
			for r, v := range x {
				d[2*r], d[2*r+1] = v, y[r]
			}
			clear(d[2*rows:])
		}
	}
	if k%2 == 1 {
		last := dst[2*whole*dotRows:]
		clear(last)
		for r, v := range a.BF16[(k-1)*a.Stride+i:][:rows] {
			last[2*r] = v
		}
	}
}

// packTileColumns packs the columns [i, i+rows) of a, of k rows in 16 bits, as
// packTiles packs rows.
func packTileColumns(dst []uint16, a Matrix, i, rows, k int) {
	blocks := ceilDiv(k, depth)
	dst = dst[:tilesPacked(k)]
	clear(dst)
	for l := range k {
		for r, v := range a.BF16[l*a.Stride+i:][:rows] {
			dst[r/16*blocks*16*depth+r%16*depth+l/depth*16*depth+l%depth] = v
		}
	}
}
