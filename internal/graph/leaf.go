package graph

import (
	"fmt"
	"strings"

	"clipcalib/internal/engine"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Leaves are of three kinds: tensors in the engine's memory, which the graph's
// Input and Leaf make; values of a user's own, made with gorgonia.NewTensor and
// its like, which are copied to the engine before every run; and constants.

// pending is an input whose memory is taken when the graph is compiled.
type pending struct {
	node *Node
	data any // set meanwhile, or nil
}

// mark ends every name of a leaf of ours, so that a leaf of the user's own of the
// same name is not taken for it: Gorgonia knows leaves by their names.
const mark = "·"

// leafName makes a name unique in the graph.
func (g *Graph) leafName(name string) string {
	g.names[name]++
	return fmt.Sprintf("%s%s%d", name, mark, g.names[name])
}

// plainName is the name a leaf was given.
func plainName(n *Node) string {
	name, _, _ := strings.Cut(n.Name(), mark)
	return name
}

// Defer makes later Inputs take their memory when the graph is compiled: a graph
// that is built while another holds the engine touches it then alone.
func (g *Graph) Defer() { g.deferring = true }

// Input adds a leaf whose value the caller sets before a run.
func (g *Graph) Input(name string, dt tensor.Dtype, shape ...int) *Node {
	opts := []G.NodeConsOpt{G.WithShape(shape...), G.WithName(g.leafName(name))}
	for _, d := range shape {
		if d <= 0 {
			g.Fail("input %s: a tensor of shape %v is empty", name, shape)
			return g.placeholder(nil)
		}
	}
	if dt != tensor.Float32 && dt != tensor.Int32 {
		g.Fail("input %s: tensors are float32 or int32, not %v", name, dt)
		return g.placeholder(nil)
	}
	n := G.NewTensor(g.g, dt, len(shape), opts...)
	g.pending = append(g.pending, &pending{node: n})
	if !g.deferring {
		if err := g.takeMemory(); err != nil {
			g.Fail("%w", err)
		}
	}
	return n
}

// takeMemory gives pending inputs their memory.
func (g *Graph) takeMemory() error {
	for len(g.pending) > 0 {
		p := g.pending[0]
		t, err := g.Engine.New(p.node.Dtype(), memoryShape(p.node)...)
		if err != nil {
			return fmt.Errorf("input %s: %w", plainName(p.node), err)
		}
		g.pending = g.pending[1:]
		g.owned = append(g.owned, t)
		g.values[p.node] = t
		if p.data != nil {
			if err := g.Engine.Upload(t, p.data); err != nil {
				return fmt.Errorf("set %s: %w", plainName(p.node), err)
			}
		}
	}
	return nil
}

// Leaf adds a leaf that holds t: a weight, or a trainable parameter. The graph
// does not own t.
func (g *Graph) Leaf(name string, t *tensor.Dense) *Node {
	n := G.NewTensor(g.g, t.Dtype(), t.Dims(), G.WithShape(t.Shape()...), G.WithName(g.leafName(name)), G.WithValue(t))
	g.values[n] = t
	return n
}

// Set copies data, what the engine's Upload takes, into a leaf. After an error
// of building it does nothing but return that: the leaf may be none of the
// engine's.
func (g *Graph) Set(n *Node, data any) error {
	if g.err != nil {
		return g.err
	}
	for _, p := range g.pending {
		if p.node == n {
			return p.set(data)
		}
	}
	t, err := Tensor(n)
	if err != nil {
		return err
	}
	if err := g.Engine.Upload(t, data); err != nil {
		return fmt.Errorf("set %s: %w", plainName(n), err)
	}
	return nil
}

// Write sets a leaf of float32 to what fill writes, as [engine.Write] has it.
func (g *Graph) Write(n *Node, fill func(to []float32, at int) error) error {
	if g.err != nil {
		return g.err
	}
	for _, p := range g.pending {
		if p.node == n {
			values := make([]float32, n.Shape().TotalSize())
			if err := fill(values, 0); err != nil {
				return err
			}
			return p.set(values)
		}
	}
	t, err := Tensor(n)
	if err != nil {
		return err
	}
	if err := engine.Write(g.Engine, t, fill); err != nil {
		return fmt.Errorf("set %s: %w", plainName(n), err)
	}
	return nil
}

// set keeps a copy of data until there is memory for it.
func (p *pending) set(data any) error {
	var n int
	switch d := data.(type) {
	case []float32:
		n, p.data = len(d), append([]float32(nil), d...)
	case []int32:
		n, p.data = len(d), append([]int32(nil), d...)
	}
	if n != volume(p.node.Shape()) {
		p.data = nil
		return fmt.Errorf("set %s: cannot put a %T of %d values into %v %v",
			plainName(p.node), data, n, p.node.Shape(), p.node.Dtype())
	}
	return nil
}

// Tensor returns the tensor a leaf holds.
func Tensor(n *Node) (*tensor.Dense, error) {
	if g, ok := Of(n); ok && g.values[n] != nil {
		return g.values[n], nil
	}
	t, ok := n.Value().(*tensor.Dense)
	if !ok {
		return nil, fmt.Errorf("node %s holds no tensor", plainName(n))
	}
	return t, nil
}

// leafValue returns the elements of a leaf of the user's own, or of a constant:
// a []float32 or []int32.
func leafValue(n *Node) (any, error) {
	if isSize(n) {
		v, err := axisLength(n)
		return []float32{v}, err
	}
	v := n.Value()
	if c, ok := n.Op().(interface{ Value() G.Value }); ok {
		v = c.Value()
	}
	var elements any
	switch v := v.(type) {
	case nil:
		return nil, fmt.Errorf("leaf %s has no value: give it one (gorgonia.WithValue or Let), "+
			"or make it an input and set it", Name(n))
	case *G.F32:
		return []float32{float32(*v)}, nil
	case *G.I32:
		return []int32{int32(*v)}, nil
	case *tensor.Dense:
		if !v.IsNativelyAccessible() {
			return nil, fmt.Errorf("leaf %s is in the memory of another device", Name(n))
		}
		if v.IsView() || v.RequiresIterator() || v.DataOrder().IsColMajor() {
			v = v.Materialize().(*tensor.Dense)
		}
		switch d := v.Data().(type) {
		case float32:
			elements = []float32{d}
		case int32:
			elements = []int32{d}
		default:
			elements = d
		}
	}
	var count int
	switch e := elements.(type) {
	case []float32:
		count = len(e)
	case []int32:
		count = len(e)
	default:
		return nil, fmt.Errorf("leaf %s holds a %T of type %v: use float32 (or int32 for indices and labels)",
			Name(n), v, v.Dtype())
	}
	if count != volume(n.Shape()) {
		return nil, fmt.Errorf("leaf %s holds %d values of shape %v", Name(n), count, v.Shape())
	}
	return elements, nil
}

// readForeign copies the present values of the user's own leaves to where the
// program reads them.
func (p *Program) readForeign() error {
	for _, s := range p.foreign {
		v, err := leafValue(s.node)
		if err != nil {
			return err
		}
		switch from := v.(type) {
		case []float32:
			copy(s.host.floats, from)
		case []int32:
			copy(s.host.ints, from)
		}
		s.host.copied = p.runs + 1 // of the run that begins
		if s.onDevice && !p.g.Engine.AllocAccessible() {
			if err := p.g.Engine.Upload(s.out, s.host.elements()); err != nil {
				return err
			}
		}
	}
	return nil
}
