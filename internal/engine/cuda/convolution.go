package cuda

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// windowBytes bounds the windows of a convolution that are written out at a
// time: few enough that the product finds them in the second-level cache, and
// enough rows to fill the card.
const windowBytes = 32 << 20

// mostPoolHead is POOL_HEAD * WARP in convolution.cu.
const mostPoolHead = 8 * warp

// Conv writes out the windows of some pixels of the result, multiplies them by
// the weight, and goes on to the next pixels.
func (e *Engine) Conv(c engine.Conv) error {
	s, err := c.Shape()
	rows, depth := s.Rows(), 9*s.In
	err = first(err, activations(sized{"pictures", c.X, s.Batch * s.Side * s.Side * s.In},
		sized{"result", c.Out, rows * s.Out}), want(sized{"weight", c.W, s.Out * depth}, sized{"bias", c.Bias, s.Out}))
	if err != nil {
		return err
	}
	row := width(c.X) * int64(depth)
	step := min(rows, int(max(windowBytes/row/blockThreads, 1))*blockThreads)
	buf, release, err := e.scratch(row * int64(step))
	if err != nil {
		return err
	}
	defer release()
	for at := 0; at < rows; at += step {
		n := min(step, rows-at)
		err := e.rowRuns(e.variant("windows", c.X, c.X), n, depth, buf, c.X, int64(at), int64(n), int32(s.Side),
			int32(s.OutSide), int32(s.Stride), int32(s.In))
		if err != nil {
			return err
		}
		to := address(c.Out) + Ptr(width(c.Out)*int64(at)*int64(s.Out))
		g := engine.Gemm{A: e.over(buf, c.X.Dtype(), []int{n, depth}), B: c.W, TransB: true, Alpha: 1, Bias: c.Bias,
			Act: c.Act, Out: e.over(to, c.Out.Dtype(), []int{n, s.Out})}
		if err := e.Gemm(g); err != nil {
			return fmt.Errorf("convolution: %w", err)
		}
	}
	return nil
}

// AvgPool writes the means of squares of 2x2 pixels.
func (e *Engine) AvgPool(out, x *tensor.Dense, side int) error {
	s, err := engine.AvgPoolShape(out, x, side)
	rows := s.Batch * s.N
	err = first(err, activations(sized{"pictures", x, 4 * rows * s.Width}, sized{"means", out, rows * s.Width}))
	if err != nil {
		return err
	}
	return e.rowRuns(e.variant("avg_pool", x, out), rows, s.Width, out, x, int64(rows), int32(side/2), int32(s.Width))
}

// PoolTokens puts the mean before the rows of each picture and adds positions.
func (e *Engine) PoolTokens(out, x, pos *tensor.Dense) error {
	s, err := engine.PoolTokensShape(out, x, pos)
	err = first(err, activations(sized{"rows", x, s.Batch * s.N * s.Width},
		sized{"tokens", out, s.Batch * (s.N + 1) * s.Width}), want(sized{"positions", pos, (s.N + 1) * s.Width}))
	if err != nil {
		return err
	}
	return e.rowRuns(e.variant("pool_tokens", x, out), s.Batch, s.Width, out, x, pos, int64(s.Batch), int32(s.N),
		int32(s.Width))
}

// PoolAttention attends with one query a sequence.
func (e *Engine) PoolAttention(out, q, kv *tensor.Dense, heads int) error {
	s, err := engine.PoolAttentionShape(out, q, kv, heads)
	n := s.Batch * s.Width
	err = first(err, activations(sized{"queries", q, n}, sized{"keys and values", kv, 2 * n * s.N},
		sized{"result", out, n}))
	if err != nil {
		return err
	}
	d := s.Width / heads
	if d > mostPoolHead {
		return fmt.Errorf("attention pool: heads of %d, the GPU's kernel takes up to %d: use --device cpu", d,
			mostPoolHead)
	}
	if q.Dtype() != kv.Dtype() {
		return e.inFloat32(out, []*tensor.Dense{q, kv}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.PoolAttention(out, in[0], in[1], heads)
		})
	}
	return e.rows(e.variant("pool_attention", kv, out), s.Batch*heads, out, q, kv, int32(s.Batch*heads), int32(s.N),
		int32(s.Width), int32(heads), float32(1/math.Sqrt(float64(d))))
}
