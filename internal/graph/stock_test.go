package graph_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/ref"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type (
	node   = graph.Node
	leaves = []*node
)

var must = func(n *graph.Node, err error) *graph.Node { return G.Must(n, err) }

func constant(v float32) *graph.Node { return G.NewConstant(v) }

// positive keeps what Sqrt, Log and divisors see away from 0.
func positive(x *graph.Node) *graph.Node {
	return must(G.Add(must(G.Square(x)), constant(0.5)))
}

// stock lists Gorgonia's operations with what they need, as f of leaves of the
// shapes; want is the same in plain arithmetic, or nil.
var stock = []struct {
	name   string
	shapes [][]int
	f      func(x leaves) *node
}{
	{"Add", [][]int{{3, 4}, {3, 4}}, func(x leaves) *node { return must(G.Add(x[0], x[1])) }},
	{"Sub", [][]int{{3, 4}, {3, 4}}, func(x leaves) *node { return must(G.Sub(x[0], x[1])) }},
	{"HadamardProd", [][]int{{3, 4}, {3, 4}}, func(x leaves) *node { return must(G.HadamardProd(x[0], x[1])) }},
	{"HadamardProd of one node", [][]int{{3, 4}}, func(x leaves) *node { return must(G.HadamardProd(x[0], x[0])) }},
	{"HadamardDiv", [][]int{{3, 4}, {3, 4}}, func(x leaves) *node { return must(G.HadamardDiv(x[0], positive(x[1]))) }},
	{"Neg", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Neg(x[0])) }},
	{"Square", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Square(x[0])) }},
	{"Cube", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Cube(x[0])) }},
	{"Sqrt", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Sqrt(positive(x[0]))) }},
	{"Exp", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Exp(x[0])) }},
	{"Log", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Log(positive(x[0]))) }},
	{"Inverse", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Inverse(positive(x[0]))) }},
	{"Rectify", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Rectify(x[0])) }},
	{"LeakyRelu", [][]int{{3, 4}}, func(x leaves) *node { return must(G.LeakyRelu(x[0], 0.1)) }},
	{"Sigmoid", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Sigmoid(x[0])) }},
	{"Tanh", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Tanh(x[0])) }},
	{"Softplus", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Softplus(x[0])) }},
	{"Abs", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Abs(x[0])) }},
	{"SoftMax", [][]int{{3, 4}}, func(x leaves) *node { return must(G.SoftMax(x[0])) }},
	{"SoftMax along 1", [][]int{{3, 4}}, func(x leaves) *node { return must(G.SoftMax(x[0], 1)) }},
	{"SoftMax along 0", [][]int{{3, 4}}, func(x leaves) *node { return must(G.SoftMax(x[0], 0)) }},
	{"Log1p", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Log1p(positive(x[0]))) }},
	{"Log of 1 + x", [][]int{{3, 4}}, func(x leaves) *node {
		return must(G.Log(must(G.Add(positive(x[0]), constant(1)))))
	}},
	{"Sum", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Sum(x[0])) }},
	{"Sum along 0", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Sum(x[0], 0)) }},
	{"Sum along 1", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Sum(x[0], 1)) }},
	{"Sum of a vector", [][]int{{4}}, func(x leaves) *node { return must(G.Sum(x[0])) }},
	{"Sum of three axes", [][]int{{2, 3, 4}}, func(x leaves) *node { return must(G.Sum(x[0], 1)) }},
	{"Mean", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Mean(x[0])) }},
	{"Mean along 0", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Mean(x[0], 0)) }},
	{"Mean along 1", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Mean(x[0], 1)) }},
	{"Max", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Max(x[0])) }},
	{"Max along 0", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Max(x[0], 0)) }},
	{"Max along 1", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Max(x[0], 1)) }},
	{"Mul of matrices", [][]int{{3, 4}, {4, 2}}, func(x leaves) *node { return must(G.Mul(x[0], x[1])) }},
	{"Mul of a matrix and a vector", [][]int{{3, 4}, {4}}, func(x leaves) *node { return must(G.Mul(x[0], x[1])) }},
	{"Mul of vectors", [][]int{{4}, {4}}, func(x leaves) *node { return must(G.Mul(x[0], x[1])) }},
	{"Mul by a constant", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Mul(x[0], constant(0.7))) }},
	{"Transpose", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Transpose(x[0], 1, 0)) }},
	{"Transpose of three axes", [][]int{{2, 3, 4}}, func(x leaves) *node { return must(G.Transpose(x[0], 2, 0, 1)) }},
	{"Reshape", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Reshape(x[0], tensor.Shape{2, 6})) }},
	{"Reshape to a vector", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Reshape(x[0], tensor.Shape{12})) }},
	{"Slice of rows", [][]int{{5, 4}}, func(x leaves) *node { return must(G.Slice(x[0], G.S(1, 4))) }},
	{"Slice of one row", [][]int{{5, 4}}, func(x leaves) *node { return must(G.Slice(x[0], G.S(2))) }},
	{"Slice of one column", [][]int{{5, 4}}, func(x leaves) *node { return must(G.Slice(x[0], nil, G.S(2))) }},
	{"Slice of columns", [][]int{{5, 4}}, func(x leaves) *node { return must(G.Slice(x[0], nil, G.S(1, 3))) }},
	{"Slice of one element", [][]int{{5}}, func(x leaves) *node { return must(G.Slice(x[0], G.S(2))) }},
	{"Concat of rows", [][]int{{2, 4}, {3, 4}}, func(x leaves) *node { return must(G.Concat(0, x[0], x[1])) }},
	{"Concat of columns", [][]int{{3, 2}, {3, 1}}, func(x leaves) *node { return must(G.Concat(1, x[0], x[1])) }},
	{"BroadcastAdd of a column", [][]int{{3, 4}, {3, 1}}, func(x leaves) *node {
		return must(G.BroadcastAdd(x[0], x[1], nil, []byte{1}))
	}},
	{"BroadcastSub of a row", [][]int{{3, 4}, {1, 4}}, func(x leaves) *node {
		return must(G.BroadcastSub(x[0], x[1], nil, []byte{0}))
	}},
	{"BroadcastSub of a vector", [][]int{{3, 4}, {3}}, func(x leaves) *node {
		return must(G.BroadcastSub(x[0], x[1], nil, []byte{1}))
	}},
	{"BroadcastAdd of a bias", [][]int{{3, 4}, {4}}, func(x leaves) *node {
		return must(G.BroadcastAdd(x[0], x[1], nil, []byte{0}))
	}},
	{"BroadcastHadamardProd from the left", [][]int{{3, 1}, {3, 4}}, func(x leaves) *node {
		return must(G.BroadcastHadamardProd(x[0], x[1], []byte{1}, nil))
	}},
	{"BroadcastHadamardDiv", [][]int{{3, 4}, {3, 1}}, func(x leaves) *node {
		return must(G.BroadcastHadamardDiv(x[0], positive(x[1]), nil, []byte{1}))
	}},
	{"a scalar times a matrix", [][]int{{}, {3, 4}}, func(x leaves) *node { return must(G.HadamardProd(x[0], x[1])) }},
	{"a matrix over a scalar", [][]int{{3, 4}, {}}, func(x leaves) *node {
		return must(G.HadamardDiv(x[0],
			positive(x[1])))
	}},
	{"a scalar over a matrix", [][]int{{}, {3, 4}}, func(x leaves) *node {
		return must(G.HadamardDiv(x[0],
			positive(x[1])))
	}},
	{"a constant minus a matrix", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Sub(constant(1), x[0])) }},
	{"a matrix minus a scalar", [][]int{{3, 4}, {}}, func(x leaves) *node { return must(G.Sub(x[0], x[1])) }},
	{"scalars", [][]int{{}, {}}, func(x leaves) *node {
		return must(G.HadamardDiv(must(G.Exp(x[0])), positive(must(G.Sub(x[0], x[1])))))
	}},
	{"Pow", [][]int{{3, 4}}, func(x leaves) *node { return must(G.Pow(positive(x[0]), constant(1.5))) }},
	{"a vector of one and a scalar", [][]int{{1}, {}}, func(x leaves) *node { return must(G.HadamardProd(x[0], x[1])) }},
	{"a matrix of one row", [][]int{{1, 4}}, func(x leaves) *node { return must(G.Sum(must(G.Square(x[0])), 1)) }},
	{"a matrix of one column", [][]int{{4, 1}}, func(x leaves) *node { return must(G.Max(x[0], 1)) }},
}

// setting is where in a graph of ours a stock operation stands.
var settings = []struct {
	name string
	f    func(g *graph.Graph, x []*graph.Node, f func(leaves) *node) *graph.Node
}{
	{"alone", func(_ *graph.Graph, x []*graph.Node, f func(leaves) *node) *graph.Node { return f(x) }},
	{"between ours", func(g *graph.Graph, x []*graph.Node, f func(leaves) *node) *graph.Node {
		in := make([]*graph.Node, len(x))
		for i, n := range x {
			in[i] = ops.Add(g, ops.Activate(g, n, engine.QuickGELU), n) // read twice
		}
		return ops.Activate(g, f(in), engine.QuickGELU)
	}},
}

func TestStockOperationsAgreeWithFiniteDifferences(t *testing.T) {
	for _, c := range stock {
		for _, s := range settings {
			t.Run(c.name+"/"+s.name, func(t *testing.T) {
				g := graph.New(ref.New())
				defer g.Close()
				x := inputs(g, c.shapes)
				compareWithDifferences(t, g, x, s.f(g, x, c.f))
			})
		}
	}
}

func inputs(g *graph.Graph, shapes [][]int) (x []*graph.Node) {
	for i, s := range shapes {
		x = append(x, g.Input(fmt.Sprint("x", i), tensor.Float32, s...))
	}
	return x
}

