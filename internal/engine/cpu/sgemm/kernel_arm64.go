//go:build arm64 && !noasm

package sgemm

var (
	// Twelve rows by eight columns: widths of towers and of heads are multiples of
	// eight, so the last panel of B is seldom padded.
	neon = &kernel{name: "neon", mr: 12, nr: 8, narrow: 8, tile: tileNEON, peak: peakNEON}

	kernels = []*kernel{neon, portable}
	active  = neon
)

// kernel12x8 computes the sums of a whole tile:
//
//	for r in [0, 12), j in [0, 8):
//	    c[r*ldc+j] = beta*c[r*ldc+j] + alpha * sum over l in [0, k) of a[l*12+r] * b[l*8+j]
//
//go:noescape
func kernel12x8(k int, a, b, c *float32, ldc int, alpha, beta float32)

// interleave4 moves four rows of length k into columns:
//
//	for l in [0, k), r in [0, 4):
//	    dst[l*width+r] = src[r*ld+l]
//
//go:noescape
func interleave4(k int, src *float32, ld int, dst *float32, width int)

//go:noescape
func peakFMLA(rounds int)

func peakNEON(rounds int) float64 {
	peakFMLA(rounds)
	return float64(rounds) * 24 * 4 * 2
}

func tileNEON(k int, a, b, c []float32, ldc int, alpha, beta float32, rows, cols int) {
	if rows == 12 && cols == 8 {
		_ = c[11*ldc+7]
		kernel12x8(k, &a[:12*k][0], &b[:8*k][0], &c[0], ldc, alpha, beta)
		return
	}
	var s [12 * 8]float32
	kernel12x8(k, &a[:12*k][0], &b[:8*k][0], &s[0], 8, 1, 0)
	merge(s[:], 8, c, ldc, alpha, beta, rows, cols)
}
