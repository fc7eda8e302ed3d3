// Package sgemm multiplies float32 matrices without cgo.
//
// The product is computed tile by tile by a micro-kernel that holds a tile of
// C in registers: 12 x 32 with AVX-512, 4 x 24 with AVX2 and FMA, 12 x 8 with
// NEON, 4 x 4 in portable Go (also with the build tag noasm). Operands are packed
// into panels in the order the micro-kernel reads them, as in Goto and van de
// Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008). The sum
// over k is never split between threads, so the result does not depend on the
// number of threads.
package sgemm

import (
	"fmt"

	"clipcalib/internal/engine/cpu/parallel"
	"clipcalib/internal/engine/cpu/scratch"
)

const (
	// blockM x blockK floats of A, 295 KB, are packed at a time. Both suit the
	// second-level cache; blockM is a multiple of all kernels' rows.
	blockM = 192
	blockK = 384
	// finishN is the number of columns finished at a time, a multiple of all
	// kernels' columns.
	finishN = 384
	// packLimit bounds the floats of B packed at once.
	packLimit = 4 << 20
	// parallelWork is the number of multiply-adds worth one more goroutine.
	parallelWork = 1 << 18
)

// Gemm computes C = alpha*op(A)*op(B) + beta*C on row-major matrices:
//
//	for i in [0, m), j in [0, n):
//	    c[i*ldc+j] = beta*c[i*ldc+j] + alpha * sum over l in [0, k) of op(a)[i, l] * op(b)[l, j]
//
// op(A) is m x k: a[i*lda+l], or a[l*lda+i] with transA. op(B) is k x n:
// b[l*ldb+j], or b[j*ldb+l] with transB. With beta == 0, C is not read. Gemm
// panics if a slice is too short for its shape.
func Gemm(threads int, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int,
	beta float32, c []float32, ldc int) {
	Fused(threads, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, nil)
}

// Epilogue finishes the rows [i0, i1) and columns [j0, j1) of C, whose sums
// are complete and still in cache.
type Epilogue func(i0, i1, j0, j1 int)

// Fused is Gemm followed by calls of finish (if not nil), concurrent on
// disjoint parts that together cover C once.
func Fused(threads int, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int,
	beta float32, c []float32, ldc int, finish Epilogue) {
	A := operand{data: a, ld: lda, trans: transA}
	B := operand{data: b, ld: ldb, trans: transB}
	A.check("a", m, k)
	B.check("b", k, n)
	operand{data: c, ld: ldc}.check("c", m, n)
	switch {
	case m == 0 || n == 0:
		return
	case k == 0 || alpha == 0:
		scaleC(m, n, beta, c, ldc)
	case m <= 2 || m*n*k <= 8192 || (n <= 2 && !transA):
		small(A, B, m, n, k, alpha, beta, c, ldc)
	default:
		kern := active
		step := max(packLimit/k/kern.nr, 1) * kern.nr
		for j := 0; j < n; j += step {
			p := pack(kern, threads, B.columns(j), k, min(step, n-j))
			multiply(kern, threads, A, m, alpha, p, beta, c, ldc, j, finish)
			p.release()
		}
		return
	}
	if finish != nil {
		finish(0, m, 0, n)
	}
}

// Kernel names the micro-kernel in use: avx512, avx2, neon or portable.
func Kernel() string { return active.name }

// Peak multiplies on registers alone, as fast as the instructions of the
// micro-kernel can, and returns the number of operations done; 0 in plain Go.
func Peak(rounds int) (flop float64) {
	if active.peak == nil {
		return 0
	}
	return active.peak(rounds)
}

// operand is a row-major matrix, read transposed if trans is set, or the windows
// of pictures.
type operand struct {
	data   []float32
	ld     int
	trans  bool
	window *Window
}

// check panics unless the operand holds a rows x cols matrix after op.
func (o operand) check(name string, rows, cols int) {
	if o.trans {
		rows, cols = cols, rows
	}
	if rows < 0 || cols < 0 {
		panic(fmt.Sprintf("sgemm: negative size %d x %d of %s", rows, cols, name))
	}
	if rows == 0 || cols == 0 {
		return
	}
	if o.ld < cols {
		panic(fmt.Sprintf("sgemm: row stride %d of %s is below its %d columns", o.ld, name, cols))
	}
	if len(o.data) < (rows-1)*o.ld+cols {
		panic(fmt.Sprintf("sgemm: %s has %d values, %d x %d with stride %d needs %d", name, len(o.data), rows, cols,
			o.ld, (rows-1)*o.ld+cols))
	}
}

// columns drops the first j columns of op(o).
func (o operand) columns(j int) operand {
	if o.trans {
		o.data = o.data[j*o.ld:]
	} else {
		o.data = o.data[j:]
	}
	return o
}

// multiply shares the tiles of C among threads. B holds the columns of C from
// column on.
func multiply(kern *kernel, threads int, a operand, m int, alpha float32, b packed, beta float32, c []float32, ldc,
	column int, finish Epilogue) {
	threads = min(threads, m*b.n*b.k/parallelWork)
	parallel.Grid(threads, ceilDiv(m, kern.mr), ceilDiv(b.n, kern.nr), func(top, bottom, left, right int) {
		block{kern, a, top * kern.mr, min(bottom*kern.mr, m), alpha, b, left * kern.nr, min(right*kern.nr, b.n), beta,
			c[column:], ldc, column, finish}.run()
	})
}

// block is the part of a product that one thread computes: rows [i0, i1) and
// columns [j0, j1) of C.
type block struct {
	kern   *kernel
	a      operand
	i0, i1 int
	alpha  float32
	b      packed
	j0, j1 int
	beta   float32
	c      []float32 // from the first column of b
	ldc    int
	column int // of C, where b starts
	finish Epilogue
}

// run goes through the part in the order that packs each value of A once:
// blocks of rows of A stay in the second-level cache while the panels of B
// come by, and each panel of B serves all of a block's tiles in turn.
func (t block) run() {
	buf := scratch.Get(blockM * min(blockK, t.b.k))
	defer buf.Put()
	for k0 := 0; k0 < t.b.k; k0 += blockK {
		for i0 := t.i0; i0 < t.i1; i0 += blockM {
			t.slab(buf.Data, i0, min(i0+blockM, t.i1), k0, min(k0+blockK, t.b.k))
		}
	}
}

// slab adds the products of depth [k0, k1) to the rows [i0, i1).
func (t block) slab(pa []float32, i0, i1, k0, k1 int) {
	beta := t.beta
	if k0 > 0 {
		beta = 1
	}
	mr, nr, depth := t.kern.mr, t.kern.nr, k1-k0
	for i := i0; i < i1; i += mr {
		packA(t.kern, pa[(i-i0)*depth:], t.a, i, min(mr, i1-i), k0, depth)
	}
	for j0 := t.j0; j0 < t.j1; j0 += finishN {
		j1 := min(j0+finishN, t.j1)
		for j := j0; j < j1; j += nr {
			pb, cols := t.b.panel(j, k0, depth), min(nr, t.b.n-j)
			for i := i0; i < i1; i += mr {
				t.kern.tile(depth, pa[(i-i0)*depth:], pb, t.c[i*t.ldc+j:], t.ldc, t.alpha, beta, min(mr, i1-i), cols)
			}
		}
		if k1 == t.b.k && t.finish != nil {
			t.finish(i0, i1, t.column+j0, t.column+j1)
		}
	}
}

func scaleC(m, n int, beta float32, c []float32, ldc int) {
	for i := 0; i < m; i++ {
		row := c[i*ldc : i*ldc+n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
