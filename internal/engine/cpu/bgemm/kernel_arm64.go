//go:build arm64 && !noasm

package bgemm

// fast says that the assembly that rounds, widens and finishes runs here: it is
// NEON's, which every arm64 has.
const fast = true

var (
	mmla = &kernel{name: "bfmmla", rows: dotRows, packed: quadsPacked, pack: packQuads, packColumns: packQuadColumns,
		dot: dotMMLA, peak: mmlaPeak}

	kernels = available()
	active  = kernels[0]
)

// available lists the kernels this processor runs, fastest first.
func available() []*kernel {
	if hasBF16() {
		return []*kernel{mmla, widening}
	}
	return []*kernel{widening}
}

// mmla12x32 adds the products of four depths at a time:
//
//	for r in [0, 12), j in [0, 32):
//	    c[r*ldc+j] = sum over q in [0, quads), h in [0, 4) of a[q, r, h] * b[2*q+h/2, j, h%2]
//
// The sums of two products each are rounded to odd, without numbers too small to be
// normal, as Arm has it for BFMMLA.
//
//go:noescape
func mmla12x32(quads int, a, b *uint16, c *float32, ldc int)

//go:noescape
func peakMMLA(rounds int)

//go:noescape
func finishAsm(f *finishing)

//go:noescape
func roundAsm(dst *uint16, src *float32, n int)

//go:noescape
func widenAsm(dst *float32, src *uint16, n int)

func dotMMLA(k int, a, b []uint16, c []float32, ldc int) {
	quads := ceilDiv(k, 4)
	_ = c[(dotRows-1)*ldc+panel-1]
	mmla12x32(quads, &a[:4*quads*dotRows][0], &b[:4*quads*panel][0], &c[0], ldc)
}

func mmlaPeak(rounds int) float64 {
	peakMMLA(rounds)
	return float64(rounds) * 24 * 32
}

// quadsPacked: for each four depths, for each row, its four values.
func quadsPacked(k int) int { return ceilDiv(k, 4) * 4 * dotRows }

// packQuads packs rows for BFMMLA.
func packQuads(dst []uint16, a Matrix, i, rows, k int) {
	dst = dst[:quadsPacked(k)]
	row := borrow(k, 0)
	defer row.giveBack()
	for r := range dotRows {
		src := row.narrow
		switch {
		case r >= rows:
			clear(src)
		case a.BF16 != nil:
			src = a.BF16[(i+r)*a.Stride:][:k]
		default:
			Round(src, a.F32[(i+r)*a.Stride:][:k])
		}
		l, d := 0, dst[4*r:]
		for ; l+4 <= k; l += 4 {
			*(*[4]uint16)(d[l*dotRows:]) = [4]uint16(src[l:])
		}
		if l < k {
			last := d[l*dotRows:][:4]
			clear(last[copy(last, src[l:]):])
		}
	}
}

// packQuadColumns packs the columns [i, i+rows) of a, of k rows in 16 bits, as
// packQuads packs rows.
func packQuadColumns(dst []uint16, a Matrix, i, rows, k int) {
	dst = dst[:quadsPacked(k)]
	if rows < dotRows || k%4 > 0 {
		clear(dst)
	}
	for l := range k {
		d := dst[l/4*4*dotRows+l%4:]
		for r, v := range a.BF16[l*a.Stride+i:][:rows] {
			d[4*r] = v
		}
	}
}
