package cpu

import (
	"math"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/cpu/scratch"
	"clipcalib/internal/engine/cpu/sgemm"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// Conv is a product whose left operand, the windows of the pictures, is packed
// for the micro-kernel straight from the pictures:
//
//	for b, y, x, n:
//	    out[(b*S+y)*S+x, n] = act(bias[n] + sum over ky, kx, c of
//	        x[(b*Side + y*Stride+ky-1)*Side + x*Stride+kx-1, c] * w[n, (ky*3+kx)*C+c])
func (e *Engine) Conv(c engine.Conv) error {
	s, err := c.Shape()
	err = first(err, activations(sized{"pictures", c.X, s.Batch * s.Side * s.Side * s.In},
		sized{"result", c.Out, s.Rows() * s.Out}), want("bias", c.Bias, s.Out))
	if err != nil {
		return err
	}
	if w := e.packed(c.W, true); w != nil {
		return e.conv16(c, s, w)
	}
	if err := want("weight", c.W, s.Out*9*s.In); err != nil {
		return err
	}
	if isFloat16(c.X, c.Out) {
		return e.inFloat32(c.Out, []*tensor.Dense{c.X}, func(out *tensor.Dense, in []*tensor.Dense) error {
			c.Out, c.X = out, in[0]
			return e.Conv(c)
		})
	}
	p := product{Gemm: engine.Gemm{Act: c.Act}, out: f32(c.Out), bias: f32(c.Bias), n: s.Out}
	window := sgemm.Window{Side: s.Side, Stride: s.Stride, Channels: s.In}
	sgemm.Conv(e.threads(), window, s.Batch, s.Out, f32(c.X), f32(c.W), p.out, p.finish)
	return nil
}

// windowBytes of windows are written out at a time for a product in bfloat16.
const windowBytes = 256 << 10

// conv16 is Conv by a weight in bfloat16: each thread writes out the windows of
// some pixels and multiplies them.
func (e *Engine) conv16(c engine.Conv, s engine.ConvShape, w *bgemm.Weights) error {
	depth := 9 * s.In
	step := max(windowBytes/(2*depth), 32)
	out, x := matrix(c.Out), matrix(c.X)
	e.each(s.Rows(), 1+(1<<19)/(depth*s.Out), func(lo, hi int) {
		buf := make([]uint16, min(step, hi-lo)*depth)
		for at := lo; at < hi; at += step {
			n := min(step, hi-at)
			windows16(buf, x, s, at, n)
			to := bgemm.Matrix{Stride: s.Out}
			if out.BF16 != nil {
				to.BF16 = out.BF16[at*s.Out : (at+n)*s.Out]
			} else {
				to.F32 = out.F32[at*s.Out : (at+n)*s.Out]
			}
			w.Multiply(1, to, bgemm.Matrix{BF16: buf[:n*depth], Stride: depth}, n,
				bgemm.Epilogue{Alpha: 1, Bias: f32(c.Bias), Act: c.Act})
		}
	})
	return nil
}

// windows16 writes the windows of the pixels [at, at+n) of the result to dst in
// bfloat16. Those of one row of a window that are inside the picture are one
// stretch of it.
func windows16(dst []uint16, x bgemm.Matrix, s engine.ConvShape, at, n int) {
	line := 3 * s.In
	for r := range n {
		b, y, z := (at+r)/(s.OutSide*s.OutSide), (at+r)/s.OutSide%s.OutSide, (at+r)%s.OutSide
		left := z*s.Stride - 1
		first, last := max(left, 0), min(left+3, s.Side)
		for ky := range 3 {
			row := dst[(3*r+ky)*line:][:line]
			top := y*s.Stride + ky - 1
			if top < 0 || top >= s.Side {
				clear(row)
				continue
			}
			clear(row[:(first-left)*s.In])
			clear(row[(last-left)*s.In:])
			row = row[(first-left)*s.In : (last-left)*s.In]
			from := ((b*s.Side+top)*s.Side + first) * s.In
			if x.BF16 != nil {
				copy(row, x.BF16[from:])
			} else {
				bgemm.Round(row, x.F32[from:from+len(row)])
			}
		}
	}
}

// AvgPool writes the means of squares of 2x2 pixels:
//
//	for b, y, x, c:
//	    out[(b*H+y)*H+x, c] = sum over i, j in {0, 1} of x[(b*2H + 2y+i)*2H + 2x+j, c] / 4
func (e *Engine) AvgPool(out, x *tensor.Dense, side int) error {
	if isFloat16(out, x) {
		return e.inFloat32(out, []*tensor.Dense{x}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.AvgPool(out, in[0], side)
		})
	}
	s, err := engine.AvgPoolShape(out, x, side)
	n := s.Batch * s.N * s.Width
	if err := first(err, wantAll(sized{"pictures", x, 4 * n}, sized{"means", out, n})); err != nil {
		return err
	}
	src, dst, w, half := f32(x), f32(out), s.Width, side/2
	e.rows(s.Batch*s.N, 4*w, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			top := src[(r/half*2*side+r%half*2)*w:]
			row := dst[r*w : r*w+w]
			vec.Combine(row, 0.25, top[:w], 0.25, top[w:2*w], 0)
			vec.Axpy(0.25, top[side*w:side*w+w], row)
			vec.Axpy(0.25, top[(side+1)*w:(side+1)*w+w], row)
		}
	})
	return nil
}

