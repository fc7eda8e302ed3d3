package nn_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"clipcalib/adapt/nn"
	"clipcalib/internal/device"
	"clipcalib/internal/engine/ref"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestMistakesNameTheNode builds what cannot work: the error names the node and
// says what to use instead, and nothing panics.
func TestMistakesNameTheNode(t *testing.T) {
	dev := device.Share(ref.New())
	other := newModel(t, dev, false)
	float64s := func(g *nn.Graph) *nn.Node {
		return G.NewMatrix(g.ExprGraph(), tensor.Float64, G.WithName("doubles"), G.WithShape(b, k),
			G.WithInit(G.Zeroes()))
	}
	cases := []struct {
		name  string
		build func(m model) *nn.Node
		want  []string
	}{
		{"a node of another graph", func(m model) *nn.Node { return nn.Add(m.logits, other.logits) },
			[]string{"weighted sum", "input 1", "another graph", "node.Graph()"}},
		{"a graph that is not the library's", func(model) *nn.Node {
			x := G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithName("x"), G.WithShape(2, 2))
			return nn.ReLU(x)
		}, []string{"ReLU", "no"}},
		{"no node", func(m model) *nn.Node { return nn.Add(m.logits, nil) }, []string{"weighted sum", "input 1",
			"missing"}},
		{"a leaf without a value", func(m model) *nn.Node {
			bias := G.NewMatrix(m.graph.ExprGraph(), tensor.Float32, G.WithName("bias"), G.WithShape(b, k))
			return G.Must(G.Add(m.logits, bias))
		}, []string{`"bias"`, "no value", "WithValue"}},
		{"float64", func(m model) *nn.Node { return nn.Add(m.logits, float64s(m.graph)) },
			[]string{`"doubles"`, "float64", "float32"}},
		{"float64 in a stock operation", func(m model) *nn.Node { return G.Must(G.Sum(G.Must(G.Square(float64s(m.graph))))) },
			[]string{"float64", "float32"}},
		{"booleans", func(m model) *nn.Node { return G.Must(G.Gt(m.logits, G.NewConstant(float32(0)), false)) },
			[]string{"bool", "float32"}},
		{"random numbers", func(m model) *nn.Node {
			return G.Must(G.Add(m.logits, G.GaussianRandomNode(m.graph.ExprGraph(), tensor.Float32, 0, 1, b, k)))
		}, []string{"random", "leaf"}},
		{"Log of SoftMax", func(m model) *nn.Node { return G.Must(G.Log(G.Must(G.SoftMax(m.logits)))) },
			[]string{"nn.LogSoftmax"}},
		{"a step on the way to a parameter", func(m model) *nn.Node { return G.Must(G.Sum(G.Must(G.Sign(m.logits)))) },
			[]string{"no gradient", "Tanh"}},
		{"an element", func(m model) *nn.Node { return G.Must(G.At(m.logits, 0, 0)) },
			[]string{"At", "no gradient", "gorgonia.Slice"}},
		{"an outer product", func(m model) *nn.Node {
			v := G.Must(G.Sum(m.logits, 1))
			return G.Must(G.OuterProd(v, G.Must(G.Sum(m.logits, 0))))
		}, []string{"gradient of", "[n, 1] by [1, m]"}},
		{"ranges that train", func(m model) *nn.Node { return nn.RowRange(m.logits) },
			[]string{"row range", "not differentiable"}},
		{"shapes", func(m model) *nn.Node { return nn.RangeMap(m.logits, m.x) }, []string{"range map", "(6, 5)",
			"(6, 4)"}},
		{"what a part of a graph refuses", func(m model) *nn.Node {
			return nn.Fail(m.logits, errors.New("three classes at least"))
		},
			[]string{"three classes"}},
		{"a constant of another size", func(m model) *nn.Node { return nn.Constant(m.logits, "ones", []float32{1, 1}, 3) },
			[]string{"ones", "2 values"}},
		{"a node that was removed", func(m model) *nn.Node {
			a := G.Must(G.Tanh(m.logits))
			y := G.Must(G.Square(a))
			m.graph.ExprGraph().RemoveNode(a)
			return y
		}, []string{"no longer in Gorgonia's graph", "removed"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(t, dev, false)
			y := c.build(m)
			d := m.graph.Gradients(y, m.w)
			_, err := m.graph.Compile(t.Context(), y, d[0])
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
		})
	}
}

func TestGraphAfterClose(t *testing.T) {
	m := newModel(t, nil, false)
	p, err := m.graph.Compile(t.Context(), m.logits)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Values(m.logits); err == nil {
		t.Error("a program that has not run has values")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if err := m.graph.Set(m.logits, ones(b*k)); err == nil {
		t.Error("a result can be set")
	}
	if err := m.graph.Set(m.x, ones(3)); err == nil || !strings.Contains(err.Error(), `"x" (6, 4)`) {
		t.Errorf("error %v does not name the input", err)
	}
	p.Close()
	if err := p.Run(t.Context()); err == nil {
		t.Error("a closed program runs")
	}
	if err := m.graph.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.graph.Compile(t.Context(), m.logits); err == nil {
		t.Error("a closed graph is compiled")
	}
}

// TestWhatGorgoniaTakesForOneNode keeps the package's comment true: where a new
// Gorgonia tells these apart, the comment can go.
func TestWhatGorgoniaTakesForOneNode(t *testing.T) {
	g := G.NewGraph()
	leaf := func() *nn.Node {
		return G.NewMatrix(g, tensor.Float32, G.WithName("x"), G.WithShape(2, 600), G.WithInit(G.Zeroes()))
	}
	x := leaf()
	large := func(middle float32) *nn.Node {
		v := make([]float32, 1200)
		v[300] = middle
		c := G.NewConstant(tensor.New(tensor.WithShape(2, 600), tensor.WithBacking(v)))
		return G.Must(G.Add(x, c))
	}
	for what, same := range map[string]bool{
		"leaves of one name":   x == leaf(),
		"slices 256 apart":     G.Must(G.Slice(x, nil, G.S(0))) == G.Must(G.Slice(x, nil, G.S(256))),
		"SoftMax and its log":  G.Must(G.SoftMax(x)) == G.Must(G.LogSoftMax(x)),
		"constants that print": large(1) == large(2),
	} {
		if !same {
			t.Errorf("%s are two nodes by now", what)
		}
	}
}
