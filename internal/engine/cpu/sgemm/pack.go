package sgemm

import (
	"clipcalib/internal/engine/cpu/parallel"
	"clipcalib/internal/engine/cpu/scratch"
)

// packed is a k x n matrix B in the order in which the micro-kernel reads it:
// for each block of blockK rows, for each panel of nr columns (the last one as
// narrow as the kernel allows), for each row, the panel's columns, padded with
// zeros.
type packed struct {
	k, n  int
	width int // stored columns: n rounded up to whole panels
	buf   *scratch.Floats
}

// pack packs op(B) into borrowed memory; release gives it back.
func pack(kern *kernel, threads int, b operand, k, n int) packed {
	width := storedWidth(kern, n)
	p := packed{k: k, n: n, width: width, buf: scratch.Get(k * width)}
	parallel.For(threads, ceilDiv(n, kern.nr), 1+parallelWork/4/(k*kern.nr), func(_, lo, hi int) {
		for q := lo; q < hi; q++ {
			j := q * kern.nr
			cols := min(kern.nr, n-j)
			for k0 := 0; k0 < k; k0 += blockK {
				depth := min(blockK, k-k0)
				packPanel(p.panel(j, k0, depth), min(kern.nr, width-j), b.columns(j), cols, k0, depth)
			}
		}
	})
	return p
}

func (p packed) release() { p.buf.Put() }

// panel returns the panel that starts at column j, of the block of the given
// depth that starts at row k0.
func (p packed) panel(j, k0, depth int) []float32 {
	return p.buf.Data[k0*p.width+j*depth:]
}

func storedWidth(kern *kernel, n int) int {
	full, rest := n/kern.nr*kern.nr, n%kern.nr
	switch {
	case rest == 0:
		return full
	case rest <= kern.narrow:
		return full + kern.narrow
	}
	return full + kern.nr
}

// packPanel stores the first cols columns of rows [k0, k0+depth) of op(b):
// dst[l*width+j] = op(b)[k0+l, j], zero for j >= cols.
func packPanel(dst []float32, width int, b operand, cols, k0, depth int) {
	if b.trans {
		Interleave(dst, width, b.data[k0:], b.ld, cols, depth)
		return
	}
	for l := 0; l < depth; l++ {
		row := dst[l*width : l*width+width]
		copy(row, b.data[(k0+l)*b.ld:][:cols])
		clear(row[cols:])
	}
}

// packA stores rows [i, i+rows) of op(a), columns [k0, k0+depth), as
// dst[l*mr+r] = op(a)[i+r, k0+l], zero for r >= rows.
func packA(kern *kernel, dst []float32, a operand, i, rows, k0, depth int) {
	if a.window != nil {
		a.window.packWindows(dst, kern.mr, a.data, i, rows, k0, depth)
		return
	}
	if !a.trans {
		Interleave(dst, kern.mr, a.data[i*a.ld+k0:], a.ld, rows, depth)
		return
	}
	for l := 0; l < depth; l++ {
		row := dst[l*kern.mr : (l+1)*kern.mr]
		copy(row, a.data[(k0+l)*a.ld+i:][:rows])
		clear(row[rows:])
	}
}

// Interleave stores dst[l*width+r] = src[r*ld+l] for r < rows and l < depth,
// and zero for rows <= r < width. It moves four rows at a time, as they
// are: 32 bits of anything may be taken for a float32.
func Interleave(dst []float32, width int, src []float32, ld, rows, depth int) {
	r := 0
	for ; r+4 <= rows && depth > 0; r += 4 {
		_ = src[(r+3)*ld+depth-1]
		_ = dst[(depth-1)*width+r+3]
		interleave4(depth, &src[r*ld], ld, &dst[r], width)
	}
	for ; r < rows; r++ {
		for l, v := range src[r*ld : r*ld+depth] {
			dst[l*width+r] = v
		}
	}
	if r < width {
		for l := 0; l < depth; l++ {
			clear(dst[l*width+r : (l+1)*width])
		}
	}
}
