package bgemm

// kernel is a way of multiplying bfloat16.
type kernel struct {
	name string
	rows int // of a tile of the result

	// packed is the number of values of a packed tile of rows of depth k.
	packed func(k int) int
	// pack packs the rows [i, i+rows) of a, rounded; rows that are missing to a
	// whole tile, and depths to what the kernel reads, are zeros.
	pack func(dst []uint16, a Matrix, i, rows, k int)
	// packColumns packs columns of a, whose rows are of depth and in 16 bits, alike.
	packColumns func(dst []uint16, a Matrix, i, rows, k int)
	// dot computes the sums of a whole tile of rows and 32 columns from a packed
	// tile a and a panel b of depth k:
	//
	//	for r in [0, rows), j in [0, 32):
	//	    c[r*ldc+j] = sum over l in [0, k) of a[r, l] * b[l, j]
	//
	// It is nil where the float32 kernels of package sgemm multiply.
	dot func(k int, a, b []uint16, c []float32, ldc int)
	// peak does as many operations as the processor can, and returns how many.
	peak func(rounds int) (flop float64)
}

// portable is the kernel in plain Go, in the order of VDPBF16PS.
var portable = &kernel{name: "portable", rows: dotRows, packed: dotPacked, pack: packDot,
	packColumns: packDotColumns, dot: dotPortable}

// dotRows is the number of rows of a tile of the kernels that add pairs.
const dotRows = 12

// dotPacked: for each pair of depths, for each row, its two values.
func dotPacked(k int) int { return ceilDiv(k, 2) * 2 * dotRows }

func dotPortable(k int, a, b []uint16, c []float32, ldc int) {
	for r := range dotRows {
		for j := range panel {
			var sum float32
			for p := range ceilDiv(k, 2) {
				x, y := a[2*(p*dotRows+r):], b[2*(p*panel+j):]
				sum += Widened(x[1]) * Widened(y[1])
				sum += Widened(x[0]) * Widened(y[0])
			}
			c[r*ldc+j] = sum
		}
	}
}
