package graph_test

import (
	"context"
	"math"
	"testing"

	"clipcalib/internal/engine/ref"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/tensor"
)

func TestSplitGradientsAreThoseOfOneProgram(t *testing.T) {
	g := graph.New(ref.New())
	x, weights, y := tower(g, 5, 4, 6)
	gamma, beta := g.Input("gamma", tensor.Float32, 4), g.Input("beta", tensor.Float32, 4)
	y = ops.Gather(g, ops.LayerNorm(g, y, gamma, beta), ops.Indices(g, "rows", []int32{4, 0, -1}))
	s, err := g.Split(y, x)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dy := g.Input("direction", tensor.Float32, 3, 4)
	grad := g.Gradients(ops.Dot(g, 1, y, dy), x)[0]
	whole, err := g.Compile(grad)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	if s.Backward.Len()+s.Forward.Len() > whole.Len() {
		t.Errorf("%d operations forward and %d backward, in one program only %d", s.Forward.Len(), s.Backward.Len(),
			whole.Len())
	}

	ctx := context.Background()
	for _, w := range weights {
		fill(t, g, w, func(i int) float32 { return float32(math.Cos(float64(3*i))) / 2 })
	}
	fill(t, g, gamma, func(i int) float32 { return 1 + float32(i)/3 })
	for point := range 2 {
		fill(t, g, x, func(i int) float32 { return float32(math.Sin(float64(i + 7*point))) })
		if err := s.Forward.Run(ctx); err != nil {
			t.Fatal(err)
		}
		for direction := range 3 {
			f := func(i int) float32 { return float32(math.Cos(float64(i * (direction + 1)))) }
			fill(t, g, s.DY, f)
			fill(t, g, dy, f)
			if err := s.Backward.Run(ctx); err != nil {
				t.Fatal(err)
			}
			got, err := s.Backward.Float32(s.Grads[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := whole.Run(ctx); err != nil {
				t.Fatal(err)
			}
			want, err := whole.Float32(grad)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if math.Abs(float64(got[i]-want[i])) > 1e-6 {
					t.Fatalf("point %d, direction %d: gradient %d is %g, want %g", point, direction, i, got[i], want[i])
				}
			}
		}
	}
}