// PoolTokens puts the mean before the rows of each picture and adds positions:
//
//	for b: out[b, 0] = mean over i of x[b, i] + pos[0]; for i: out[b, i+1] = x[b, i] + pos[i+1]
func (e *Engine) PoolTokens(out, x, pos *tensor.Dense) error {
	if isFloat16(out, x) {
		return e.inFloat32(out, []*tensor.Dense{x}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.PoolTokens(out, in[0], pos)
		})
	}
	s, err := engine.PoolTokensShape(out, x, pos)
	if err := first(err, wantAll(sized{"rows", x, s.Batch * s.N * s.Width},
		sized{"positions", pos, (s.N + 1) * s.Width}, sized{"tokens", out,
			s.Batch * (s.N + 1) * s.Width})); err != nil {
		return err
	}
	src, p, dst, w := f32(x), f32(pos), f32(out), s.Width
	e.rows(s.Batch, (s.N+1)*w, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			to, from := dst[b*(s.N+1)*w:], src[b*s.N*w:]
			mean := to[:w]
			clear(mean)
			for i := range s.N {
				row := from[i*w : i*w+w]
				vec.Axpy(1, row, mean)
				vec.Combine(to[(i+1)*w:(i+2)*w], 1, row, 1, p[(i+1)*w:(i+2)*w], 0)
			}
			vec.Combine(mean, 1/float32(s.N), mean, 1, p[:w], 0)
		}
	})
	return nil
}

// PoolAttention attends with one query a sequence: in each head h of size d,
//
//	p = softmax over t of q[b, h] . kv[b, t, h] / sqrt(d); out[b, h] = sum over t of p[t] * kv[b, t, W + h]
func (e *Engine) PoolAttention(out, q, kv *tensor.Dense, heads int) error {
	if isFloat16(out, q, kv) {
		return e.inFloat32(out, []*tensor.Dense{q, kv}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.PoolAttention(out, in[0], in[1], heads)
		})
	}
	s, err := engine.PoolAttentionShape(out, q, kv, heads)
	n := s.Batch * s.Width
	if err := first(err, wantAll(sized{"queries", q, n}, sized{"keys and values", kv, 2 * n * s.N},
		sized{"result", out, n})); err != nil {
		return err
	}
	query, rows, dst, w := f32(q), f32(kv), f32(out), s.Width
	d := w / heads
	scale := float32(1 / math.Sqrt(float64(d)))
	e.rows(s.Batch*heads, 2*s.N*d, func(lo, hi int) {
		p := scratch.Get(s.N)
		defer p.Put()
		for i := lo; i < hi; i++ {
			from := i * d // of the head in q and out
			at := i/heads*s.N*2*w + i%heads*d
			one := query[from : from+d]
			for t := range p.Data {
				p.Data[t] = vec.Dot(one, rows[at+t*2*w:][:d])
			}
			total := vec.Exp(p.Data, p.Data, scale, scale*vec.Max(p.Data))
			sum := dst[from : from+d]
			clear(sum)
			for t, v := range p.Data {
				vec.Axpy(v/total, rows[at+t*2*w+w:][:d], sum)
			}
		}
	})
	return nil
}
