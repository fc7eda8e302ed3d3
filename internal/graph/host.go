package graph

import (
	"fmt"
	"sort"
	"strings"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// hostValue is a value as the host sees it: the engine's own memory where the
// host can touch it, else a copy.
type hostValue struct {
	floats []float32
	ints   []int32
	dense  *tensor.Dense // over the elements; nil for a scalar
	scalar *G.F32
	copied int // the run in which the copy was made, from 1
}

// elements is what Upload and Download take.
func (h *hostValue) elements() any {
	if h.ints != nil {
		return h.ints
	}
	return h.floats
}

// value is what one of Gorgonia's operations takes.
func (h *hostValue) value() G.Value {
	if h.scalar != nil {
		*h.scalar = G.F32(h.floats[0])
		return h.scalar
	}
	return h.dense
}

// over makes h a value of node n in the given elements.
func (h *hostValue) over(n *Node, elements any) {
	switch e := elements.(type) {
	case []float32:
		h.floats = e
	case []int32:
		h.ints = e
	}
	if n.IsScalar() {
		h.scalar = G.NewF32(0)
		return
	}
	h.dense = tensor.New(tensor.WithShape(n.Shape().Clone()...), tensor.WithBacking(elements))
}

// usesHost says whether some operation runs on the host although the engine has
// memory of its own.
func (p *Program) usesHost() bool { return len(p.notes) > 0 }

// planHost gives every value the host reads or writes its memory there.
func (p *Program) planHost(dies [][]*entry) {
	if p.g.Engine.AllocAccessible() {
		for _, s := range p.entries {
			if s.host != nil {
				s.host.over(s.node, s.out.Data())
			}
		}
		return
	}
	blocks, at := assign(p.order, dies, func(s *entry) int {
		if s.host == nil {
			return 0
		}
		return 4 * volume(s.node.Shape())
	})
	memory := make([][]float32, len(blocks))
	for i, b := range blocks {
		memory[i] = make([]float32, b.size/4)
	}
	for _, s := range p.entries {
		n := volume(s.node.Shape())
		switch {
		case s.host == nil:
		case s.computed():
			s.host.over(s.node, memory[at[s]][:n:n])
		case s.node.Dtype() == tensor.Int32:
			s.host.over(s.node, make([]int32, n))
		default:
			s.host.over(s.node, make([]float32, n))
		}
	}
	p.noteHost()
}

// noteHost says what runs on the host.
func (p *Program) noteHost() {
	count := map[string]int{}
	total := 0
	for _, s := range p.order {
		if s.onHost() {
			total++
			count[label(s)]++
		}
	}
	if total == 0 {
		return
	}
	var names []string
	for n := range count {
		names = append(names, n)
	}
	sort.Strings(names)
	for i, n := range names {
		if c := count[n]; c > 1 {
			names[i] = fmt.Sprintf("%s x%d", n, c)
		}
	}
	p.notes = append(p.notes, fmt.Sprintf("%d of %d operations run on the host, not on %s (%s): "+
		"what they read is copied from the device and what they write to it, "+
		"and the program is not recorded as one launch",
		total, len(p.order), p.g.Engine.Name(), strings.Join(names, ", ")))
}

// label is the name of an operation in a note.
func label(s *entry) string {
	if s.op != nil {
		return s.op.Name
	}
	return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprint(s.stock), " false"), " true")
}

// runOnHost runs one operation on the host.
func (p *Program) runOnHost(s *entry) error {
	for _, c := range s.from {
		if err := p.readBack(c); err != nil {
			return err
		}
	}
	var err error
	if s.op != nil {
		in := make([][]float32, len(s.from))
		for i, c := range s.from {
			in[i] = c.host.floats
		}
		s.op.Host(s.host.floats, in)
	} else {
		err = s.runStock()
	}
	if err != nil || p.g.Engine.AllocAccessible() {
		return err
	}
	s.host.copied = p.runs
	if s.onDevice {
		return p.g.Engine.Upload(s.out, s.host.floats)
	}
	return nil
}

