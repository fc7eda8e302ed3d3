package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
)

// MLP returns act(x w1ᵀ + b1) w2ᵀ + b2 + residual: x and residual [N, W], w1 [H, W],
// w2 [W, H]. It has no gradient. It is one operation where the engine computes it
// some rows at a time, and two products elsewhere.
func MLP(g *graph.Graph, x, w1, b1, w2, b2, residual *Node, act engine.Act) *Node {
	if g.Err() != nil {
		return x
	}
	e, ok := g.Engine.(engine.PartwiseMLP)
	part := 0
	if ok {
		part = e.MLPRows(rows(x), cols(x), rows(w1))
	}
	if part == 0 {
		return Linear(g, Linear(g, x, w1, b1, nil, act), w2, b2, residual, engine.Identity)
	}
	n, width, hidden := rows(x), cols(x), rows(w1)
	if cols(w1) != width || rows(w2) != width || cols(w2) != hidden || size(b1) != hidden || size(b2) != width ||
		rows(residual) != n || cols(residual) != width {
		g.Fail("MLP: %v, %v, %v, %v, %v and %v do not fit", x.Shape(), w1.Shape(), b1.Shape(), w2.Shape(), b2.Shape(),
			residual.Shape())
	}
	op := graph.Op{
		Name: "mlp",
		Out:  shape(n, width),
		Run: func(c graph.Call) error {
			return e.MLP(engine.MLP{Out: c.Out, X: c.In[0], W1: c.In[1], B1: c.In[2], W2: c.In[3], B2: c.In[4],
				Residual: c.In[5], Act: act}, part)
		},
	}
	if m, ok := g.Engine.(engine.MixedPrecision); ok && frozen(m, w1) && frozen(m, w2) {
		op.Float16In = []int{0}
		if op.Float16Out = m.StoresFloat16Residuals(); op.Float16Out {
			op.Float16In = []int{0, 5}
		}
	}
	return g.Apply(op, x, w1, b1, w2, b2, residual)
}
