package sgemm

// kernel is a micro-kernel and the panel sizes it wants.
type kernel struct {
	name   string
	mr, nr int // rows and columns of a tile of C
	narrow int // columns of the narrowest tile it has, for the last panel of B

	// tile computes one tile of C from packed panels a (k x mr) and b
	// (k x nr, or k x narrow if cols <= narrow):
	//
	//	for r in [0, rows), j in [0, cols):
	//	    c[r*ldc+j] = beta*c[r*ldc+j] + alpha * sum over l in [0, k) of a[l*mr+r] * b[l*nr+j]
	//
	// With beta == 0, c is not read.
	tile func(k int, a, b, c []float32, ldc int, alpha, beta float32, rows, cols int)

	// peak multiplies as fast as the instructions can, on registers alone, and
	// returns the number of operations; nil in plain Go.
	peak func(rounds int) (flop float64)
}

// portable is the micro-kernel in plain Go.
var portable = &kernel{name: "portable", mr: 4, nr: 4, narrow: 4, tile: tilePortable}

func tilePortable(k int, a, b, c []float32, ldc int, alpha, beta float32, rows, cols int) {
	var s [16]float32
	a, b = a[:4*k], b[:4*k]
	for len(a) >= 4 && len(b) >= 4 {
		a0, a1, a2, a3 := a[0], a[1], a[2], a[3]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		s[0] += a0 * b0
		s[1] += a0 * b1
		s[2] += a0 * b2
		s[3] += a0 * b3
		s[4] += a1 * b0
		s[5] += a1 * b1
		s[6] += a1 * b2
		s[7] += a1 * b3
		s[8] += a2 * b0
		s[9] += a2 * b1
		s[10] += a2 * b2
		s[11] += a2 * b3
		s[12] += a3 * b0
		s[13] += a3 * b1
		s[14] += a3 * b2
		s[15] += a3 * b3
		a, b = a[4:], b[4:]
	}
	merge(s[:], 4, c, ldc, alpha, beta, rows, cols)
}

// merge adds a whole tile of sums, width columns wide, to part of a tile of C.
func merge(s []float32, width int, c []float32, ldc int, alpha, beta float32, rows, cols int) {
	for r := 0; r < rows; r++ {
		row := c[r*ldc : r*ldc+cols]
		for j := range row {
			v := alpha * s[r*width+j]
			if beta != 0 {
				v += beta * row[j]
			}
			row[j] = v
		}
	}
}
