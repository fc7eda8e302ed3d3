package ops_test

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

	"gorgonia.org/tensor"
)

// build makes the value under test from float leaves of the given shapes.
type build func(g *graph.Graph, x []*ops.Node) *ops.Node

var tree = []int32{
	-1, 0, 1, 1, 0, 4, -1, // parent
	0, 1, 2, 2, 1, 2, 0, // depth
	6, 4, 3, 4, 6, 6, 7, // end
}

func ints(g *graph.Graph, data []int32, shape ...int) *ops.Node {
	n := g.Input("ints", tensor.Int32, shape...)
	if g.Err() == nil {
		if err := g.Set(n, data); err != nil {
			g.Fail("%w", err)
		}
	}
	return n
}

var cases = []struct {
	name   string
	shapes [][]int
	fixed  int // this many trailing leaves are data and get no gradient
	f      build
}{
	{"linear with bias and residual", [][]int{{5, 4}, {3, 4}, {3}, {5, 3}}, 0,
		func(g *graph.Graph, x []*ops.Node) *ops.Node {
			return ops.Linear(g, x[0], x[1], x[2], x[3], engine.Identity)
		}},
	{"product AB", [][]int{{5, 4}, {4, 3}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.MatMul(g, x[0], x[1], false, false, 0.7)
	}},
	{"product AtB", [][]int{{4, 5}, {4, 3}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.MatMul(g, x[0], x[1], true, false, 0.7)
	}},
	{"product AtBt", [][]int{{4, 5}, {3, 4}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.MatMul(g, x[0], x[1], true, true, 0.7)
	}},
	{"margin", [][]int{{5, 4}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.Margin(g, x[0], ints(g, []int32{0, 3, 1, 1, 2}, 5), 0.3, 0.2)
	}},
	{"transpose", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node { return ops.Transpose(g, x[0]) }},
	{"QuickGELU", [][]int{{4, 5}}, 0, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.Activate(g, x[0], engine.QuickGELU)
	}},
	{"GELU", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.Activate(g, x[0],
			engine.GELU)
	}},
	{"ReLU", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.Activate(g, x[0],
			engine.ReLU)
	}},
	{"weighted sum", [][]int{{4, 5}, {4, 5}}, 0, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.Axpby(g, 0.5, x[0], 2, x[1])
	}},
	{"one value used twice", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.Add(g, ops.Activate(g, x[0], engine.QuickGELU), x[0])
	}},
	{"exp", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.ExpAffine(g, x[0], 0.7,
			-0.7)
	}},
	{"logit scale", [][]int{{4, 5}, {1}}, 0, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.ScaleExp(g, x[0], x[1])
	}},
	{"layer norm", [][]int{{4, 6}, {6}, {6}}, 0, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.LayerNorm(g, x[0], x[1], x[2])
	}},
	{"L2 normalise", [][]int{{4, 5}}, 0, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.L2Normalize(g, x[0])
	}},
	{"LogitNorm", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node { return ops.DivNorm(g, x[0], 0.5) }},
	{"attention", [][]int{{6, 12}}, 0, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.Attention(g, x[0], 3, 2)
	}},
	{"tree attention", [][]int{{7, 12}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.TreeAttention(g, x[0], ints(g, tree, 3, 7), 2)
	}},
	{"gather", [][]int{{4, 3}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.Gather(g, x[0], ints(g, []int32{2, 0, 2, -1, 3}, 5))
	}},
	{"add rows", [][]int{{5, 3}, {4, 3}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.AddRows(g, x[0], x[1], ints(g, []int32{2, 0, 2, 1, 3}, 5))
	}},
	{"concat", [][]int{{2, 3}, {4, 3}}, 0, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.Concat(g, x[0], x[1])
	}},
	{"slice", [][]int{{6, 3}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node { return ops.Slice(g, x[0], 1, 4) }},
	{"tokens", [][]int{{8, 3}, {3}, {5, 3}}, 0, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.Tokens(g, x[0], x[1], x[2])
	}},
	{"cross-entropy", [][]int{{4, 5}}, 0, crossEntropy(engine.CrossEntropy{})},
	{"label smoothing", [][]int{{4, 5}}, 0, crossEntropy(engine.CrossEntropy{Smoothing: 0.1})},
	{"ECP", [][]int{{4, 5}}, 0, crossEntropy(engine.CrossEntropy{Confidence: 0.3})},
	{"focal", [][]int{{4, 5}}, 0, crossEntropy(engine.CrossEntropy{FocalGamma: 3})},
	{"MbLS", [][]int{{4, 5}}, 0, crossEntropy(engine.CrossEntropy{MarginAlpha: 0.3, Margin: 0.5})},
	{"range map", [][]int{{4, 5}, {4, 2}}, 1, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.RangeMap(g, x[0], x[1])
	}},
	{"range penalty", [][]int{{4, 5}, {4, 2}}, 1, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.RangePenalty(g, x[0], x[1], 10)
	}},
	{"square distance", [][]int{{4, 5}, {4, 5}, {4}}, 2, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.SquareDistance(g, x[0], x[1], x[2])
	}},
	{"replaced rows", [][]int{{5, 3}, {2, 3}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.ReplaceRows(g, x[0], x[1], []int32{-1, 1, -1, 0, 1})
	}},
	{"dot", [][]int{{4, 5}, {4, 5}}, 0, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.Dot(g, 0.7, x[0], x[1])
	}},
	{"mean absolute difference", [][]int{{4, 5}, {4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.MeanAbs(g, x[0], x[1])
	}},
	{"soft cross-entropy", [][]int{{4, 5}, {4, 5}}, 1, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.SoftCrossEntropy(g, x[0], x[1])
	}},
	{"row maximum", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node { return ops.RowMax(g, x[0]) }},
	{"row minimum", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node { return ops.RowMin(g, x[0]) }},
	{"softmax", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node { return ops.Softmax(g, x[0]) }},
	{"log-softmax", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node { return ops.LogSoftmax(g, x[0]) }},
	{"row entropy", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node { return ops.RowEntropy(g, x[0]) }},
	{"entropy", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node { return ops.Entropy(g, x[0]) }},
	{"entropy of the mean", [][]int{{4, 5}}, 0, func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.EntropyOfMean(g, x[0])
	}},
	{"divergence", [][]int{{4, 5}, {4, 5}}, 1, func(g *graph.Graph,
		x []*ops.Node) *ops.Node {
		return ops.Divergence(g, x[0], x[1])
	}},
}

