package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
)

// Linear returns act(x wᵀ + b) + residual: x [M, K], w [N, K] as PyTorch stores
// it, b [N] or nil, residual [M, N] or nil, result [M, N].
//
// With an activation the value before it is not kept, so only Identity has a
// gradient; where gradients are wanted, apply Activate to a plain Linear.
func Linear(g *graph.Graph, x, w, b, residual *Node, act engine.Act) *Node {
	return product(g, engine.Gemm{TransB: true, Alpha: 1, Act: act}, x, w, b, residual)
}

// LinearReLU returns max(x wᵀ + b + residual, 0), in the shapes of Linear. It has
// no gradient.
func LinearReLU(g *graph.Graph, x, w, b, residual *Node) *Node {
	return product(g, engine.Gemm{TransB: true, Alpha: 1, Act: engine.ReLU, ActLast: true}, x, w, b, residual)
}

// MatMul returns alpha * op(a) op(b), with a or b transposed where asked.
func MatMul(g *graph.Graph, a, b *Node, transA, transB bool, alpha float32) *Node {
	return product(g, engine.Gemm{TransA: transA, TransB: transB, Alpha: alpha}, a, b, nil, nil)
}

// Logits returns scale * x tᵀ for rows of unit length: x [B, D] features,
// t [K, D] prototypes, result [B, K].
func Logits(g *graph.Graph, x, t *Node, scale float32) *Node {
	return MatMul(g, x, t, false, true, scale)
}

func product(g *graph.Graph, form engine.Gemm, a, b, bias, residual *Node) *Node {
	if g.Err() != nil {
		return a
	}
	m, k := rows(a), cols(a)
	if form.TransA {
		m, k = k, m
	}
	kb, n := rows(b), cols(b)
	if form.TransB {
		kb, n = n, kb
	}
	switch {
	case k != kb:
		g.Fail("matrix product: %v and %v do not fit", a.Shape(), b.Shape())
	case bias != nil && size(bias) != n:
		g.Fail("linear: bias %v does not fit %d outputs", bias.Shape(), n)
	case residual != nil && (rows(residual) != m || cols(residual) != n):
		g.Fail("linear: residual %v does not fit %d x %d", residual.Shape(), m, n)
	}
	in := []*Node{a, b}
	hasBias, hasResidual := bias != nil, residual != nil
	if hasBias {
		in = append(in, bias)
	}
	if hasResidual {
		in = append(in, residual)
	}
	narrowed, ok := g.Engine.(engine.MixedTraining)
	form.Narrow = form.Narrow || ok && narrow(narrowed, b)
	op := graph.Op{
		Name: "gemm",
		Out:  shape(m, n),
		Run: func(c graph.Call) error {
			f := form
			f.Out, f.A, f.B = c.Out, c.In[0], c.In[1]
			rest := c.In[2:]
			if hasBias {
				f.Bias, rest = rest[0], rest[1:]
			}
			if hasResidual {
				f.Residual = rest[0]
			}
			return c.Engine.Gemm(f)
		},
	}
	if e, ok := g.Engine.(engine.MixedPrecision); ok && (form.Narrow || frozen(e, b)) &&
		(!form.Gradient || e.StoresFloat16Gradients()) {
		op.Float16Out, op.Float16In = !form.Gradient, []int{0}
		if form.Narrow {
			op.Float16In = []int{0, 1}
		}
		switch {
		case hasResidual && e.StoresFloat16Residuals():
			op.Float16In = append(op.Float16In, len(in)-1)
		case hasResidual:
			op.Float16Out = false
		}
	}
	if form.Act == engine.Identity {
		op.Grad = func(g *graph.Graph, in []*Node, _, dy *Node, need []bool) []*Node {
			d := make([]*Node, len(in))
			if need[0] {
				d[0] = gradA(g, form, in[1], dy)
			}
			if need[1] {
				d[1] = gradB(g, form, in[0], dy)
			}
			at := 2
			if hasBias {
				if need[at] {
					d[at] = ColSum(g, dy)
				}
				at++
			}
			if hasResidual && need[at] {
				d[at] = dy
			}
			return d
		}
	}
	return g.Apply(op, in...)
}

// frozen says whether a node is a weight of which the engine has a 16-bit copy:
// products by others are float32.
func frozen(e engine.MixedPrecision, n *Node) bool {
	t, err := graph.Tensor(n)
	return err == nil && e.Frozen(t)
}

// narrow says whether a node is a weight in training whose products round both
// factors to 16 bits.
func narrow(e engine.MixedTraining, n *Node) bool {
	t, err := graph.Tensor(n)
	return err == nil && e.Narrowed(t)
}

// gradA is the gradient of C = alpha op(A) op(B) with respect to A.
func gradA(g *graph.Graph, f engine.Gemm, b, dc *Node) *Node {
	if f.TransA { // A = [K, M]: dA = alpha op(B) dCᵀ
		return matMul(g, f, b, dc, f.TransB, true)
	}
	return product(g, engine.Gemm{TransB: !f.TransB, Alpha: f.Alpha, Gradient: true, Narrow: f.Narrow}, dc, b, nil, nil)
}

// gradB is the gradient with respect to B.
func gradB(g *graph.Graph, f engine.Gemm, a, dc *Node) *Node {
	if f.TransB { // B = [N, K]: dB = alpha dCᵀ op(A)
		return matMul(g, f, dc, a, true, f.TransA)
	}
	return matMul(g, f, a, dc, !f.TransA, false)
}

// matMul is MatMul with the factor and the rounding of f, whose gradient it is of.
func matMul(g *graph.Graph, f engine.Gemm, a, b *Node, transA, transB bool) *Node {
	return product(g, engine.Gemm{TransA: transA, TransB: transB, Alpha: f.Alpha, Narrow: f.Narrow}, a, b, nil, nil)
}

// ColSum returns the sum over the rows of x, [N].
func ColSum(g *graph.Graph, x *Node) *Node {
	if g.Err() != nil {
		return x
	}
	op := graph.Op{
		Name: "column sum",
		Out:  shape(cols(x)),
		Run:  func(c graph.Call) error { return c.Engine.ColSum(c.Out, c.In[0]) },
	}
	if engine.TrainsFloat16(g.Engine) {
		op.Float16In = []int{0}
	}
	return g.Apply(op, x)
}
