package bgemm

import "clipcalib/internal/engine/cpu/vec"

// Attention is one head's attention over a sequence of N tokens, as [Attend]
// computes it: matrices with rows of Dim values.
type Attention struct {
	Q, K, V, Out Matrix
	N, Dim       int
	Scale        float32
}

// Gradient computes the gradients of q, k and v from that of the result, dout:
//
//	for i, j in [0, n):
//	    ds[i, j] = scale * p[i, j] * (dout[i].v[j] - dout[i].out[i])
//	    dq[i] += ds[i, j] k[j]; dk[j] += ds[i, j] q[i]; dv[j] += p[i, j] dout[i]
//
// All five products are in bfloat16 with float32 sums. Of the softmax, the
// numerators are rounded, and dout divided by its sums; ds is rounded once. Both
// are held for the whole sequence, since keys and values sum over its queries.
func (a Attention) Gradient(dq, dk, dv, dout Matrix) {
	kern := active
	if kern.dot == nil {
		kern = portable
	}
	g := newAttentionGradient(a, kern)
	defer g.narrow.giveBack()
	for i := 0; i < a.N; i += kern.rows {
		g.queries(i, min(kern.rows, a.N-i), dq, dout)
	}
	g.divide(dout)
	packStraight(g.right, Matrix{F32: g.divided, Stride: a.Dim}, a.N, a.Dim)
	g.columns(g.p, dv)
	packStraight(g.right, a.Q, a.N, a.Dim)
	g.columns(g.ds, dk)
}

// attentionGradient is the memory of a gradient.
type attentionGradient struct {
	Attention
	kern           *kernel
	whole          int // the tokens, rounded up
	narrow         *buffer
	keys, values   []uint16  // packed transposed: right factors of scores and of their like
	right          []uint16  // the keys packed straight, then the gradient, then the queries
	left           []uint16  // a tile of a left factor
	p, ds          []uint16  // rows of whole values
	scores, slopes []float32 // of a tile of queries
	tile           []float32
	inverse        []float32 // one over the softmax's sums
	row            []float32 // two of dim values
	divided        []float32 // the result's gradient by the sums
}

func newAttentionGradient(a Attention, kern *kernel) *attentionGradient {
	whole := ceilDiv(a.N, depth) * depth
	transposed, straight := panelSize(a.Dim)*ceilDiv(a.N, panel), panelSize(a.N)*ceilDiv(a.Dim, panel)
	left, held := kern.packed(max(a.Dim, a.N)), a.N*whole
	g := &attentionGradient{Attention: a, kern: kern, whole: whole}
	g.narrow = borrow(2*transposed+straight+left+2*held, kern.rows*(2*whole+panel)+a.N+2*a.Dim+a.N*a.Dim)
	narrow, wide := g.narrow.narrow, g.narrow.wide
	cut := func(n int) (part []uint16) { part, narrow = narrow[:n], narrow[n:]; return part }
	cutWide := func(n int) (part []float32) { part, wide = wide[:n], wide[n:]; return part }
	g.keys, g.values, g.right, g.left = cut(transposed), cut(transposed), cut(straight), cut(left)
	g.p, g.ds = cut(held), cut(held)
	g.scores, g.slopes, g.tile = cutWide(kern.rows*whole), cutWide(kern.rows*whole), cutWide(kern.rows*panel)
	g.inverse, g.row, g.divided = cutWide(a.N), cutWide(2*a.Dim), cutWide(a.N*a.Dim)
	packTransposed(g.keys, a.K, a.N, a.Dim)
	packTransposed(g.values, a.V, a.N, a.Dim)
	packStraight(g.right, a.K, a.N, a.Dim)
	return g
}

// queries makes p and ds of a tile of queries, and their gradients.
func (g *attentionGradient) queries(i, rows int, dq, dout Matrix) {
	g.times(g.scores, g.Q, i, rows, g.keys)
	g.times(g.slopes, dout, i, rows, g.values)
	for r := range rows {
		at := (i + r) * g.whole
		p, ds := g.p[at:at+g.whole], g.ds[at:at+g.whole]
		g.inverse[i+r] = 1 / Softmax(p, g.scores[r*g.whole:(r+1)*g.whole], g.N, g.Scale)
		mean := vec.Dot(dout.row(i+r, g.row[:g.Dim]), g.Out.row(i+r, g.row[g.Dim:]))
		slope(ds, p, g.slopes[r*g.whole:(r+1)*g.whole], mean, g.Scale*g.inverse[i+r])
	}
	g.kern.pack(g.left, Matrix{BF16: g.ds, Stride: g.whole}, i, rows, g.N)
	g.multiply(dq, i, rows)
}

// times writes the products of a tile of rows of a with a packed right factor of
// all tokens to dst, rows of whole values.
func (g *attentionGradient) times(dst []float32, a Matrix, i, rows int, right []uint16) {
	g.kern.pack(g.left, a, i, rows, g.Dim)
	for j := 0; j < g.N; j += panel {
		g.kern.dot(g.Dim, g.left, right[j/panel*panelSize(g.Dim):], dst[j:], g.whole)
	}
}

// columns writes m^T, m of rows of whole values, times the packed right factor.
func (g *attentionGradient) columns(m []uint16, out Matrix) {
	for j := 0; j < g.N; j += g.kern.rows {
		rows := min(g.kern.rows, g.N-j)
		g.kern.packColumns(g.left, Matrix{BF16: m, Stride: g.whole}, j, rows, g.N)
		g.multiply(out, j, rows)
	}
}

// multiply writes the product of the packed factors to rows of out.
func (g *attentionGradient) multiply(out Matrix, i, rows int) {
	for j := 0; j < g.Dim; j += panel {
		g.kern.dot(g.N, g.left, g.right[j/panel*panelSize(g.N):], g.tile, panel)
		Epilogue{Alpha: 1}.finish(g.tile, out, i, rows, j, min(panel, g.Dim-j))
	}
}

// divide divides the rows of the result's gradient by the softmax's sums.
func (g *attentionGradient) divide(dout Matrix) {
	for i, inverse := range g.inverse {
		to := g.divided[i*g.Dim:][:g.Dim]
		row := dout.row(i, g.row[:g.Dim])
		vec.Combine(to, inverse, row, 0, row, 0)
	}
}

// row is row i in float32, in buf where m is not.
func (m Matrix) row(i int, buf []float32) []float32 {
	if m.BF16 == nil {
		return m.F32[i*m.Stride:][:len(buf)]
	}
	Widen(buf, m.BF16[i*m.Stride:][:len(buf)])
	return buf
}

// slope stores factor * p * (dp - mean), rounded, in rows of a multiple of 32
// values.
func slope(dst, p []uint16, dp []float32, mean, factor float32) {
	p, dp = p[:len(dst)], dp[:len(dst)]
	if wide {
		slopes512(&dst[0], &p[0], &dp[0], len(dst), mean, factor)
		return
	}
	for i, v := range p {
		dst[i] = Rounded(factor * Widened(v) * (dp[i] - mean))
	}
}
