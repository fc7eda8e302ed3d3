package vit_test

import (
	"math"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/internal/device"
	"clipcalib/internal/engine/ref"
	"clipcalib/internal/graph"
	"clipcalib/vit"

	"gorgonia.org/tensor"
)

// TestNodeGivesWhatEncodeGives runs the tower within a graph of one's own.
func TestNodeGivesWhatEncodeGives(t *testing.T) {
	e, err := vit.NewEncoder(cliptest.Open(t, cliptest.Tiny()), vit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	g := graph.New(device.Engine(e.Device()))
	defer g.Close()
	s := e.Preprocessor().Size()
	in := g.Input("images", tensor.Float32, 2, 3, s, s)
	out := e.Node(in)
	p, err := g.Compile(out)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	flat := make([]float32, 2*e.Preprocessor().Len())
	for i := range flat {
		flat[i] = float32(math.Sin(float64(i * i)))
	}
	if err := g.Set(in, flat); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := p.Float32(out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.Encode(t.Context(), [][]float32{flat[:len(flat)/2], flat[len(flat)/2:]})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range got {
		if w := want[i/e.Dim()][i%e.Dim()]; math.Abs(float64(x-w)) > 1e-5 {
			t.Fatalf("value %d: %g, Encode gives %g", i, x, w)
		}
	}
}

func TestNodeRefusesWhatItCannotTake(t *testing.T) {
	e, err := vit.NewEncoder(cliptest.Open(t, cliptest.Tiny()), vit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	eng := device.Engine(e.Device())
	s := e.Preprocessor().Size()
	for want, build := range map[string]func() *graph.Graph{
		"images have shape (2, 3, 5, 5)": func() *graph.Graph {
			g := graph.New(eng)
			e.Node(g.Input("images", tensor.Float32, 2, 3, 5, 5))
			return g
		},
		"prompts 0 have shape (4, 3)": func() *graph.Graph {
			g := graph.New(eng)
			e.PromptNode(g.Input("images", tensor.Float32, 2, 3, s, s), g.Input("prompts", tensor.Float32, 4, 3))
			return g
		},
		"another device": func() *graph.Graph {
			g := graph.New(ref.New())
			e.Node(g.Input("images", tensor.Float32, 2, 3, s, s))
			return g
		},
	} {
		g := build()
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
		g.Close()
	}
}
