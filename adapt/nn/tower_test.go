package nn_test

import (
	"math"
	"testing"

	"clipcalib/adapt/nn"
	"clipcalib/internal/cliptest"
	"clipcalib/vit"

	G "gorgonia.org/gorgonia"
)

// TestStockRemedyOnATowersOutput trains visual prompts under ZS-Norm, the remedy
// once the library's and once of Gorgonia's operations.
func TestStockRemedyOnATowersOutput(t *testing.T) {
	e, err := vit.NewEncoder(cliptest.Open(t, cliptest.Tiny()), vit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	side, width := e.Preprocessor().Size(), e.Config().Vision.Width
	wave := func(n int, step float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(math.Sin(step * float64(i)))
		}
		return v
	}
	var results [2][]float32
	for i, remedy := range []func(l, zs *nn.Node) *nn.Node{nn.RangeMap, zsNorm(nn.RowMin, nn.RowMax)} {
		g, err := nn.NewGraph(e.Device())
		if err != nil {
			t.Fatal(err)
		}
		images, prompts := g.Input("images", 3, 3, side, side), g.Input("prompts", 2, width)
		classes, zs := g.Input("classes", 4, e.Dim()), g.Input("ranges", 3, 2)
		labels := g.Indices("labels", 3)
		features := e.PromptNode(images, prompts)
		logits := nn.CosineLogits(G.Must(G.Tanh(features)), classes, 10) // stock on the tower's output
		loss := nn.CrossEntropy(remedy(logits, zs), labels)
		grad := g.Gradients(loss, prompts)[0]
		p, err := g.Compile(t.Context(), loss, grad)
		if err != nil {
			t.Fatal(err)
		}
		for n, v := range map[*nn.Node]any{
			images: wave(3*3*side*side, 0.37), prompts: wave(2*width, 1.1), classes: wave(4*e.Dim(), 0.7),
			zs: []float32{-1, 2, -0.5, 1, 0, 3}, labels: []int32{0, 3, 1},
		} {
			if err := g.Set(n, v); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		results[i] = append(values(t, p, loss), values(t, p, grad)...)
		p.Close()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var size float64
	for _, v := range results[0][1:] {
		size = math.Max(size, math.Abs(float64(v)))
	}
	if size < 1e-4 {
		t.Fatalf("the gradient is at most %g", size)
	}
	agree(t, results[1], results[0], 1e-6)
}
