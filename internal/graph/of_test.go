package graph_test

import (
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/ref"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestGraphIsFoundFromItsNodes(t *testing.T) {
	g, other := graph.New(ref.New()), graph.New(ref.New())
	x := g.Input("x", tensor.Float32, 2, 3)
	mine := G.NewMatrix(g.ExprGraph(), tensor.Float32, G.WithShape(2, 3), G.WithName("mine"))
	ours, stock := ops.Activate(g, x, engine.ReLU), G.Must(G.Square(x))
	for _, n := range []*graph.Node{x, ours, mine, stock, G.Must(G.Add(mine, x))} {
		if got, ok := graph.Of(n); !ok || got != g {
			t.Errorf("graph of %v: %p, %v, want %p", n, got, ok, g)
		}
	}
	if got, ok := graph.Of(other.Input("x", tensor.Float32, 2, 3)); !ok || got != other {
		t.Errorf("a node of another graph is found in %p, want %p", got, other)
	}
	foreign := G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithShape(2, 3), G.WithName("foreign"))
	for _, n := range []*graph.Node{nil, foreign, G.NewConstant(float32(1))} {
		if _, ok := graph.Of(n); ok {
			t.Errorf("%v is said to be in a graph of ours", n)
		}
	}
	g.Close()
	if _, ok := graph.Of(x); ok {
		t.Error("a closed graph is found")
	}
}
