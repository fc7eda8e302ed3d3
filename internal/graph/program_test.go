package graph_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/ref"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/tensor"
)

// tower builds depth residual blocks of width w over n rows.
func tower(g *graph.Graph, n, w, depth int) (x *graph.Node, weights []*graph.Node, y *graph.Node) {
	x = g.Input("x", tensor.Float32, n, w)
	y = x
	for range depth {
		weight := g.Input("w", tensor.Float32, w, w)
		weights = append(weights, weight)
		h := ops.Activate(g, ops.Linear(g, y, weight, nil, nil, engine.Identity), engine.QuickGELU)
		y = ops.Add(g, y, h)
	}
	return x, weights, y
}

func fill(t *testing.T, g *graph.Graph, n *graph.Node, f func(i int) float32) {
	t.Helper()
	d := make([]float32, n.Shape().TotalSize())
	for i := range d {
		d[i] = f(i)
	}
	if err := g.Set(n, d); err != nil {
		t.Fatal(err)
	}
}

func TestForwardProgramReusesItsMemory(t *testing.T) {
	g := graph.New(ref.New())
	_, _, y := tower(g, 8, 4, 50)
	p, err := g.Compile(y)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if one := int64(8 * 4 * 4); p.Bytes() > 4*one {
		t.Fatalf("150 intermediates of %d bytes take %d bytes; four at once are enough", one, p.Bytes())
	}
}

func TestFrozenWeightsGetNoGradientNodes(t *testing.T) {
	g := graph.New(ref.New())
	x, weights, y := tower(g, 8, 4, 10)
	last := g.Gradients(y, weights[9])
	p, err := g.Compile(append(last, y)...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	// Forward: 30. Backward through the last block alone: the seed, the
	// activation's gradient, the product.
	if p.Len() != 33 {
		t.Fatalf("%d operations run, want 33", p.Len())
	}
	all := g.Gradients(y, append(weights, x)...)
	q, err := g.Compile(all...)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if q.Len() < 70 {
		t.Fatalf("%d operations run for every gradient", q.Len())
	}
}

func TestRunsRepeatWithTheSameBytes(t *testing.T) {
	g := graph.New(ref.New())
	x, weights, y := tower(g, 8, 4, 6)
	d := g.Gradients(y, weights...)
	p, err := g.Compile(append(d, y)...)
	if err != nil {
		t.Fatal(err)
	}
	for k, w := range append(weights, x) {
		fill(t, g, w, func(i int) float32 { return float32(math.Sin(float64(3*i + k))) })
	}
	var first [][]float32
	for run := range 3 {
		if err := p.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for i, n := range append(d, y) {
			v, err := p.Float32(n)
			if err != nil {
				t.Fatal(err)
			}
			if run == 0 {
				first = append(first, v)
				continue
			}
			for j := range v {
				if v[j] != first[i][j] {
					t.Fatalf("run %d, output %d, element %d: %g, then %g", run, i, j, first[i][j], v[j])
				}
			}
		}
	}
}

func TestFirstErrorOfBuildingIsReported(t *testing.T) {
	g := graph.New(ref.New())
	x := g.Input("x", tensor.Float32, 2, 3)
	w := g.Input("w", tensor.Float32, 5, 4)
	y := ops.Linear(g, x, w, nil, nil, engine.Identity)
	y = ops.Attention(g, y, 7, 3)
	_, err := g.Compile(y)
	if err == nil || !strings.Contains(err.Error(), "(2, 3)") || !strings.Contains(err.Error(), "(5, 4)") {
		t.Fatalf("error %v does not name both shapes", err)
	}
}

func TestCancelledRunStops(t *testing.T) {
	g := graph.New(ref.New())
	_, _, y := tower(g, 8, 4, 2)
	p, err := g.Compile(y)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the context's", err)
	}
	if err := p.Run(context.Background()); err != nil {
		t.Fatalf("the program does not run again: %v", err)
	}
}
