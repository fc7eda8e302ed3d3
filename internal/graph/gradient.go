package graph

import (
	"slices"

	"fmt"

	"gorgonia.org/tensor"
)

// Gradients returns the gradients of the sum of y's elements with respect to
// the leaves (or inner nodes) wrt. Only nodes on a path from wrt to y get
// gradient nodes, so what is frozen costs nothing. A leaf that y does not
// depend on is an error.
//
// This does the work of gorgonia.Backpropagate, which differentiates every
// path whether it leads to a parameter or not, and sums with an operation of
// its own that knows nothing of planned buffers.
func (g *Graph) Gradients(y *Node, wrt ...*Node) []*Node {
	if err := g.accept(y); err != nil {
		g.Fail("gradient: %w", err)
	}
	if g.err != nil {
		return g.GradientsFrom(y, y, wrt...)
	}
	seed := g.Apply(fillOp(y.Shape(), 1), y)
	return g.GradientsFrom(y, seed, wrt...)
}

// differentiable says which of the nodes cannot be differentiated.
func (g *Graph) differentiable(y *Node, wrt []*Node) error {
	for _, n := range append([]*Node{y}, wrt...) {
		if err := g.accept(n); err != nil {
			return err
		}
		if n.Dtype() != tensor.Float32 {
			return fmt.Errorf("%s is of type %v: only float32 values have one", Name(n), n.Dtype())
		}
	}
	return nil
}

// GradientsFrom is Gradients with dy, the gradient of y, given.
func (g *Graph) GradientsFrom(y, dy *Node, wrt ...*Node) []*Node {
	return g.gradients(y, dy, wrt, func(n *Node) *Node { return n })
}

// gradients builds the gradients of wrt. The values of the forward pass that
// they need are read from the nodes that kept returns for the original ones.
func (g *Graph) gradients(y, dy *Node, wrt []*Node, kept func(*Node) *Node) []*Node {
	out := make([]*Node, len(wrt))
	if g.err != nil {
		for i := range out {
			out[i] = y
		}
		return out
	}
	if err := g.differentiable(y, wrt); err != nil {
		g.Fail("gradient: %w", err)
		return g.gradients(y, dy, wrt, kept)
	}
	order := topological(y)
	for _, n := range order {
		if isStock(n) && lost(n) != nil {
			g.Fail("gradient: %w", lost(n))
			return g.gradients(y, dy, wrt, kept)
		}
	}
	active := map[*Node]bool{}
	for _, n := range wrt {
		active[n] = true
	}
	for _, n := range order {
		for _, in := range childrenOf(n) {
			if active[in] {
				active[n] = true
			}
		}
	}
	parts := map[*Node][]*Node{y: {dy}}
	for i := len(order) - 1; i >= 0 && g.err == nil; i-- {
		n := order[i]
		if !isOp(n) || !active[n] || len(parts[n]) == 0 {
			continue
		}
		dn := g.sum(parts[n])
		parts[n] = []*Node{dn}
		in := childrenOf(n)
		need := make([]bool, len(in))
		any := false
		for j, c := range in {
			need[j] = active[c] && isFloat(c.Type())
			any = any || need[j]
		}
		if !any {
			continue
		}
		values := make([]*Node, len(in))
		for j, c := range in {
			values[j] = kept(c)
		}
		for j, d := range g.differentiate(n, values, kept(n), dn, need) {
			if g.err == nil && need[j] && d != nil {
				parts[in[j]] = append(parts[in[j]], g.fit(n, in[j], d))
			}
		}
	}
	for i, n := range wrt {
		if len(parts[n]) == 0 {
			g.Fail("%s does not depend on %s", Name(y), Name(n))
			out[i] = y
			continue
		}
		out[i] = g.sum(parts[n])
		parts[n] = []*Node{out[i]}
	}
	return out
}

// differentiate builds the gradients of the inputs of one operation.
func (g *Graph) differentiate(n *Node, in []*Node, y, dy *Node, need []bool) []*Node {
	o, ours := n.Op().(*op)
	switch {
	case !ours:
		return g.differentiateStock(n, in, y, dy, need)
	case o.Grad == nil:
		g.Fail("%s is not differentiable and stands between the loss and a parameter", o.Name)
		return nil
	}
	return o.Grad(g, in, y, dy, need)
}

// fit gives d, the gradient of c as an input of n, the shape that c's own
// gradient or a sum with others expects. Ours need none of it: their kernels
// count elements.
func (g *Graph) fit(n, c, d *Node) *Node {
	if isStock(n) || isStock(c) || c.IsScalar() != d.IsScalar() {
		return g.conform(n, c, d)
	}
	return d
}

func (g *Graph) sum(terms []*Node) *Node {
	if len(terms) == 1 {
		return terms[0]
	}
	for i, t := range terms {
		o, ok := t.Op().(*op)
		if !ok || o.Add == nil {
			continue
		}
		rest := slices.Concat(terms[:i], terms[i+1:])
		return o.Add(g, childrenOf(t), g.sum(rest))
	}
	return g.Apply(Op{
		Name: "sum",
		Out:  terms[0].Shape().Clone(),
		Run:  func(c Call) error { return c.Engine.Sum(c.Out, c.In...) },
	}, terms...)
}

func fillOp(shape tensor.Shape, v float32) Op {
	return Op{
		Name: "fill",
		Out:  shape.Clone(),
		Run:  func(c Call) error { return c.Engine.Fill(c.Out, v) },
	}
}

// childrenOf returns the inputs of a node, in order, repeats included.
func childrenOf(n *Node) []*Node {
	if o, ok := n.Op().(*op); ok {
		return o.g.inputs[n]
	}
	if !isStock(n) || lost(n) != nil { // which is reported elsewhere
		return nil
	}
	var in []*Node
	for it := n.Graph().From(n.ID()); it != nil && it.Next(); {
		in = append(in, it.Node().(*Node))
	}
	return in
}

// topological returns the nodes y depends on, inputs before results, in an
// order fixed by the graph alone.
func topological(y *Node) []*Node {
	var order []*Node
	seen := map[*Node]bool{}
	type frame struct {
		n    *Node
		next int
	}
	stack := []frame{{n: y}}
	seen[y] = true
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		in := childrenOf(f.n)
		if f.next < len(in) {
			c := in[f.next]
			f.next++
			if !seen[c] {
				seen[c] = true
				stack = append(stack, frame{n: c})
			}
			continue
		}
		order = append(order, f.n)
		stack = stack[:len(stack)-1]
	}
	return order
}
