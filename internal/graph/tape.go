package graph

import (
	"fmt"
	"hash"
	"hash/fnv"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Gorgonia's tape machine decides the order of a program's operations and calls
// them. It does so on a graph of the program's own, in which every operation,
// ours or Gorgonia's, is a step: the values stay in planned memory, and the
// machine's registers hold placeholders, so that what it does with registers
// (reuse, gorgonia issue 576; unsafe operations in place) touches no value.

// step is an operation of the machine's graph.
type step struct {
	p  *Program
	s  *entry
	id int
	// place is what the machine is told the result is; it writes to it.
	place *tensor.Dense
}

var stepType = G.TensorType{Dims: 1, Of: tensor.Float32}

func placeholder() *tensor.Dense { return tensor.New(tensor.WithShape(1), tensor.Of(tensor.Float32)) }

func (s *step) Arity() int { return len(s.s.from) }

func (s *step) Type() hm.Type {
	t := make([]hm.Type, len(s.s.from)+1)
	for i := range t {
		t[i] = stepType
	}
	return hm.NewFnType(t...)
}

func (s *step) InferShape(...G.DimSizer) (tensor.Shape, error) { return tensor.Shape{1}, nil }
func (s *step) Do(...G.Value) (G.Value, error)                 { return s.place, s.p.do(s.s) }
func (s *step) ReturnsPtr() bool                               { return true }
func (s *step) CallsExtern() bool                              { return false }
func (s *step) OverwritesInput() int                           { return -1 }
func (s *step) WriteHash(h hash.Hash)                          { fmt.Fprintf(h, "step %d", s.id) }
func (s *step) String() string                                 { return Name(s.s.node) }

func (s *step) Hashcode() uint32 {
	h := fnv.New32a()
	s.WriteHash(h)
	return h.Sum32()
}

// machine builds the tape machine of a program. The order of nodes is that of
// their making, as in the graph itself.
func (p *Program) machine() (G.VM, error) {
	all := make([]*entry, 0, len(p.entries))
	for _, s := range p.entries {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *entry) int { return int(a.node.ID() - b.node.ID()) })
	tape := G.NewGraph()
	of := map[*entry]*Node{}
	read := map[*entry]bool{}
	for _, s := range all {
		for _, c := range s.from {
			read[c] = true
		}
	}
	var leaves, roots G.Nodes
	for i, s := range all {
		switch {
		case !s.computed() && !read[s]: // an output that is an input
			continue
		case !s.computed():
			of[s] = G.NewVector(tape, tensor.Float32,
				G.WithShape(1), G.WithName(fmt.Sprint("leaf ", i)), G.WithValue(placeholder()))
			leaves = append(leaves, of[s])
			continue
		}
		in := make([]*Node, len(s.from))
		for j, c := range s.from {
			if in[j] = of[c]; in[j] == nil {
				return nil, fmt.Errorf("%s is older than its input %s", Name(s.node), Name(c.node))
			}
		}
		n, err := G.ApplyOp(&step{p: p, s: s, id: i, place: placeholder()}, in...)
		if err != nil {
			return nil, err
		}
		of[s] = n
	}
	for _, y := range p.outputs {
		if s := p.entries[y]; s.computed() && !slices.Contains(roots, of[s]) {
			roots = append(roots, of[s])
		}
	}
	prog, locs, err := G.CompileFunction(tape, leaves, roots)
	if err != nil {
		return nil, err
	}
	return G.NewTapeMachine(tape, G.WithPrecompiled(prog, locs)), nil
}
