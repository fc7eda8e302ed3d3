// Package bgemm multiplies in bfloat16, with float32 sums, by matrices that never
// change or are packed for one product, without cgo: by AMX (TDPBF16PS),
// AVX512-BF16 (VDPBF16PS) or Arm's BFMMLA where the processor has them, and by
// float32 kernels elsewhere.
//
// The right factor is rounded and packed once, in panels of 32 columns whose
// rows hold pairs of depths (what Intel calls VNNI), which Intel's instructions
// read; for BFMMLA two pairs are brought together as they are loaded. The left
// factor is packed block by block of rows in the second-level cache. The sums
// of a tile of the result stay in registers over the whole depth; bias,
// activation and residual are applied to the tile before it is stored, in
// float32 or rounded to bfloat16. No sum is split between threads, so the result
// does not depend on their number.
package bgemm

//go:generate go run ./gen

import (
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/parallel"
)

// Matrix is a row-major matrix of float32 or of bfloat16: one of the two is
// set. Rows lie Stride values apart.
type Matrix struct {
	F32    []float32
	BF16   []uint16
	Stride int
}

// Empty says that there is no matrix.
func (m Matrix) Empty() bool { return m.F32 == nil && m.BF16 == nil }

// From drops the first columns of m.
func (m Matrix) From(column int) Matrix {
	if m.BF16 != nil {
		m.BF16 = m.BF16[column:]
	} else {
		m.F32 = m.F32[column:]
	}
	return m
}

// Down drops the first rows of m.
func (m Matrix) Down(rows int) Matrix { return m.From(rows * m.Stride) }

// check panics unless m holds rows x cols values.
func (m Matrix) check(name string, rows, cols int) {
	if n := len(m.F32) + len(m.BF16); rows > 0 && cols > 0 && (m.Stride < cols || n < (rows-1)*m.Stride+cols) {
		panic(fmt.Sprintf("bgemm: %s has %d values, %d x %d with stride %d needs more", name, n, rows, cols, m.Stride))
	}
}

// Epilogue is what is done to a product: act(Alpha*product + Bias) + Residual, or
// with ActLast, which ReLU alone has, act(Alpha*product + Bias + Residual).
type Epilogue struct {
	Alpha    float32
	Bias     []float32 // one a column, or nil
	Act      engine.Act
	ActLast  bool
	Residual Matrix // may be the result

	rows []float32 // of a tile: in place of Alpha, one a row
}

const (
	panel = 32 // columns of a packed panel
	depth = 32 // the packed depth is a multiple of it, as AMX wants it
	// blockBytes of the left factor are packed at a time; a panel of the right
	// factor of as much depth shares the second-level cache with them.
	blockBytes = 384 << 10
	// parallelWork is the number of multiply-adds worth one more goroutine.
	parallelWork = 1 << 19
)

// Multiply computes
//
//	for i in [0, m), j in [0, n):
//	    out[i, j] = act(alpha * sum over l in [0, k) of a[i, l]*w[l, j] + bias[j]) + residual[i, j]
//
// with a rounded to bfloat16 where the kernel multiplies in it. It panics if a
// matrix is too small.
func (w *Weights) Multiply(threads int, out, a Matrix, m int, e Epilogue) {
	if active.dot == nil {
		out.check("the result", m, w.n)
		a.check("the left factor", m, w.k)
		checkEpilogue(e, m, w.n)
		if m > 0 {
			w.widened(threads, out, a, m, e)
		}
		return
	}
	w.multiply(threads, out, Factor{Matrix: a}, m, e)
}

// multiply is Multiply by a kernel.
func (w *Weights) multiply(threads int, out Matrix, a Factor, m int, e Epilogue) {
	out.check("the result", m, w.n)
	if !a.Trans {
		a.check("the left factor", m, w.k)
	}
	checkEpilogue(e, m, w.n)
	if m == 0 {
		return
	}
	kern := active
	p := product{kern: kern, w: w, out: out, a: a, e: e}
	threads = min(threads, m*w.n*w.k/parallelWork)
	parallel.Grid(threads, ceilDiv(m, kern.rows), ceilDiv(w.n, panel), func(top, bottom, left, right int) {
		p.run(top*kern.rows, min(bottom*kern.rows, m), left*panel, min(right*panel, w.n))
	})
}

// checkEpilogue panics unless e fits a result of m x n.
func checkEpilogue(e Epilogue, m, n int) {
	if !e.Residual.Empty() {
		e.Residual.check("the residual", m, n)
	}
	if e.ActLast && e.Act != engine.ReLU {
		panic("bgemm: an activation of the sum with the residual is ReLU alone")
	}
	if e.Bias != nil && len(e.Bias) < n {
		panic(fmt.Sprintf("bgemm: a bias of %d for %d columns", len(e.Bias), n))
	}
}

// product is what Multiply computes.
type product struct {
	kern *kernel
	w    *Weights
	out  Matrix
	a    Factor
	e    Epilogue
}

// run computes the rows [i0, i1) and columns [j0, j1): for each block of rows,
// packed once, the panels of the right factor come by.
func (p product) run(i0, i1, j0, j1 int) {
	kern := p.kern
	tile := kern.packed(p.w.k) // values of a packed tile of rows
	step := max(blockBytes/2/tile, 1)
	buf := borrow(min(step, ceilDiv(i1-i0, kern.rows))*tile, kern.rows*panel)
	defer buf.giveBack()
	for i := i0; i < i1; i += step * kern.rows {
		end := min(i+step*kern.rows, i1)
		for r := i; r < end; r += kern.rows {
			p.a.pack(kern, buf.narrow[(r-i)/kern.rows*tile:], r, min(kern.rows, end-r), p.w.k)
		}
		for j := j0; j < j1; j += panel {
			b := p.w.panel(j)
			for r := i; r < end; r += kern.rows {
				kern.dot(p.w.k, buf.narrow[(r-i)/kern.rows*tile:], b, buf.wide, panel)
				p.e.finish(buf.wide, p.out, r, min(kern.rows, end-r), j, min(panel, j1-j))
			}
		}
	}
}

// Kernel names what multiplies: amx, avx512bf16, bfmmla, or the float32 kernel in use.
func Kernel() string { return active.name }

// Native says that the processor multiplies bfloat16 itself.
func Native() bool { return active.dot != nil }

// Peak multiplies on registers alone, as fast as the kernel's instruction can,
// and returns the number of operations done.
func Peak(rounds int) (flop float64) { return active.peak(rounds) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }
