package graph

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/internal/engine"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Program is a compiled part of a graph: what its outputs need and nothing
// else, with every intermediate assigned to planned memory, so that a run
// allocates nothing. Programs of one graph share its leaves and run one at a
// time.
type Program struct {
	g       *Graph
	vm      G.VM
	outputs []*Node
	slots   map[*op]*slot
	order   []*slot // in the order the machine runs them
	blocks  []*tensor.Dense
	saved   []*tensor.Dense
	bytes   int64

	tracing bool
	ctx     context.Context
	err     error

	runs   int
	replay engine.Recording // of the whole program, once it has run recordAfter times
}

// slot is one operation in a program.
type slot struct {
	op    *op
	node  *Node
	in    []*tensor.Dense
	out   *tensor.Dense
	saved []*tensor.Dense
	step  int // place in order
}

// Compile returns the program that computes the outputs.
func (g *Graph) Compile(outputs ...*Node) (*Program, error) {
	if g.err != nil {
		return nil, g.err
	}
	p := &Program{g: g, outputs: outputs, slots: map[*op]*slot{}, ctx: context.Background()}
	var leaves G.Nodes
	seen := map[*Node]bool{}
	for _, y := range outputs {
		for _, n := range topological(y) {
			if seen[n] {
				continue
			}
			seen[n] = true
			if o, ok := n.Op().(*op); ok {
				p.slots[o] = &slot{op: o, node: n}
			} else {
				leaves = append(leaves, n)
			}
		}
	}
	if len(p.slots) == 0 {
		return nil, errors.New("nothing to compute: every output is an input")
	}
	prog, locs, err := G.CompileFunction(g.g, leaves, outputs)
	if err != nil {
		return nil, fmt.Errorf("compile graph: %w", err)
	}
	p.vm = G.NewTapeMachine(g.g, G.WithPrecompiled(prog, locs), G.WithEngine(g.Engine))
	if err := p.trace(); err != nil {
		p.Close()
		return nil, err
	}
	if err := p.plan(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// trace runs the machine once without computing, to learn its order.
func (p *Program) trace() error {
	p.tracing = true
	defer func() { p.tracing = false }()
	if err := p.runAll(); err != nil {
		return fmt.Errorf("compile graph: %w", err)
	}
	if len(p.order) != len(p.slots) {
		return fmt.Errorf("compile graph: %d operations ran, want %d", len(p.order), len(p.slots))
	}
	return nil
}

// recordAfter is the number of runs after which a program is recorded, on
// engines that can: one that runs but a few times is not worth it.
const recordAfter = 3

// Run computes the outputs from the leaves' present values. It stops between
// two operations when ctx ends; a recorded program is queued as a whole.
func (p *Program) Run(ctx context.Context) error {
	p.ctx = ctx
	if p.replay == nil && p.runs == recordAfter {
		p.note()
	}
	p.runs++
	if p.replay == nil {
		return p.runAll()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.replay.Run()
}

// note records the program. One that cannot be recorded, for want of memory or
// because an operation transfers, goes on as before.
func (p *Program) note() {
	e, ok := p.g.Engine.(engine.Recorder)
	if !ok {
		return
	}
	if r, err := e.Record(p.runAll); err == nil {
		p.replay = r
	}
}

func (p *Program) runAll() error {
	p.g.running = p
	p.err = nil
	defer func() { p.g.running = nil }()
	p.vm.Reset()
	err := p.vm.RunAll()
	if p.err != nil {
		return p.err
	}
	return err
}

// do runs one operation for the machine. The inputs the machine hands over are
// not used: the plan knows the buffer of every input, so the machine's register
// reuse (gorgonia issue 576) cannot matter.
func (p *Program) do(o *op, _ []G.Value) (G.Value, error) {
	s := p.slots[o]
	if s == nil {
		return nil, p.fail(fmt.Errorf("%s is not part of the program", o))
	}
	if p.tracing {
		s.step = len(p.order)
		p.order = append(p.order, s)
		// The machine writes to what it gets, so no two programs may share it.
		return tensor.New(tensor.WithShape(1), tensor.Of(tensor.Float32)), nil
	}
	if err := p.ctx.Err(); err != nil {
		return nil, p.fail(err)
	}
	c := Call{Engine: p.g.Engine, Out: s.out, In: s.in, Saved: s.saved}
	if err := o.Run(c); err != nil {
		return nil, p.fail(fmt.Errorf("%s: %w", o.Name, err))
	}
	return s.out, nil
}

func (p *Program) fail(err error) error {
	if p.err == nil {
		p.err = err
	}
	return err
}

// Value returns the tensor of an output, or of a leaf; it holds until the next run.
func (p *Program) Value(n *Node) (*tensor.Dense, error) {
	o, ok := n.Op().(*op)
	if !ok {
		return Tensor(n)
	}
	for _, y := range p.outputs {
		if y == n {
			return p.slots[o].out, nil
		}
	}
	return nil, fmt.Errorf("%s is not an output of the program", o)
}

// Float32 downloads an output.
func (p *Program) Float32(n *Node) ([]float32, error) {
	t, err := p.Value(n)
	if err != nil {
		return nil, err
	}
	out := make([]float32, t.Shape().TotalSize())
	return out, p.g.Engine.Download(out, t)
}

// Bytes returns the memory the program's intermediates take.
func (p *Program) Bytes() int64 { return p.bytes }

// Len returns the number of operations.
func (p *Program) Len() int { return len(p.order) }

// Recorded says whether runs are one call of the engine by now.
func (p *Program) Recorded() bool { return p.replay != nil }

// Close gives the program's memory back.
func (p *Program) Close() {
	if p.replay != nil {
		_ = p.replay.Close() // the memory goes back below, whatever it says
		p.replay = nil
	}
	for _, t := range append(p.blocks, p.saved...) {
		p.g.Engine.Release(t)
	}
	p.blocks, p.saved = nil, nil
	if p.vm != nil {
		p.vm.Close()
		p.vm = nil
	}
}