func crossEntropy(form engine.CrossEntropy) build {
	return func(g *graph.Graph, x []*ops.Node) *ops.Node {
		return ops.CrossEntropy(g, x[0], ints(g, []int32{0, 3, 4, 3}, 4), form)
	}
}

// TestGradientsAgreeWithFiniteDifferences weighs the result with random numbers
// and compares every leaf's gradient with central differences.
func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 8))
			g := graph.New(ref.New())
			var x []*ops.Node
			data := make([][]float32, len(c.shapes))
			for i, s := range c.shapes {
				data[i] = make([]float32, tensor.Shape(s).TotalSize())
				for j := range data[i] {
					data[i][j] = float32(rng.NormFloat64())
				}
				x = append(x, g.Input(fmt.Sprint("x", i), tensor.Float32, s...))
			}
			y := c.f(g, x)
			weights := make([]float32, y.Shape().TotalSize())
			for i := range weights {
				weights[i] = float32(rng.NormFloat64())
			}
			dy := g.Input("dy", tensor.Float32, y.Shape()...)
			wrt := x[:len(x)-c.fixed]
			grads := g.GradientsFrom(y, dy, wrt...)
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			p, err := g.Compile(append([]*ops.Node{y}, grads...)...)
			if err != nil {
				t.Fatal(err)
			}
			set(t, g, dy, weights)
			for i := range x {
				set(t, g, x[i], data[i])
			}
			value := func() float64 {
				if err := p.Run(context.Background()); err != nil {
					t.Fatal(err)
				}
				v, err := p.Float32(y)
				if err != nil {
					t.Fatal(err)
				}
				var s float64
				for i := range v {
					s += float64(v[i]) * float64(weights[i])
				}
				return s
			}
			value()
			var got [][]float32
			for _, n := range grads {
				v, err := p.Float32(n)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, v)
			}
			const h = 1e-2
			for i := range wrt {
				for j := range data[i] {
					old := data[i][j]
					at := func(d float32) float64 {
						data[i][j] = old + d
						set(t, g, x[i], data[i])
						return value()
					}
					want := (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
					data[i][j] = old
					set(t, g, x[i], data[i])
					if diff := math.Abs(want - float64(got[i][j])); diff > 2e-3*(1+math.Abs(want)) {
						t.Errorf("input %d element %d: gradient %g, differences say %g", i, j, got[i][j], want)
					}
				}
			}
		})
	}
}

func set(t *testing.T, g *graph.Graph, n *ops.Node, data any) {
	t.Helper()
	if err := g.Set(n, data); err != nil {
		t.Fatal(err)
	}
}
