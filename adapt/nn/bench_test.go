package nn_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"clipcalib/adapt/nn"
)

// BenchmarkStep is a step of a linear probe of 512 features on 1000 classes and a
// batch of 256, forward and backward, without a remedy, with the library's
// ZS-Norm and with a user's.
func BenchmarkStep(b *testing.B) {
	plain := func(l, _ *nn.Node) *nn.Node { return l }
	for _, c := range []struct {
		name string
		f    func(l, zs *nn.Node) *nn.Node
	}{
		{"no remedy", plain},
		{"ZS-Norm", nn.RangeMap},
		{"ZS-Norm in stock operations", zsNorm(stockMin, stockMax)},
		{"ZS-Norm with RowMin and RowMax", zsNorm(nn.RowMin, nn.RowMax)},
		{"Penalty", func(l, zs *nn.Node) *nn.Node { return libraryPenalty(l, zs) }},
		{"Penalty in stock operations", penalty(stockReLU)},
	} {
		b.Run(c.name, func(b *testing.B) {
			const batch, classes, width = 256, 1000, 512
			g, err := nn.NewGraph(nil)
			if err != nil {
				b.Fatal(err)
			}
			defer g.Close()
			x, w, zs := g.Input("x", batch, width), g.Input("w", classes, width), g.Input("ranges", batch, 2)
			labels := g.Indices("labels", batch)
			logits := nn.CosineLogits(x, w, 100)
			loss := c.f(logits, zs)
			if loss.Dims() == 2 && loss.Shape()[0] == batch {
				loss = nn.CrossEntropy(loss, labels)
			} else {
				loss = nn.Add(nn.CrossEntropy(logits, labels), loss)
			}
			p, err := g.Compile(context.Background(), loss, g.Gradients(loss, w)[0])
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			r := rand.New(rand.NewPCG(1, 2))
			random := func(n int) []float32 {
				v := make([]float32, n)
				for i := range v {
					v[i] = float32(r.NormFloat64())
				}
				return v
			}
			ranges := make([]float32, 2*batch)
			for i := range batch {
				ranges[2*i], ranges[2*i+1] = -10, 10
			}
			for n, v := range map[*nn.Node]any{x: random(batch * width), w: random(classes * width),
				zs: ranges, labels: make([]int32, batch)} {
				if err := g.Set(n, v); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Run(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
