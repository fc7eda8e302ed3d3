package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
)

// The operations of the modified ResNet are for inference: none has a gradient.
// Pictures are matrices with a row a pixel, see engine.Convolution.

// Conv returns act(convolution of x + b) with a kernel of 3x3 and a border of
// zeros: x [B*side*side, C], w [N, 9*C] in the order row, column, channel, b [N];
// the result is [B*S*S, N], S = side/stride rounded up.
func Conv(g *graph.Graph, x, w, b *Node, side, stride int, act engine.Act) *Node {
	if g.Err() != nil {
		return x
	}
	if side < 1 || stride < 1 || rows(x)%(side*side) != 0 || cols(w) != 9*cols(x) || size(b) != rows(w) {
		g.Fail("convolution: %v by %v with bias %v and side %d does not fit", x.Shape(), w.Shape(), b.Shape(), side)
		return x
	}
	out := (side + stride - 1) / stride
	op := graph.Op{
		Name: "convolution",
		Out:  shape(rows(x)/(side*side)*out*out, rows(w)),
		Run: func(c graph.Call) error {
			return c.Engine.Conv(engine.Conv{Out: c.Out, X: c.In[0], W: c.In[1], Bias: c.In[2], Side: side,
				Stride: stride, Act: act})
		},
	}
	if e, ok := g.Engine.(engine.MixedPrecision); ok && frozen(e, w) {
		op.Float16Out, op.Float16In = true, []int{0}
	}
	return g.Apply(op, x, w, b)
}

// AvgPool returns the means of squares of 2x2 pixels: x [B*side*side, C], side
// even, to [B*(side/2)*(side/2), C].
func AvgPool(g *graph.Graph, x *Node, side int) *Node {
	if g.Err() != nil {
		return x
	}
	if side < 2 || side%2 != 0 || rows(x)%(side*side) != 0 {
		g.Fail("average pool: %v is not pictures of side %d, even", x.Shape(), side)
		return x
	}
	return g.Apply(graph.Op{
		Name:       "average pool",
		Out:        shape(rows(x)/4, cols(x)),
		Float16Out: true, Float16In: []int{0},
		Run: func(c graph.Call) error { return c.Engine.AvgPool(c.Out, c.In[0], side) },
	}, x)
}

// PoolTokens prepends to each picture's n rows of x [B*n, W] their mean and adds
// the positions pos [n+1, W]; the result is [B*(n+1), W].
func PoolTokens(g *graph.Graph, x, pos *Node) *Node {
	if g.Err() != nil {
		return x
	}
	n := rows(pos) - 1
	if n < 1 || rows(x)%n != 0 || cols(pos) != cols(x) {
		g.Fail("tokens of a pool: rows %v and positions %v do not fit", x.Shape(), pos.Shape())
		return x
	}
	return g.Apply(graph.Op{
		Name:       "pool tokens",
		Out:        shape(rows(x)/n*(n+1), cols(x)),
		Float16Out: true, Float16In: []int{0},
		Run: func(c graph.Call) error { return c.Engine.PoolTokens(c.Out, c.In[0], c.In[1]) },
	}, x, pos)
}

// PoolAttention lets the query q [B, W] of each sequence attend to its tokens,
// whose keys and values are kv [B*tokens, 2W], in each of the heads.
func PoolAttention(g *graph.Graph, q, kv *Node, heads int) *Node {
	if g.Err() != nil {
		return q
	}
	if rows(kv)%rows(q) != 0 || cols(kv) != 2*cols(q) || heads < 1 || cols(q)%heads != 0 {
		g.Fail("attention pool: %v over %v with %d heads does not fit", q.Shape(), kv.Shape(), heads)
		return q
	}
	return g.Apply(graph.Op{
		Name:       "attention pool",
		Out:        q.Shape(),
		Float16Out: true, Float16In: []int{0, 1},
		Run: func(c graph.Call) error { return c.Engine.PoolAttention(c.Out, c.In[0], c.In[1], heads) },
	}, q, kv)
}

// QueryPool is PoolAttention by the query q [B, W] over keys and values made of the
// tokens x [B*tokens, W] by w [2W, W] and b [2W].
func QueryPool(g *graph.Graph, q, x, w, b *Node, heads int) *Node {
	if _, ok := g.Engine.(engine.QueryPooler); !ok {
		return PoolAttention(g, q, Linear(g, x, w, b, nil, engine.Identity), heads)
	}
	if g.Err() != nil {
		return q
	}
	if rows(x)%rows(q) != 0 || cols(x) != cols(q) || rows(w) != 2*cols(q) || cols(w) != cols(x) ||
		size(b) != rows(w) || heads < 1 || cols(q)%heads != 0 {
		g.Fail("query pool: %v over %v by %v with bias %v and %d heads does not fit", q.Shape(), x.Shape(), w.Shape(),
			b.Shape(), heads)
		return q
	}
	return g.Apply(graph.Op{
		Name:       "query pool",
		Out:        q.Shape(),
		Float16Out: true, Float16In: []int{0, 1},
		Run: func(c graph.Call) error {
			return c.Engine.(engine.QueryPooler).QueryPool(c.Out, c.In[0], c.In[1], c.In[2], c.In[3], heads)
		},
	}, q, x, w, b)
}
