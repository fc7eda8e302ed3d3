package cpu

import (
	"math"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/parallel"
	"clipcalib/internal/engine/cpu/scratch"
	"clipcalib/internal/engine/cpu/sgemm"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

var _ engine.QueryPooler = (*Engine)(nil)

// QueryPool is in each head h of size d, K and V being the head's rows of w,
//
//	u = q[b, h] K / sqrt(d)
//	p = softmax over t of u . x[b, t]
//	out[b, h] = V (sum over t of p[t] * x[b, t]) + bias[W + h]
//
// in float32 whatever the precision: the weight is read once for each picture, so
// nothing is gained by packing it.
func (e *Engine) QueryPool(out, q, x, w, bias *tensor.Dense, heads int) error {
	if isFloat16(out, q, x) {
		return e.inFloat32(out, []*tensor.Dense{q, x}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.QueryPool(out, in[0], in[1], w, bias, heads)
		})
	}
	s, err := engine.QueryPoolShape(out, q, x, w, bias, heads)
	n := s.Batch * s.Width
	err = first(err, wantAll(sized{"queries", q, n}, sized{"tokens", x, n * s.N},
		sized{"weight", w, 2 * s.Width * s.Width}, sized{"bias", bias, 2 * s.Width}, sized{"result", out, n}))
	if err != nil {
		return err
	}
	width, d := s.Width, s.Width/heads
	keys, values := f32(w)[:width*width], f32(w)[width*width:]
	buf := scratch.Get(heads * n)
	defer buf.Put()
	u, query, dst := buf.Data, f32(q), f32(out)
	scale := float32(1 / math.Sqrt(float64(d)))
	for h := range heads {
		sgemm.Gemm(e.threads(), false, false, s.Batch, width, d, scale, query[h*d:], width, keys[h*d*width:], width, 0,
			u[h*width:], heads*width)
	}
	e.pooled(u, f32(x), s, heads)
	for h := range heads {
		sgemm.Gemm(e.threads(), false, true, s.Batch, d, width, 1, u[h*width:], heads*width, values[h*d*width:], width,
			0, dst[h*d:], width)
	}
	for b := range s.Batch {
		vec.Axpy(1, f32(bias)[width:], dst[b*width:][:width])
	}
	return nil
}

// pooled puts in place of each picture's vectors u, one a head, the mean of its
// tokens by the softmax of their products.
func (e *Engine) pooled(u, x []float32, s engine.PoolShape, heads int) {
	width := s.Width
	parallel.For(e.threads(), s.Batch, 1, func(_, lo, hi int) {
		buf := scratch.Get(heads * s.N)
		defer buf.Put()
		for b := lo; b < hi; b++ {
			of, tokens := u[b*heads*width:][:heads*width], x[b*s.N*width:][:s.N*width]
			sgemm.Gemm(1, false, true, heads, s.N, width, 1, of, width, tokens, width, 0, buf.Data, s.N)
			for h := range heads {
				p := buf.Data[h*s.N:][:s.N]
				vec.Combine(p, 1/vec.Exp(p, p, 1, vec.Max(p)), p, 0, p, 0)
			}
			sgemm.Gemm(1, false, false, heads, width, s.N, 1, buf.Data, s.N, tokens, width, 0, of, width)
		}
	})
}
