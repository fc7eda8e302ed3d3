package graph

import (
	"errors"
	"fmt"
	"strings"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Gorgonia's own operations may stand anywhere in a graph. What this package
// must know about them is here; how they run is in host.go.

// kind is the name of the type of a node's operation, as in "softmaxOp": the
// types are Gorgonia's own and cannot be asked for in another way.
func kind(n *Node) string {
	return strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", n.Op()), "*"), "gorgonia.")
}

// isOp says whether a node is computed in a run.
func isOp(n *Node) bool {
	if n.Op() == nil || isConstant(n) {
		return false
	}
	if _, ours := n.Op().(*op); ours {
		return true
	}
	return !isSize(n)
}

// isStock says whether n is the result of one of Gorgonia's operations.
func isStock(n *Node) bool {
	_, ours := n.Op().(*op)
	return !ours && isOp(n)
}

// isSize says whether n is the length of an axis, which is known when the graph
// is built: Gorgonia's Mean and Broadcast ask for it as a node.
func isSize(n *Node) bool { return kind(n) == "sizeOp" }

// axisLength is the value of such a node.
func axisLength(n *Node) (float32, error) {
	var length int
	if _, err := fmt.Sscanf(fmt.Sprint(n.Op()), "SizeOf=%d", &length); err != nil {
		return 0, fmt.Errorf("%s: the length is not known", Name(n))
	}
	return float32(length), nil
}

// unsupported says why a stock operation cannot be run, and what to use instead.
func unsupported(n *Node) error {
	switch kind(n) {
	case "randomOp":
		return fmt.Errorf("%s: random nodes are not supported: use a leaf whose values you draw before every run",
			Name(n))
	case "letOp", "readOp":
		return fmt.Errorf("%s: statements are not supported: "+
			"set leaves before a run, and read the program's outputs after it", Name(n))
	case "softmaxOp", "softmaxDiffOp":
		if isLogSoftMax(n.Op()) {
			return fmt.Errorf("%s: %w", Name(n), errLogSoftMax)
		}
	case "BatchNormOp", "dropout", "dropoutOp":
		return fmt.Errorf("%s: operations that differ between training and use are not supported: "+
			"build two graphs, with the layer's scale and mask as leaves", Name(n))
	}
	if dt := n.Dtype(); dt != tensor.Float32 {
		return fmt.Errorf("%s is of type %v: keep values in float32 "+
			"(comparisons: ask for the same type as the operands, retSame)", Name(n), dt)
	}
	return nil
}

// Gorgonia 0.9.18 takes SoftMax and LogSoftMax of one node for one, and where it
// is asked for the Log of a SoftMax, it makes that SoftMax a LogSoftMax, whoever
// else reads it.
var errLogSoftMax = errors.New("the operations SoftMax, LogSoftMax and Log(SoftMax) of one node are one to Gorgonia: " +
	"use nn.Softmax and nn.LogSoftmax where both, or the logarithm, are wanted")

func isLogSoftMax(o G.Op) bool { return strings.Contains(fmt.Sprint(o), ", true}") }

// lost says that Gorgonia does not know one of its own nodes any more.
func lost(n *Node) error {
	if g := n.Graph(); g != nil {
		if same, _ := g.Node(n.ID()).(*Node); same == n {
			return nil
		}
	}
	return fmt.Errorf("%s is no longer in Gorgonia's graph: nodes that are used must not be removed (RemoveNode)",
		Name(n))
}

// differentiateStock builds the gradients of the inputs of a stock operation n,
// by its own SymDiff.
func (g *Graph) differentiateStock(n *Node, in []*Node, y, dy *Node, need []bool) []*Node {
	if kind(n) == "concatOp" {
		return g.concatGradient(n, in, dy, need)
	}
	o, ok := n.Op().(G.SDOp)
	if !ok {
		g.Fail("%s has no gradient and stands between the loss and a parameter: %s", Name(n), instead(n))
		return nil
	}
	var ds G.Nodes
	err := guard(func() (err error) {
		differentiable := o.DiffWRT(len(in))
		for i := range need {
			if !need[i] || (i < len(differentiable) && differentiable[i]) {
				continue
			}
			if kind(n) == "elemBinOp" { // a comparison is constant but where it jumps
				need[i] = false
				continue
			}
			return fmt.Errorf("it has no gradient and stands between the loss and a parameter: %s", instead(n))
		}
		for _, want := range need {
			if want {
				ds, err = o.SymDiff(in, y, dy)
				return err
			}
		}
		ds = make(G.Nodes, len(in))
		return nil
	})
	if err != nil {
		g.Fail("gradient of %s: %w", Name(n), err)
		return nil
	}
	if len(ds) < len(in) {
		ds = append(ds, make(G.Nodes, len(in)-len(ds))...)
	}
	return ds
}

// instead names what to use in place of an operation without a gradient.
func instead(n *Node) string {
	switch kind(n) {
	case "atOp":
		return "use gorgonia.Slice"
	case "maxOp", "argmaxOp":
		return "use nn.RowMax or gorgonia.Max"
	case "elemUnaryOp":
		return "use a smooth function (gorgonia.Tanh, Sigmoid, Softplus) or nn.ReLU"
	}
	return "use an operation of package adapt/nn, or build it of Add, HadamardProd, Exp, Log, Sum and their like"
}

// concatGradient does what concatOp's SymDiff means to: that one cuts with
// slices, which Gorgonia tells apart by the lowest byte of their bounds alone, so
// that parts of 256 rows would all get the first one's gradient.
func (g *Graph) concatGradient(n *Node, in []*Node, dy *Node, need []bool) []*Node {
	var axis int
	if _, err := fmt.Sscanf(fmt.Sprint(n.Op()), "Concat(axis=%d)", &axis); err != nil || axis >= n.Shape().Dims() {
		g.Fail("gradient of %s: its axis is not known: use nn.Concat", Name(n))
		return nil
	}
	whole := n.Shape()
	inner := 1
	for _, d := range whole[axis+1:] {
		inner *= d
	}
	ds := make([]*Node, len(in))
	from := 0
	for i, c := range in {
		width, start := c.Shape()[axis]*inner, from
		from += width
		if !need[i] {
			continue
		}
		stride := whole[axis] * inner
		ds[i] = g.Apply(Op{
			Name: "concat gradient",
			Out:  c.Shape().Clone(),
			Host: func(out []float32, in [][]float32) {
				for r := 0; r*width < len(out); r++ {
					copy(out[r*width:(r+1)*width], in[0][r*stride+start:])
				}
			},
		}, dy)
	}
	return ds
}

// conform returns d, the gradient of c, in the shape of c: stock operations lose
// and add axes of length 1.
func (g *Graph) conform(n, c, d *Node) *Node {
	if err := g.accept(d); err != nil {
		g.Fail("gradient of %s: %w", Name(n), err)
		return d
	}
	want, got := c.Shape(), d.Shape()
	if c.IsScalar() == d.IsScalar() && equal(want, got) {
		return d
	}
	if volume(want) != volume(got) {
		g.Fail("gradient of %s has shape %v where the input has %v: Gorgonia does not differentiate this form; "+
			"reshape the operands to matrices of one shape first (for an outer product, multiply [n, 1] by [1, m])",
			Name(n), got, want)
		return d
	}
	return g.Apply(Op{
		Name: "reshape",
		Out:  want.Clone(),
		Run:  func(c Call) error { return c.Engine.Axpby(c.Out, 1, c.In[0], 0, nil) },
	}, d)
}

func equal(a, b tensor.Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// volume is the number of elements; a scalar has one.
func volume(s tensor.Shape) int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// guard turns a panic of f into an error.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = explain(r)
		}
	}()
	return f()
}
