package bgemm

import (
	"unsafe"

	"clipcalib/internal/engine/cpu/sgemm"
)

// packDot packs rows for the kernels that add pairs.
func packDot(dst []uint16, a Matrix, i, rows, k int) {
	packPairs(dst[:dotPacked(k)], dotRows, a, i, rows, k)
}

// packPairs stores the rows [i, i+rows) of a, rounded, as columns of pairs:
//
//	for p, r, h: dst[(p*width+r)*2+h] = a[i+r, 2p+h]
//
// What is missing to width rows and to the length of dst is zero.
func packPairs(dst []uint16, width int, a Matrix, i, rows, k int) {
	pairs, whole := ceilDiv(k, 2), k/2
	src, stride := a.BF16, a.Stride
	if src == nil { // round the rows first
		stride = 2 * pairs
		buf := borrow(rows*stride, 0)
		defer buf.giveBack()
		for r := range rows {
			Round(buf.narrow[r*stride:r*stride+k], a.F32[(i+r)*a.Stride:][:k])
		}
		src, i = buf.narrow, 0
	}
	src = src[i*stride:]
	if stride%2 == 0 && whole > 0 {
		sgemm.Interleave(pairsOf(dst[:2*whole*width]), width, pairsOf(src[:(rows-1)*stride+2*whole]), stride/2, rows,
			whole)
	} else {
		for r := range rows {
			for p := range whole {
				copy(dst[2*(p*width+r):][:2], src[r*stride+2*p:])
			}
		}
		for p := range whole {
			clear(dst[2*(p*width+rows) : 2*(p+1)*width])
		}
	}
	if whole < pairs {
		last := dst[2*whole*width:][:2*width]
		clear(last)
		for r := range rows {
			last[2*r] = src[r*stride+k-1]
		}
	}
	clear(dst[2*pairs*width:])
}

// pairsOf shows pairs of values as 32 bits of whatever.
func pairsOf(x []uint16) []float32 {
	if len(x) < 2 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&x[0])), len(x)/2)
}

// tileRows is the number of rows of a tile of AMX's kernel: two of its own.
const tileRows = 32

func tilesPacked(k int) int { return tileRows * ceilDiv(k, depth) * depth }

// packTiles packs rows for AMX: for the upper and the lower 16 rows, for each 32
// of depth, for each row, its 32 values.
func packTiles(dst []uint16, a Matrix, i, rows, k int) {
	blocks := ceilDiv(k, depth)
	for r := range tileRows {
		at := r/16*blocks*16*depth + r%16*depth
		for b := range blocks {
			d := dst[at+b*16*depth:][:depth]
			n := min(depth, k-b*depth)
			switch {
			case r >= rows:
				n = 0
			case a.BF16 != nil:
				copy(d[:n], a.BF16[(i+r)*a.Stride+b*depth:])
			default:
				Round(d[:n], a.F32[(i+r)*a.Stride+b*depth:][:n])
			}
			clear(d[n:])
		}
	}
}
