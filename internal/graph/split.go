package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Split is a differentiated function in two programs: one that computes it and
// keeps what its gradient reads, and one that computes only the gradient from
// what is kept. Where one point is differentiated in many directions (the
// starting prompt of test-time tuning, for every image), the first runs once
// and the second once a direction.
type Split struct {
	// Forward computes Y. What it keeps costs memory until it is closed.
	Forward *Program
	// Backward computes the Grads from the value of the leaf DY, at the point of
	// the last run of Forward.
	Backward *Program

	Y, DY *Node
	Grads []*Node // of wrt, in order
}

// Split compiles y and its gradient with respect to wrt as two programs. Every
// operation between wrt and y must take what its gradient needs from its
// inputs and its result; buffers saved beside them are not kept.
func (g *Graph) Split(y *Node, wrt ...*Node) (*Split, error) {
	if g.err != nil {
		return nil, g.err
	}
	s := &Split{Y: y, DY: g.Input("upstream gradient", y.Dtype(), y.Shape()...)}
	k := keeper{g: g, leaf: map[*Node]*Node{}}
	s.Grads = g.gradients(y, s.DY, wrt, k.keep)
	if g.err != nil {
		return nil, g.err
	}
	// A leaf that no gradient reads was asked for its shape alone.
	read := map[*Node]bool{}
	for _, d := range s.Grads {
		for _, n := range topological(d) {
			read[n] = true
		}
	}
	outputs := []*Node{y}
	for _, n := range k.order {
		if read[k.leaf[n]] && n != y {
			outputs = append(outputs, n)
		}
	}
	var err error
	if s.Forward, err = g.Compile(outputs...); err != nil {
		return nil, err
	}
	for _, n := range k.order {
		if !read[k.leaf[n]] {
			continue
		}
		t, err := s.Forward.Value(n)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("keep %s: %w", Name(n), err)
		}
		g.values[k.leaf[n]] = t
	}
	if s.Backward, err = g.Compile(s.Grads...); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close gives both programs' memory back.
func (s *Split) Close() {
	for _, p := range []*Program{s.Backward, s.Forward} {
		if p != nil {
			p.Close()
		}
	}
}

// keeper makes a leaf for every result of the forward pass that is asked for.
type keeper struct {
	g     *Graph
	leaf  map[*Node]*Node
	order []*Node
}

func (k *keeper) keep(n *Node) *Node {
	if !isOp(n) {
		return n
	}
	if k.leaf[n] == nil {
		k.leaf[n] = G.NewTensor(k.g.g, n.Dtype(), n.Dims(), G.WithShape(n.Shape()...), G.WithName(k.g.leafName("kept")))
		k.order = append(k.order, n)
	}
	return k.leaf[n]
}
