package graph

import (
	"fmt"
	"hash"
	"hash/fnv"

	"clipcalib/internal/engine"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Node is a value of the graph.
type Node = G.Node

// Op is what one kind of operation must state: everything else (types, shapes,
// hashing, memory) is the same for all of them and lives in this package.
type Op struct {
	Name  string
	Out   tensor.Shape // shape of the result, known when the node is built
	Saved []tensor.Shape
	// Float16Out says that Run can write a 16-bit result, Float16In which inputs
	// it can read in 16 bits (engine.Float16). Gradients count as readers.
	Float16Out bool
	Float16In  []int
	// Run computes the result into c.Out.
	Run func(c Call) error
	// Host, in place of Run, computes the result on the host, from the elements
	// of its float32 inputs. On a device with memory of its own they are read
	// back for it and the result is sent there.
	Host func(out []float32, in [][]float32)
	// Grad builds the gradient nodes of the inputs, given the result n and its
	// gradient dn. It returns one node an input; those of inputs where need is
	// false are ignored and may be nil. A nil Grad marks an operation that is
	// not differentiable; a nil node for a needed input is a zero gradient.
	Grad func(g *Graph, in []*Node, n, dn *Node, need []bool) []*Node
	// Add, where it is not nil, builds the operation that adds term to the result
	// in the same pass. Gradients that are summed make use of it.
	Add func(g *Graph, in []*Node, term *Node) *Node
}

// Call is what an operation sees when it runs.
type Call struct {
	Engine engine.Engine
	Out    *tensor.Dense
	In     []*tensor.Dense
	// Saved holds buffers of the shapes in Op.Saved, written by Run and read by
	// the operation's gradient through SavedBy.
	Saved []*tensor.Dense
}

// op makes an Op a gorgonia.SDOp.
type op struct {
	*Op
	id    uint32
	g     *Graph
	types []hm.Type // of the inputs, then of the result
}

var _ G.SDOp = (*op)(nil)

func (o *op) Arity() int           { return len(o.types) - 1 }
func (o *op) Type() hm.Type        { return hm.NewFnType(o.types...) }
func (o *op) ReturnsPtr() bool     { return true }
func (o *op) CallsExtern() bool    { return false }
func (o *op) OverwritesInput() int { return -1 }
func (o *op) String() string       { return fmt.Sprintf("%s#%d", o.Name, o.id) }

func (o *op) InferShape(...G.DimSizer) (tensor.Shape, error) { return o.Out, nil }

// WriteHash writes the operation's number within its graph: two operations are
// never taken for one another, whatever their attributes.
func (o *op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%s#%d", o.Name, o.id) }

func (o *op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// Do is an error: a graph with operations of ours runs as a Program.
func (o *op) Do(...G.Value) (G.Value, error) {
	return nil, fmt.Errorf("%s does not run on a machine of one's own: compile its graph", o)
}

func (o *op) DiffWRT(inputs int) []bool {
	wrt := make([]bool, inputs)
	for i := range wrt {
		wrt[i] = o.Grad != nil && isFloat(o.types[i])
	}
	return wrt
}

// SymDiff builds the gradient of every input, as gorgonia.Backpropagate asks.
func (o *op) SymDiff(inputs G.Nodes, output, grad *Node) (G.Nodes, error) {
	if o.Grad == nil {
		return nil, fmt.Errorf("%s has no gradient", o.Name)
	}
	ds := o.Grad(o.g, inputs, output, grad, o.DiffWRT(len(inputs)))
	return ds, o.g.err
}

func isFloat(t hm.Type) bool {
	if t == hm.Type(tensor.Float32) {
		return true
	}
	tt, ok := t.(G.TensorType)
	return ok && tt.Of == tensor.Float32
}