// readBack makes sure the host has the value of c in this run.
func (p *Program) readBack(c *entry) error {
	if c.host.copied == p.runs || p.g.Engine.AllocAccessible() {
		return nil
	}
	c.host.copied = p.runs
	return p.g.Engine.Download(c.host.elements(), c.out)
}

// runStock runs one of Gorgonia's operations into the entry's memory, in the way
// that allocates least.
func (s *entry) runStock() error {
	in := make([]G.Value, len(s.from))
	for i, c := range s.from {
		in[i] = c.host.value()
	}
	out := s.host
	switch kind := kind(s.node); {
	case kind == "softmaxOp" && isLogSoftMax(s.stock): // became one since it was compiled
		return errLogSoftMax
	case kind == "reshapeOp":
		copy(out.floats, s.from[0].host.floats)
		return nil
	case kind == "repeatOp":
		if repeat(out.floats, s.from[0].host.floats, s.node, s.from[0].node) {
			return nil
		}
	case out.dense == nil:
	case kind == "elemUnaryOp":
		o, ok := s.stock.(G.UnsafeDoer)
		if !ok {
			break
		}
		copy(out.floats, s.from[0].host.floats)
		v, err := o.UnsafeDo(out.dense)
		if err != nil {
			return err
		}
		return out.store(v)
	case preallocates[kind]:
		o, ok := s.stock.(G.UsePreallocDoer)
		if !ok {
			break
		}
		clear(out.floats)
		v, err := o.UsePreallocDo(out.dense, in...)
		if err != nil {
			return err
		}
		return out.store(v)
	}
	v, err := s.stock.Do(in...)
	if err != nil {
		return err
	}
	return out.store(v)
}

// preallocates lists the operations that write into memory they are given, and
// give it back.
var preallocates = map[string]bool{
	"elemBinOp": true, "linAlgBinOp": true, "softmaxOp": true, "softmaxDiffOp": true, "sliceIncrOp": true,
}

// repeat is Gorgonia's repeatOp, which its Broadcast is made of, without the
// tensor that takes most of its time: every element of in, along one axis, as
// many times as out is longer. It says false where it does not know the axis.
func repeat(out, in []float32, n, from *Node) bool {
	var axis int
	if _, err := fmt.Sscanf(fmt.Sprint(n.Op()), "Repeat%d", &axis); err != nil || axis >= n.Dims() {
		return false
	}
	times := len(out) / len(in)
	inner := 1
	for i, d := range from.Shape() {
		if i > axis {
			inner *= d
		}
	}
	if len(out) != times*len(in) || len(in)%inner != 0 {
		return false
	}
	for ; len(in) > 0; in = in[inner:] {
		if inner == 1 {
			for i := range out[:times] {
				out[i] = in[0]
			}
			out = out[times:]
			continue
		}
		for range times {
			copy(out, in[:inner])
			out = out[inner:]
		}
	}
	return true
}

// store copies the elements of v to the entry's memory, unless they are there.
func (h *hostValue) store(v G.Value) error {
	var from []float32
	switch v := v.(type) {
	case *G.F32:
		from = []float32{float32(*v)}
	case *tensor.Dense:
		if v.IsView() || v.RequiresIterator() || v.DataOrder().IsColMajor() {
			v = v.Materialize().(*tensor.Dense)
		}
		switch d := v.Data().(type) {
		case []float32:
			from = d
		case float32:
			from = []float32{d}
		}
	}
	if len(from) != len(h.floats) || len(from) == 0 {
		return fmt.Errorf("the result is a %T of %v, want %d float32 values", v, shapeOf(v), len(h.floats))
	}
	if &from[0] != &h.floats[0] {
		copy(h.floats, from)
	}
	return nil
}

func shapeOf(v G.Value) any {
	if v == nil {
		return "no shape"
	}
	return v.Shape()
}
