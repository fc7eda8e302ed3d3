//go:build amd64 && !noasm

package sgemm

import "golang.org/x/sys/cpu"

var (
	wide = &kernel{name: "avx512", mr: 12, nr: 32, narrow: 16, tile: tileAVX512, peak: peakAVX512}
	mid  = &kernel{name: "avx2", mr: 4, nr: 24, narrow: 24, tile: tileAVX2, peak: peakAVX2}

	kernels = available()
	active  = kernels[0]
)

// available lists the micro-kernels this processor runs, fastest first.
func available() []*kernel {
	var ks []*kernel
	if cpu.X86.HasAVX512F && cpu.X86.HasFMA {
		ks = append(ks, wide)
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		ks = append(ks, mid)
	}
	return append(ks, portable)
}

// kernel12x32 computes a tile of up to 12 rows and 32 columns; bit j of mask
// says that column j is wanted.
//
//	for r in [0, rows), j in mask:
//	    c[r*ldc+j] = beta*c[r*ldc+j] + alpha * sum over l in [0, k) of a[l*12+r] * b[l*32+j]
//
//go:noescape
func kernel12x32(k int, a, b, c *float32, ldc int, alpha, beta float32, rows int, mask uint32)

// kernel12x16 is kernel12x32 for panels of 16 columns: b[l*16+j].
//
//go:noescape
func kernel12x16(k int, a, b, c *float32, ldc int, alpha, beta float32, rows int, mask uint32)

// kernel4x24 computes the sums of a whole tile:
//
//	for r in [0, 4), j in [0, 24):
//	    c[r*ldc+j] = beta*c[r*ldc+j] + alpha * sum over l in [0, k) of a[l*4+r] * b[l*24+j]
//
//go:noescape
func kernel4x24(k int, a, b, c *float32, ldc int, alpha, beta float32)

// interleave4 moves four rows of length k into columns:
//
//	for l in [0, k), r in [0, 4):
//	    dst[l*width+r] = src[r*ld+l]
//
//go:noescape
func interleave4(k int, src *float32, ld int, dst *float32, width int)

//go:noescape
func peak512(rounds int)

//go:noescape
func peak256(rounds int)

func peakAVX512(rounds int) float64 {
	peak512(rounds)
	return float64(rounds) * 24 * 16 * 2
}

func peakAVX2(rounds int) float64 {
	peak256(rounds)
	return float64(rounds) * 12 * 8 * 2
}

func tileAVX512(k int, a, b, c []float32, ldc int, alpha, beta float32, rows, cols int) {
	_ = c[(rows-1)*ldc+cols-1]
	mask := uint32(1)<<cols - 1
	if cols <= 16 {
		kernel12x16(k, &a[:12*k][0], &b[:16*k][0], &c[0], ldc, alpha, beta, rows, mask)
		return
	}
	kernel12x32(k, &a[:12*k][0], &b[:32*k][0], &c[0], ldc, alpha, beta, rows, mask)
}

func tileAVX2(k int, a, b, c []float32, ldc int, alpha, beta float32, rows, cols int) {
	if rows == 4 && cols == 24 {
		_ = c[3*ldc+23]
		kernel4x24(k, &a[:4*k][0], &b[:24*k][0], &c[0], ldc, alpha, beta)
		return
	}
	var s [4 * 24]float32
	kernel4x24(k, &a[:4*k][0], &b[:24*k][0], &s[0], 24, 1, 0)
	merge(s[:], 24, c, ldc, alpha, beta, rows, cols)
}
