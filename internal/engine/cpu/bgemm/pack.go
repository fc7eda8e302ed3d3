package bgemm

import (
	"unsafe"

	"clipcalib/internal/engine/cpu/sgemm"
)

// packDot packs rows for the kernels that add pairs: dst[(p*12+r)*2+h] =
// a[i+r, 2p+h].
func packDot(dst []uint16, a Matrix, i, rows, k int) {
	pairs := ceilDiv(k, 2)
	whole := k / 2 // pairs that are complete
	var buf *buffer
	src, stride := a.BF16, a.Stride
	if src == nil { // round the rows first
		stride = ceilDiv(k, 2) * 2
		buf = borrow(rows*stride, 0)
		defer buf.giveBack()
		for r := range rows {
			Round(buf.narrow[r*stride:r*stride+k], a.F32[(i+r)*a.Stride:][:k])
		}
		src, i = buf.narrow, 0
	}
	if stride%2 == 0 && whole > 0 {
		sgemm.Interleave(pairsOf(dst[:2*pairs*dotRows]), dotRows, pairsOf(src[i*stride:][:(rows-1)*stride+2*whole]), stride/2, rows, whole)
	} else {
		for r := range rows {
			row := src[(i+r)*stride:][:k]
			for p := range whole {
				dst[2*(p*dotRows+r)], dst[2*(p*dotRows+r)+1] = row[2*p], row[2*p+1]
			}
		}
	}
	if whole < pairs {
		for r := range rows {
			dst[2*(whole*dotRows+r)], dst[2*(whole*dotRows+r)+1] = src[(i+r)*stride+k-1], 0
		}
	}
	for p := range pairs {
		clear(dst[2*(p*dotRows+rows) : 2*(p+1)*dotRows])
	}
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
