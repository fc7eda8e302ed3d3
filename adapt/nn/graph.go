package nn

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Device is a processor or GPU, opened once by clipcalib.OpenDevice and shared
// by all that computes on it; see clipcalib.Device for its methods.
type Device = device.Device

// Graph is a graph of one's own on a device. Leaves are made by its methods, or
// by Gorgonia in its ExprGraph; operations are the functions of this package and
// Gorgonia's. It is used by one goroutine at a time; others may use the device
// meanwhile.
type Graph struct {
	graph  *graph.Graph
	device *device.Device
	owned  bool
	closed bool
	values map[*Node]any // set since the last run
}

// NewGraph returns an empty graph on a device; nil opens the processor for this
// graph alone.
func NewGraph(d *Device) (*Graph, error) {
	d, opened, err := device.OrOpen(d)
	if err != nil {
		return nil, err
	}
	g := graph.New(device.Engine(d))
	g.Defer()
	return &Graph{graph: g, device: d, owned: opened, values: map[*Node]any{}}, nil
}

// ExprGraph is the graph as Gorgonia knows it. A leaf made in it, with
// gorgonia.NewMatrix and a value, is copied to the device before every run. Give
// each a name of its own: Gorgonia takes leaves of one name and shape for one.
func (g *Graph) ExprGraph() *gorgonia.ExprGraph { return g.graph.ExprGraph() }

// Input adds a float32 leaf of a shape; its values are zeros until they are set.
func (g *Graph) Input(name string, shape ...int) *Node {
	return g.graph.Input(name, tensor.Float32, shape...)
}

// Indices adds an int32 leaf [n], for labels and rows.
func (g *Graph) Indices(name string, n int) *Node { return g.graph.Input(name, tensor.Int32, n) }

// Set gives an input its values, a []float32 or, for indices, a []int32, from
// the next run on. They are copied.
func (g *Graph) Set(n *Node, values any) error {
	if err := g.graph.Err(); err != nil {
		return err
	}
	size := 1
	if n != nil && !n.IsScalar() {
		size = n.Shape().TotalSize()
	}
	var got int
	var kept any
	switch v := values.(type) {
	case []float32:
		got, kept = len(v), slices.Clone(v)
	case []int32:
		got, kept = len(v), slices.Clone(v)
	}
	_, isInt := values.([]int32)
	switch h, ok := graph.Of(n); {
	case !ok || h != g.graph || n.Op() != nil:
		return errors.New("only an input of this graph can be set")
	case kept == nil || got != size || isInt != (n.Dtype() == tensor.Int32):
		return fmt.Errorf("set %s: %d values of type %T do not fit %v %v", graph.Name(n), got, values, n.Shape(),
			n.Dtype())
	}
	g.values[n] = kept
	return nil
}

// Gradients adds the gradients of the sum of y's elements with respect to wrt,
// leaves or results. A node that y does not depend on is an error.
func (g *Graph) Gradients(y *Node, wrt ...*Node) []*Node { return g.graph.Gradients(y, wrt...) }

// Compile returns the program that computes the outputs. It reports the first
// error of building. Of a graph that is compiled, more can be built and compiled.
func (g *Graph) Compile(ctx context.Context, outputs ...*Node) (*Program, error) {
	if g.closed {
		return nil, errors.New("the graph is closed")
	}
	p := &Program{graph: g, outputs: outputs, values: map[*Node][]float32{}}
	err := device.Do(ctx, g.device, func(engine.Engine) (err error) {
		p.program, err = g.graph.Compile(outputs...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Close gives the graph's memory back. Its programs are closed before.
func (g *Graph) Close() error {
	if g.closed {
		return nil
	}
	g.closed = true
	device.Later(g.device, g.graph.Close)
	if g.owned {
		return g.device.Close()
	}
	return nil
}

// Program computes the outputs it was compiled for.
type Program struct {
	graph   *Graph
	program *graph.Program
	outputs []*Node
	values  map[*Node][]float32
}

// Run computes the outputs from the present values of the inputs and reads them
// back. It waits for the device, and stops between two operations when ctx ends.
func (p *Program) Run(ctx context.Context) error {
	if p.program == nil || p.graph.closed {
		return errors.New("the program is closed")
	}
	return device.Do(ctx, p.graph.device, func(engine.Engine) error {
		for n, v := range p.graph.values {
			if err := p.graph.graph.Set(n, v); err != nil {
				return err
			}
			delete(p.graph.values, n)
		}
		if err := p.program.Run(ctx); err != nil {
			return err
		}
		for _, n := range p.outputs {
			v, err := p.program.Float32(n)
			if err != nil {
				return err
			}
			p.values[n] = v
		}
		return nil
	})
}

// Values returns the elements of an output in the last run, row by row.
func (p *Program) Values(n *Node) ([]float32, error) {
	v, ok := p.values[n]
	switch {
	case ok:
		return v, nil
	case slices.Contains(p.outputs, n):
		return nil, errors.New("the program has not run")
	}
	return nil, fmt.Errorf("%s is not an output of the program", graph.Name(n))
}

// Notes says in words what about the program a user should know: which of its
// operations run on the host although the device is a GPU.
func (p *Program) Notes() []string {
	if p.program == nil {
		return nil
	}
	return p.program.Notes()
}

// Close gives the program's memory back.
func (p *Program) Close() {
	if program := p.program; program != nil {
		p.program = nil
		device.Later(p.graph.device, program.Close)
	}
}
