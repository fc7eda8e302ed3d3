package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"clipcalib/internal/engine"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Program is a compiled part of a graph: what its outputs need and nothing
// else, with every intermediate assigned to planned memory, so that a run
// allocates nothing but what Gorgonia's operations do. Programs of one graph
// share its leaves and run one at a time.
type Program struct {
	g       *Graph
	vm      G.VM
	outputs []*Node
	entries map[*Node]*entry
	order   []*entry // operations, in the order the machine runs them
	foreign []*entry // leaves whose values are not in the engine's memory
	blocks  []*tensor.Dense
	saved   []*tensor.Dense
	bytes   int64
	notes   []string

	tracing bool
	ctx     context.Context
	err     error

	runs   int
	replay engine.Recording // of the whole program, once it has run recordAfter times
}

// entry is an operation or a leaf in a program.
type entry struct {
	node  *Node
	op    *op  // ours; nil for leaves and Gorgonia's operations
	stock G.Op // Gorgonia's
	from  []*entry
	step  int // place in order

	// What is in the engine's memory, unless only the host has the value.
	onDevice bool
	out      *tensor.Dense
	in       []*tensor.Dense // of an operation that runs on the engine
	saved    []*tensor.Dense

	host *hostValue // what the host reads or writes; nil if it does neither
}

// computed says whether a entry is an operation.
func (s *entry) computed() bool { return s.op != nil || s.stock != nil }

// onHost says whether it is one that the host runs.
func (s *entry) onHost() bool { return s.stock != nil || s.op != nil && s.op.Host != nil }

// Compile returns the program that computes the outputs.
func (g *Graph) Compile(outputs ...*Node) (p *Program, err error) {
	if g.err != nil {
		return nil, g.err
	}
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("compile graph: %w", explain(r))
		}
	}()
	if err := g.takeMemory(); err != nil {
		return nil, err
	}
	p = &Program{g: g, outputs: outputs, entries: map[*Node]*entry{}, ctx: context.Background()}
	if err := p.collect(); err != nil {
		return nil, err
	}
	if p.vm, err = p.machine(); err != nil {
		return nil, fmt.Errorf("compile graph: %w", err)
	}
	for _, f := range []func() error{p.trace, p.plan} {
		if err := f(); err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// collect finds what the outputs need, and refuses what cannot be run.
func (p *Program) collect() error {
	operations := 0
	for i, y := range p.outputs {
		if err := p.g.accept(y); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
		for _, n := range topological(y) {
			if p.entries[n] != nil {
				continue
			}
			s := &entry{node: n}
			if isOp(n) {
				operations++
				if s.op, _ = n.Op().(*op); s.op == nil {
					s.stock = n.Op()
				}
				for _, c := range childrenOf(n) {
					s.from = append(s.from, p.entries[c])
				}
			}
			if err := p.check(s); err != nil {
				return err
			}
			p.entries[n] = s
		}
	}
	if operations == 0 {
		return errors.New("nothing to compute: every output is an input")
	}
	return nil
}

func (p *Program) check(s *entry) error {
	if s.stock != nil {
		if err := lost(s.node); err != nil {
			return err
		}
		return unsupported(s.node)
	}
	if s.op != nil && s.op.g != p.g {
		return fmt.Errorf("%s belongs to another graph", Name(s.node))
	}
	if !s.computed() {
		if s.out = p.g.values[s.node]; s.out != nil {
			return nil
		}
		p.foreign = append(p.foreign, s)
		_, err := leafValue(s.node)
		return err
	}
	return nil
}

// trace runs the machine once without computing, to learn its order.
func (p *Program) trace() error {
	p.tracing = true
	defer func() { p.tracing = false }()
	if err := p.runAll(); err != nil {
		return fmt.Errorf("compile graph: %w", err)
	}
	if want := p.operations(); len(p.order) != want {
		return fmt.Errorf("compile graph: %d operations ran, want %d", len(p.order), want)
	}
	return nil
}

func (p *Program) operations() (n int) {
	for _, s := range p.entries {
		if s.computed() {
			n++
		}
	}
	return n
}

// recordAfter is the number of runs after which a program is recorded, on
// engines that can: one that runs but a few times is not worth it.
const recordAfter = 3

// Run computes the outputs from the leaves' present values. It stops between
// two operations when ctx ends; a recorded program is queued as a whole.
func (p *Program) Run(ctx context.Context) error {
	p.ctx = ctx
	if err := p.readForeign(); err != nil {
		return err
	}
	if p.replay == nil && p.runs == recordAfter && !p.usesHost() {
		p.record()
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

// record notes the program on the engine. One that cannot be recorded, for want of memory or
// because an operation transfers, goes on as before.
func (p *Program) record() {
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

// do runs one operation for the machine.
func (p *Program) do(s *entry) error {
	if p.tracing {
		s.step = len(p.order)
		p.order = append(p.order, s)
		return nil
	}
	if err := p.ctx.Err(); err != nil {
		return p.fail(err)
	}
	// The machine runs in a goroutine of its own, where a panic could not be
	// caught by whoever called Run.
	err := guard(func() error {
		if s.onHost() {
			return p.runOnHost(s)
		}
		return s.op.Run(Call{Engine: p.g.Engine, Out: s.out, In: s.in, Saved: s.saved})
	})
	if err != nil {
		what := fmt.Sprint(s.node.Op())
		if s.op != nil {
			what = s.op.Name
		}
		return p.fail(fmt.Errorf("%s: %w", what, err))
	}
	return nil
}

func (p *Program) fail(err error) error {
	if p.err == nil {
		p.err = err
	}
	return err
}

// Value returns the tensor of an output, or of a leaf; it holds until the next
// run. That of a scalar node has the shape (1).
func (p *Program) Value(n *Node) (*tensor.Dense, error) {
	s := p.entries[n]
	switch {
	case s == nil && n != nil && !isOp(n):
		return Tensor(n)
	case s == nil || s.computed() && !slices.Contains(p.outputs, n):
		return nil, fmt.Errorf("%s is not an output of the program", Name(n))
	case s.out == nil:
		return nil, fmt.Errorf("%s is not on the device", Name(n))
	}
	return s.out, nil
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

// Notes says in words what about the program a user should know: what runs on
// the host although the device is another, and what that costs.
func (p *Program) Notes() []string { return slices.Clone(p.notes) }

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
