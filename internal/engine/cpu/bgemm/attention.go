package bgemm

import (
	"math"

	"clipcalib/internal/engine/cpu/vec"
)

// Attend computes one head's attention over a sequence of n tokens,
//
//	out[i] = sum over j of p[i, j] v[j], p[i] = softmax over j of scale * q[i].k[j]
//
// where q, k, v and out have rows of dim values. Scores and the result are
// products in bfloat16 with float32 sums; the softmax is in float32, and its
// numerators are rounded. The scores of a tile of queries are all that is ever
// held of them.
func Attend(out, q, k, v Matrix, n, dim int, scale float32) {
	kern := active
	if kern.dot == nil {
		kern = portable
	}
	whole := ceilDiv(n, depth) * depth
	keys, values := panelSize(dim)*ceilDiv(n, panel), panelSize(n)*ceilDiv(dim, panel)
	left, probs := kern.packed(max(dim, n)), kern.rows*whole
	buf := borrow(keys+values+left+probs, kern.rows*(whole+panel+1))
	defer buf.giveBack()
	narrow, scores := buf.narrow, buf.wide[:kern.rows*whole]
	tile, inverse := buf.wide[kern.rows*whole:][:kern.rows*panel], buf.wide[kern.rows*(whole+panel):]
	kp, vp := narrow[:keys], narrow[keys:][:values]
	ap, p := narrow[keys+values:][:left], narrow[keys+values+left:][:probs]
	packTransposed(kp, k, n, dim)
	packStraight(vp, v, n, dim)
	for i := 0; i < n; i += kern.rows {
		rows := min(kern.rows, n-i)
		kern.pack(ap, q, i, rows, dim)
		for j := 0; j < n; j += panel {
			kern.dot(dim, ap, kp[j/panel*panelSize(dim):], scores[j:], whole)
		}
		for r := range rows {
			inverse[r] = 1 / Softmax(p[r*whole:(r+1)*whole], scores[r*whole:(r+1)*whole], n, scale)
		}
		kern.pack(ap, Matrix{BF16: p, Stride: whole}, 0, rows, n)
		e := Epilogue{rows: inverse}
		for j := 0; j < dim; j += panel {
			kern.dot(n, ap, vp[j/panel*panelSize(n):], tile, panel)
			e.finish(tile, out, i, rows, j, min(panel, dim-j))
		}
	}
}

// Softmax stores the numerators of a softmax over scale times the first n
// scores, rounded, and zeros behind them; it returns their sum before the
// rounding. Both slices have the same length, a multiple of 32.
func Softmax(dst []uint16, scores []float32, n int, scale float32) float32 {
	if wide {
		_ = scores[:len(dst)]
		return softmax512(&dst[0], &scores[0], n, len(dst), scale*math.Log2E)
	}
	row := scores[:n]
	sum := vec.Exp(row, row, scale, scale*vec.Max(row))
	Round(dst[:n], row)
	clear(dst[n:])
	return sum
}

// panelSize is the number of values of a panel of the given depth.
func panelSize(k int) int { return panel * ceilDiv(k, depth) * depth }

// packTransposed packs m^T, m of n rows and k columns, in panels of 32 rows of m:
// the depth is k.
func packTransposed(dst []uint16, m Matrix, n, k int) {
	for i := 0; i < n; i += panel {
		packPairs(dst[i/panel*panelSize(k):][:panelSize(k)], panel, m, i, min(panel, n-i), k)
	}
}

// packStraight packs m, of k rows and n columns, in panels of 32 columns.
func packStraight(dst []uint16, m Matrix, k, n int) {
	zero := borrow(2*panel, 0)
	defer zero.giveBack()
	for j := 0; j < n; j += panel {
		cols := min(panel, n-j)
		d := dst[j/panel*panelSize(k):][:panelSize(k)]
		for l := 0; l < k; l += 2 {
			a, b := zero.narrow[:cols], zero.narrow[panel:][:cols]
			if m.BF16 != nil {
				a = m.BF16[l*m.Stride+j:][:cols]
				if l+1 < k {
					b = m.BF16[(l+1)*m.Stride+j:][:cols]
				}
			} else {
				Round(a, m.F32[l*m.Stride+j:][:cols])
				if l+1 < k {
					Round(b, m.F32[(l+1)*m.Stride+j:][:cols])
				}
			}
			if l+1 == k {
				b = zero.narrow[panel:][:cols]
				clear(b)
			}
			zip(d[l*panel:(l+2)*panel], a, b)
		}
		clear(d[(k+1)/2*2*panel:])
	}
}

// zip stores a[i], b[i] in turn, and zeros behind them.
func zip(dst, a, b []uint16) {
	b = b[:len(a)]
	if wide && len(a) == panel {
		zip512(&dst[:2*panel][0], &a[0], &b[0])
		return
	}
	for i, v := range a {
		dst[2*i], dst[2*i+1] = v, b[i]
	}
	clear(dst[2*len(a):])
}
