package cpu

import (
	"fmt"
	"math"

	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/cpu/scratch"
	"clipcalib/internal/engine/cpu/sgemm"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// attentionBlock is the number of queries whose scores are held at once:
// 256 x 257 scores of ViT-L/14, 263 KB, stay in the second-level cache.
const attentionBlock = 256

// heads is the geometry of multi-head attention over packed projections: row i
// of qkv holds a token's query at [0, width), key at [width, 2 width) and value
// at [2 width, 3 width), and head h the columns [h*dim, (h+1)*dim) of each.
type heads struct {
	rows, width, count, dim int
	scale                   float32
}

func newHeads(qkv *tensor.Dense, count int) (heads, error) {
	m, w3 := dims(qkv)
	h := heads{rows: m, width: w3 / 3, count: count}
	if w3%3 != 0 || count < 1 || h.width%count != 0 {
		return h, fmt.Errorf("attention: %d columns cannot be split into query, key and value of %d heads", w3, count)
	}
	h.dim = h.width / count
	h.scale = float32(1 / math.Sqrt(float64(h.dim)))
	return h, activations(sized{"projections", qkv, m * w3})
}

// query returns x from the query of row i and head k on; key and value lie
// width and 2 width further.
func (h heads) query(x []float32, i, k int) []float32 { return x[i*3*h.width+k*h.dim:] }

// at returns x, rows of width values, from row i and head k on.
func (h heads) at(x []float32, i, k int) []float32 { return x[i*h.width+k*h.dim:] }

// softmax replaces the scores of rows of n by exp(scale*(s - max)), and writes
// each row's 1/sum to inv.
func (h heads) softmax(scores []float32, n int, inv []float32) {
	for i := range inv {
		row := scores[i*n : i*n+n]
		inv[i] = 1 / vec.Exp(row, row, h.scale, h.scale*vec.Max(row))
	}
}

// Attention attends within each sequence, for each head:
//
//	for i in the sequence:
//	    p[j] = exp(scale * q[i].k[j]) / sum over l of exp(scale * q[i].k[l])
//	    out[i] = sum over j of p[j] * v[j]
//
// Each sequence and head is a pair of matrix products around the softmax; the
// division is left to the result, which is shorter than the scores. Activations
// in 16 bits are multiplied in bfloat16.
func (e *Engine) Attention(out, qkv *tensor.Dense, batch, tokens, count int) error {
	h, err := newHeads(qkv, count)
	if err != nil {
		return err
	}
	if err := first(h.fits(batch, tokens), activations(sized{"result", out, h.rows * h.width})); err != nil {
		return err
	}
	if isFloat16(out, qkv) {
		x, y := matrix(qkv), matrix(out)
		e.each(batch*count, 1, func(lo, hi int) {
			for pair := lo; pair < hi; pair++ {
				from, column := pair/count*tokens, pair%count*h.dim
				q := x.Down(from).From(column)
				bgemm.Attend(y.Down(from).From(column), q, q.From(h.width), q.From(2*h.width), tokens, h.dim, h.scale)
			}
		})
		return nil
	}
	x, y := f32(qkv), f32(out)
	e.each(batch*count, 1, func(lo, hi int) {
		block := min(attentionBlock, tokens)
		buf := scratch.Get(block*tokens + block)
		defer buf.Put()
		inv, scores := buf.Data[:block], buf.Data[block:]
		for pair := lo; pair < hi; pair++ {
			h.attend(x, y, pair/count*tokens, tokens, pair%count, block, scores, inv)
		}
	})
	return nil
}

func (h heads) fits(batch, tokens int) error {
	if batch < 1 || tokens < 1 || batch*tokens != h.rows {
		return fmt.Errorf("attention: %d rows are not %d sequences of %d", h.rows, batch, tokens)
	}
	return nil
}

// attend computes head k of the sequence of n tokens that starts at row from.
func (h heads) attend(x, y []float32, from, n, k, block int, scores, inv []float32) {
	ld := 3 * h.width
	key, value := h.query(x, from, k)[h.width:], h.query(x, from, k)[2*h.width:]
	for i := 0; i < n; i += block {
		m := min(block, n-i)
		sgemm.Gemm(1, false, true, m, n, h.dim, 1, h.query(x, from+i, k), ld, key, ld, 0, scores, n)
		h.softmax(scores, n, inv[:m])
		sgemm.Gemm(1, false, false, m, h.dim, n, 1, scores, n, value, ld, 0, h.at(y, from+i, k), h.width)
		for r := 0; r < m; r++ {
			row := h.at(y, from+i+r, k)[:h.dim]
			for j := range row {
				row[j] *= inv[r]
			}
		}
	}
}

// AttentionGrad differentiates Attention, recomputing its probabilities p:
//
//	for i in the sequence:
//	    dp[j] = dout[i].v[j]
//	    ds[j] = scale * p[j] * (dp[j] - dout[i].out[i])
//	    dq[i] = sum over j of ds[j] * k[j]
//	    for j in the sequence: dk[j] += ds[j] * q[i]; dv[j] += p[j] * dout[i]
//
// As in Attention, activations in 16 bits are multiplied in bfloat16.
func (e *Engine) AttentionGrad(dqkv, qkv, out, dout *tensor.Dense, batch, tokens, count int) error {
	h, err := newHeads(qkv, count)
	if err != nil {
		return err
	}
	if err := first(h.fits(batch, tokens), activations(h.gradient(dqkv, out, dout)...)); err != nil {
		return err
	}
	if isFloat16(dqkv, qkv, out, dout) {
		e.attentionGrad16(dqkv, qkv, out, dout, h, batch, tokens)
		return nil
	}
	x, y, dy, dx := f32(qkv), f32(out), f32(dout), f32(dqkv)
	e.each(batch*count, 1, func(lo, hi int) {
		block := min(attentionBlock, tokens)
		buf := scratch.Get(2*block*tokens + block + tokens)
		defer buf.Put()
		g := attentionGrad{heads: h, x: x, y: y, dy: dy, dx: dx, block: block}
		g.inv, g.zeros = buf.Data[:block], buf.Data[block:block+tokens]
		clear(g.zeros)
		g.p = buf.Data[block+tokens:][:block*tokens]
		g.ds = buf.Data[block+tokens+block*tokens:]
		for pair := lo; pair < hi; pair++ {
			g.run(pair/count*tokens, tokens, pair%count)
		}
	})
	return nil
}

// gradient are the tensors of a gradient beside the projections.
func (h heads) gradient(dqkv, out, dout *tensor.Dense) []sized {
	n := h.rows * h.width
	return []sized{{"result", dqkv, 3 * n}, {"attention's result", out, n}, {"its gradient", dout, n}}
}

// attentionGrad16 is AttentionGrad in bfloat16 products.
func (e *Engine) attentionGrad16(dqkv, qkv, out, dout *tensor.Dense, h heads, batch, tokens int) {
	x, y, dy, dx := matrix(qkv), matrix(out), matrix(dout), matrix(dqkv)
	e.each(batch*h.count, 1, func(lo, hi int) {
		for pair := lo; pair < hi; pair++ {
			from, column := pair/h.count*tokens, pair%h.count*h.dim
			q, dq := x.Down(from).From(column), dx.Down(from).From(column)
			a := bgemm.Attention{Q: q, K: q.From(h.width), V: q.From(2 * h.width), Out: y.Down(from).From(column),
				N: tokens, Dim: h.dim, Scale: h.scale}
			a.Gradient(dq, dq.From(h.width), dq.From(2*h.width), dy.Down(from).From(column))
		}
	})
}

// attentionGrad is the backward pass of one thread.
type attentionGrad struct {
	heads
	x, y, dy, dx []float32
	block        int
	inv, zeros   []float32 // of block and of tokens values
	p, ds        []float32 // block x tokens
}

// run differentiates head k of the sequence of n tokens that starts at row from.
func (g *attentionGrad) run(from, n, k int) {
	ld, w, d := 3*g.width, g.width, g.dim
	key, value := g.query(g.x, from, k)[w:], g.query(g.x, from, k)[2*w:]
	dkey, dvalue := g.query(g.dx, from, k)[w:], g.query(g.dx, from, k)[2*w:]
	for i := 0; i < n; i += g.block {
		m := min(g.block, n-i)
		beta := float32(1)
		if i == 0 {
			beta = 0
		}
		query, dy := g.query(g.x, from+i, k), g.at(g.dy, from+i, k)
		sgemm.Gemm(1, false, true, m, n, d, 1, query, ld, key, ld, 0, g.p, n)
		g.softmax(g.p, n, g.inv[:m])
		sgemm.Gemm(1, false, true, m, n, d, 1, dy, w, value, ld, 0, g.ds, n)
		for r := 0; r < m; r++ {
			p, ds := g.p[r*n:r*n+n], g.ds[r*n:r*n+n]
			vec.Combine(p, g.inv[r], p, 0, p, 0)
			mean := vec.Dot(g.at(g.dy, from+i+r, k)[:d], g.at(g.y, from+i+r, k)[:d])
			vec.Normalize(ds, ds, p, g.zeros[:n], mean, g.scale)
		}
		sgemm.Gemm(1, false, false, m, d, n, 1, g.ds, n, key, ld, 0, g.query(g.dx, from+i, k), ld)
		sgemm.Gemm(1, true, false, n, d, m, 1, g.ds, n, query, ld, beta, dkey, ld)
		sgemm.Gemm(1, true, false, n, d, m, 1, g.p, n, dy, w, beta, dvalue, ld)
	}
}
