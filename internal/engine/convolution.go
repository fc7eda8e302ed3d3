package engine

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Convolution holds the kernels of CLIP's modified ResNet, forward alone. A
// batch of B square pictures of side S in C channels is a matrix [B*S*S, C]: a
// row a pixel, pictures one after the other, each row by row. A convolution of
// 1x1 is then a Gemm.
type Convolution interface {
	// Conv computes c.
	Conv(c Conv) error
	// AvgPool writes the means of squares of 2x2 pixels of x [B*S*S, C], S even,
	// to out [B*(S/2)*(S/2), C].
	AvgPool(out, x *tensor.Dense, side int) error
	// PoolTokens writes, for each picture of n rows of x, the mean of the rows
	// plus pos[0] and then row i plus pos[i+1]; x is [B*n, W], pos [n+1, W], out
	// [B*(n+1), W].
	PoolTokens(out, x, pos *tensor.Dense) error
	// PoolAttention lets one query a sequence attend to its tokens in each of the
	// heads: q is [B, W], kv [B*tokens, 2W], every row the key and the value of a
	// token, out [B, W]. Scores are scaled by 1/sqrt(W/heads).
	PoolAttention(out, q, kv *tensor.Dense, heads int) error
}

// Conv describes Out = act(convolution of X + Bias) with a kernel of 3x3 and a
// border of one pixel of zeros: X is [B*Side*Side, C], W [N, 9*C], each row in
// the order row, column, channel, Bias [N], and Out [B*S*S, N], where S is
// Side/Stride, rounded up. Stride is 1 or 2.
type Conv struct {
	Out, X, W, Bias *tensor.Dense
	Side, Stride    int
	Act             Act
}

// ConvShape is the checked size of a Conv.
type ConvShape struct {
	Batch, Side, Stride, OutSide, In, Out int
}

// Rows is the number of pixels of the results.
func (s ConvShape) Rows() int { return s.Batch * s.OutSide * s.OutSide }

// Shape checks the sizes of c.
func (c Conv) Shape() (s ConvShape, err error) {
	if c.Out == nil || c.X == nil || c.W == nil || c.Bias == nil {
		return s, fmt.Errorf("convolution without operands")
	}
	x, w, out := c.X.Shape(), c.W.Shape(), c.Out.Shape()
	if c.Side < 1 || c.Stride != 1 && c.Stride != 2 || len(x) != 2 || len(w) != 2 || len(out) != 2 {
		return s, fmt.Errorf("convolution of %v by %v to %v with side %d and stride %d is not possible", x, w, out,
			c.Side, c.Stride)
	}
	s = ConvShape{Batch: x[0] / (c.Side * c.Side), Side: c.Side, Stride: c.Stride,
		OutSide: (c.Side + c.Stride - 1) / c.Stride, In: x[1], Out: w[0]}
	if x[0] != s.Batch*c.Side*c.Side || w[1] != 9*s.In || out[0] != s.Rows() || out[1] != s.Out ||
		c.Bias.Shape().TotalSize() != s.Out {
		return s, fmt.Errorf("convolution of %v by %v with bias %v does not fit %v: side %d, stride %d", x, w,
			c.Bias.Shape(), out, c.Side, c.Stride)
	}
	return s, c.Act.Check()
}

// PoolShape is the checked size of AvgPool, PoolTokens or PoolAttention: rows of
// Width values in Batch sequences of N.
type PoolShape struct{ Batch, N, Width int }

// AvgPoolShape checks AvgPool; N is the number of rows of a picture of out.
func AvgPoolShape(out, x *tensor.Dense, side int) (s PoolShape, err error) {
	if out == nil || x == nil {
		return s, fmt.Errorf("average pool without operands")
	}
	a, b := x.Shape(), out.Shape()
	if side < 2 || side%2 != 0 || len(a) != 2 || len(b) != 2 || a[0]%(side*side) != 0 ||
		b[0] != a[0]/4 || a[1] != b[1] {
		return s, fmt.Errorf("average pool of %v with side %d does not fit %v", a, side, b)
	}
	return PoolShape{a[0] / (side * side), side * side / 4, a[1]}, nil
}

// PoolTokensShape checks PoolTokens; N is the number of rows of a picture of x.
func PoolTokensShape(out, x, pos *tensor.Dense) (s PoolShape, err error) {
	if out == nil || x == nil || pos == nil {
		return s, fmt.Errorf("tokens of a pool without operands")
	}
	o, a, p := out.Shape(), x.Shape(), pos.Shape()
	if len(o) != 2 || len(a) != 2 || len(p) != 2 || p[0] < 2 || a[1] != p[1] || o[1] != p[1] || a[0]%(p[0]-1) != 0 ||
		o[0] != a[0]/(p[0]-1)*p[0] {
		return s, fmt.Errorf("tokens of a pool: %v with positions %v do not fit %v", a, p, o)
	}
	return PoolShape{a[0] / (p[0] - 1), p[0] - 1, p[1]}, nil
}

// PoolAttentionShape checks PoolAttention; N is the number of tokens.
func PoolAttentionShape(out, q, kv *tensor.Dense, heads int) (s PoolShape, err error) {
	if out == nil || q == nil || kv == nil {
		return s, fmt.Errorf("attention pool without operands")
	}
	a, b := q.Shape(), kv.Shape()
	if len(a) != 2 || len(b) != 2 || !a.Eq(out.Shape()) || b[1] != 2*a[1] || b[0]%a[0] != 0 || heads < 1 ||
		a[1]%heads != 0 {
		return s, fmt.Errorf("attention pool of %v over %v with %d heads does not fit %v", a, b, heads, out.Shape())
	}
	return PoolShape{a[0], b[0] / a[0], a[1]}, nil
}

// QueryPooler is an engine that pools by one query without keys and values of all
// tokens: as every head's score is a product of the query, the keys' weight and a
// token, it is that of the first two, one vector a head, and the token, and so the
// other way round for values. Of 50 tokens that is a thirtieth of the work.
type QueryPooler interface {
	// QueryPool is [Convolution.PoolAttention] of kv = x wᵀ + bias: q is [B, W], x
	// [B*tokens, W], w [2W, W], the keys' rows first, bias [2W], out [B, W]. The
	// keys' bias adds the same to all scores of a head, so it changes nothing.
	QueryPool(out, q, x, w, bias *tensor.Dense, heads int) error
}

// QueryPoolShape checks QueryPool; N is the number of tokens.
func QueryPoolShape(out, q, x, w, bias *tensor.Dense, heads int) (s PoolShape, err error) {
	if out == nil || q == nil || x == nil || w == nil || bias == nil {
		return s, fmt.Errorf("query pool without operands")
	}
	a, b, c := q.Shape(), x.Shape(), w.Shape()
	if len(a) != 2 || len(b) != 2 || len(c) != 2 || !a.Eq(out.Shape()) || b[1] != a[1] || b[0]%a[0] != 0 ||
		c[0] != 2*a[1] || c[1] != a[1] || bias.Shape().TotalSize() != 2*a[1] || heads < 1 || a[1]%heads != 0 {
		return s, fmt.Errorf("query pool of %v over %v by %v with bias %v and %d heads does not fit %v", a, b, c,
			bias.Shape(), heads, out.Shape())
	}
	return PoolShape{a[0], b[0] / a[0], a[1]}, nil
}