func elements(n *graph.Node) int {
	if n.IsScalar() {
		return 1
	}
	return n.Shape().TotalSize()
}

// compareWithDifferences weighs y with random numbers and compares the gradient
// of every leaf with central differences.
func compareWithDifferences(t *testing.T, g *graph.Graph, x []*graph.Node, y *graph.Node) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 8))
	dy := g.Input("dy", tensor.Float32, y.Shape()...)
	grads := g.GradientsFrom(y, dy, x...)
	p, err := g.Compile(append([]*graph.Node{y}, grads...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	weights := random(elements(y))
	set(t, g, dy, weights)
	data := make([][]float32, len(x))
	for i, n := range x {
		data[i] = random(elements(n))
		set(t, g, n, data[i])
	}
	run := func() float64 {
		if err := p.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		var s float64
		for i, v := range read(t, p, y) {
			s += float64(v) * float64(weights[i])
		}
		return s
	}
	run()
	var got [][]float32
	for i, n := range grads {
		got = append(got, read(t, p, n))
		if len(got[i]) != len(data[i]) {
			t.Fatalf("gradient %d has %d elements, want %d", i, len(got[i]), len(data[i]))
		}
	}
	const h = 1e-2
	for i := range x {
		for j, old := range data[i] {
			at := func(d float32) float64 {
				data[i][j] = old + d
				set(t, g, x[i], data[i])
				return run()
			}
			want := (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
			data[i][j] = old
			set(t, g, x[i], data[i])
			if diff := math.Abs(want - float64(got[i][j])); !(diff <= 2e-3*(1+math.Abs(want))) {
				t.Errorf("input %d element %d: gradient %g, differences say %g", i, j, got[i][j], want)
			}
		}
	}
	for i := range x { // no operation may write to what it reads
		for j, v := range read(t, p, x[i]) {
			if v != data[i][j] {
				t.Fatalf("input %d was written to: element %d is %g, want %g", i, j, v, data[i][j])
			}
		}
	}
}

func set(t *testing.T, g *graph.Graph, n *graph.Node, data any) {
	t.Helper()
	if err := g.Set(n, data); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, p *graph.Program, n *graph.Node) []float32 {
	t.Helper()
	v, err := p.Float32(n)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestStockConcatOfManyRows has parts whose bounds differ by 256, which Gorgonia
// takes for one another in its own gradient.
func TestStockConcatOfManyRows(t *testing.T) {
	g := graph.New(ref.New())
	defer g.Close()
	x := inputs(g, [][]int{{256, 1}, {256, 1}})
	dy := g.Input("dy", tensor.Float32, 512, 1)
	y := must(G.Concat(0, x[0], x[1]))
	d := g.GradientsFrom(y, dy, x...)
	p, err := g.Compile(d...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	up := make([]float32, 512)
	for i := range up {
		up[i] = float32(i)
	}
	set(t, g, dy, up)
	if err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i, n := range d {
		for j, v := range read(t, p, n) {
			if v != up[256*i+j] {
				t.Fatalf("part %d row %d: gradient %g, want %g", i, j, v, up[256*i+j])
			}
		}
	}
}

// TestSplitWithStockOperations compares a function in two programs, with stock
// operations in it and scalars, with one program.
func TestSplitWithStockOperations(t *testing.T) {
	g := graph.New(ref.New())
	defer g.Close()
	x := g.Input("x", tensor.Float32, 3, 4)
	h := ops.Activate(g, x, engine.QuickGELU)
	scale := must(G.Exp(must(G.Mean(h))))
	y := must(G.HadamardProd(must(G.SoftMax(h, 1)), scale))
	s, err := g.Split(y, x)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dy := g.Input("dy", tensor.Float32, 3, 4)
	d := g.GradientsFrom(y, dy, x)[0]
	whole, err := g.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	for point := range 2 {
		f := func(k int) []float32 {
			v := make([]float32, 12)
			for i := range v {
				v[i] = float32(math.Sin(float64(i*k + point)))
			}
			return v
		}
		set(t, g, x, f(3))
		set(t, g, dy, f(5))
		set(t, g, s.DY, f(5))
		for _, p := range []*graph.Program{s.Forward, s.Backward, whole} {
			if err := p.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		got, want := read(t, s.Backward, s.Grads[0]), read(t, whole, d)
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-6 {
				t.Fatalf("point %d element %d: %g, want %g", point, i, got[i], want[i])
			}
		}
	}
}

// TestStockOperationsWriteToPlannedMemory runs a chain that reuses blocks while
// values of earlier steps are still wanted.
func TestStockOperationsWriteToPlannedMemory(t *testing.T) {
	g := graph.New(ref.New())
	defer g.Close()
	x := g.Input("x", tensor.Float32, 8, 8)
	n := x
	for range 12 {
		n = must(G.Tanh(must(G.Add(n, x))))
	}
	p, err := g.Compile(n)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if most := int64(3 * 4 * 64); p.Bytes() > most {
		t.Errorf("%d bytes are planned for a chain, want %d at most", p.Bytes(), most)
	}
	v := make([]float32, 64)
	for i := range v {
		v[i] = float32(math.Sin(float64(i)))
	}
	set(t, g, x, v)
	for range 3 {
		if err := p.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for i, got := range read(t, p, n) {
			want := float64(v[i])
			for range 12 {
				want = math.Tanh(want + float64(v[i]))
			}
			if math.Abs(float64(got)-want) > 1e-5 {
				t.Fatalf("element %d: %g, want %g", i, got, want)
			}
		}
	}
	if notes := p.Notes(); len(notes) != 0 {
		t.Errorf("on the processor there is nothing to note, got %q", notes)
	}
}
