package bgemm

import (
	"clipcalib/internal/engine/cpu/parallel"
)

// Weights are a k x n matrix rounded to bfloat16, panel by panel of 32 columns:
// in each, for each pair of depths, for each column, its two values. What is
// missing to whole panels and to a multiple of 32 depths is zero.
type Weights struct {
	k, n int
	data []uint16
}

// Pack rounds and packs w, stored [k, n], or [n, k] with trans.
func Pack(threads int, w []float32, k, n int, trans bool) *Weights {
	out := empty(k, n)
	parallel.For(threads, ceilDiv(n, panel), 1, func(_, lo, hi int) {
		row := borrow(0, 0)
		defer row.giveBack()
		for q := lo; q < hi; q++ {
			if j := q * panel; trans {
				packColumns(out.panel(j), w[j*k:], min(panel, n-j), k, row)
			} else {
				packRows(out.panel(j), w[j:], min(panel, n-j), k, n, row)
			}
		}
	})
	return out
}

func empty(k, n int) *Weights {
	return &Weights{k: k, n: n, data: make([]uint16, ceilDiv(n, panel)*panel*ceilDiv(k, depth)*depth)}
}

// packColumns packs a panel whose columns are rows of w.
func packColumns(dst []uint16, w []float32, cols, k int, row *buffer) {
	row.grow(ceilDiv(k, depth)*depth, 0)
	for j := range cols {
		Round(row.narrow[:k], w[j*k:j*k+k])
		clear(row.narrow[k:])
		for l := 0; l < k; l += 2 {
			d := dst[l*panel+2*j:]
			d[0], d[1] = row.narrow[l], row.narrow[l+1]
		}
	}
}

// packRows packs a panel whose rows are pieces of rows of w, which lie n apart.
func packRows(dst []uint16, w []float32, cols, k, n int, row *buffer) {
	row.grow(panel, 0)
	for l := range k {
		Round(row.narrow[:cols], w[l*n:l*n+cols])
		d := dst[l/2*2*panel+l%2:]
		for j, v := range row.narrow[:cols] {
			d[2*j] = v
		}
	}
}

// Bytes is the memory the weights take.
func (w *Weights) Bytes() int { return 2 * len(w.data) }

// Dims returns the depth and the columns.
func (w *Weights) Dims() (k, n int) { return w.k, w.n }

// panel returns the panel that starts at column j.
func (w *Weights) panel(j int) []uint16 {
	size := panel * ceilDiv(w.k, depth) * depth
	return w.data[j/panel*size:][:size]
}

// Transposed returns the same values as an n x k matrix, for the products of
// the backward pass.
func (w *Weights) Transposed(threads int) *Weights {
	out := empty(w.n, w.k)
	parallel.For(threads, ceilDiv(w.k, panel), 1, func(_, lo, hi int) {
		for q := lo; q < hi; q++ {
			dst := out.panel(q * panel)
			for l := range w.n {
				src := w.panel(l)[l%panel*2:]
				d := dst[l/2*2*panel+l%2:]
				for j := range min(panel, w.k-q*panel) {
					at := q*panel + j
					d[2*j] = src[at/2*2*panel+at%2]
				}
			}
		}
	})
	return out
}

// Unpack writes the values to dst, [k, n], or [n, k] with trans.
func (w *Weights) Unpack(threads int, dst []float32, trans bool) {
	parallel.For(threads, ceilDiv(w.n, panel), 1, func(_, lo, hi int) {
		for j := lo * panel; j < min(hi*panel, w.n); j++ {
			src := w.panel(j)[j%panel*2:]
			for l := range w.k {
				v := Widened(src[l/2*2*panel+l%2])
				if trans {
					dst[j*w.k+l] = v
				} else {
					dst[l*w.n+j] = v
				}
			}
		}
	})
}
