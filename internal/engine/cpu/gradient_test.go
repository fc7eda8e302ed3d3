package cpu

import (
	"fmt"
	"math"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda/cudatest"

	"gorgonia.org/tensor"
)

// slope compares the gradient a kernel of the tested engine computes with the
// central difference of the reference engine's forward kernel along a random
// direction: sum(grad*v) = sum(dy * (f(x + hv) - f(x - hv))) / 2h.
func (b *bench) slope(what string, x *tensor.Dense, dy *tensor.Dense, forward func(out, x *tensor.Dense) error, grad func(dx *tensor.Dense) error) {
	b.Helper()
	const h = 1e-2
	at := f32(x)
	v, dx := f32(b.tensor(x.Shape()...)), b.empty(x.Shape()...)
	if err := grad(dx); err != nil {
		b.Fatal(what, err)
	}
	var analytic, numeric, size float64
	for i, g := range f32(dx) {
		analytic += float64(g) * float64(v[i])
		size += float64(g) * float64(g)
	}
	for _, sign := range []float32{1, -1} {
		moved := b.empty(x.Shape()...)
		for i, m := 0, f32(moved); i < len(m); i++ {
			m[i] = at[i] + sign*h*v[i]
		}
		out := b.empty(dy.Shape()...)
		if err := forward(out, moved); err != nil {
			b.Fatal(what, err)
		}
		o, d := f32(out), f32(dy)
		for i := range o {
			numeric += float64(sign) * float64(o[i]) * float64(d[i]) / (2 * h)
		}
	}
	if diff := math.Abs(analytic - numeric); !(diff <= 2e-3*(math.Sqrt(size)+1)) {
		b.Fatalf("%s: derivative along a direction is %v, the difference quotient %v", what, analytic, numeric)
	}
}

func TestGradientsAgreeWithDifferences(t *testing.T) {
	eachEngine(t, func(b *bench) {
		n := 24
		tree := b.ints(cudatest.RandomTrie(b.r, n, 7), 3, n)
		x, dy, y := b.tensor(n, 48), b.tensor(n, 16), b.empty(n, 16)
		if err := b.cpu.Attention(y, x, 2, 12, 2); err != nil {
			b.Fatal(err)
		}
		b.slope("attention", x, dy,
			func(o, x *tensor.Dense) error { return b.ref.Attention(o, x, 2, 12, 2) },
			func(d *tensor.Dense) error { return b.cpu.AttentionGrad(d, x, y, dy, 2, 12, 2) })
		if err := b.cpu.TreeAttention(y, x, tree, 2); err != nil {
			b.Fatal(err)
		}
		b.slope("tree attention", x, dy,
			func(o, x *tensor.Dense) error { return b.ref.TreeAttention(o, x, tree, 2) },
			func(d *tensor.Dense) error { return b.cpu.TreeAttentionGrad(d, x, y, dy, tree, 2) })

		w, g, be := b.tensor(n, 16), b.tensor(16), b.tensor(16)
		b.slope("layer norm", w, dy,
			func(o, x *tensor.Dense) error { return b.ref.LayerNorm(o, x, g, be, 1e-5) },
			func(d *tensor.Dense) error { return b.cpu.LayerNormGrad(d, nil, nil, w, g, dy, 1e-5) })
		b.slope("L2 normalisation", w, dy,
			func(o, x *tensor.Dense) error { return b.ref.L2Normalize(o, x) },
			func(d *tensor.Dense) error { return b.cpu.L2NormalizeGrad(d, w, dy) })
		b.slope("LogitNorm", w, dy,
			func(o, x *tensor.Dense) error { return b.ref.DivNorm(o, x, 0.5) },
			func(d *tensor.Dense) error { return b.cpu.DivNormGrad(d, w, dy, 0.5) })
		zs, clear := b.tensor(n, 2), b.tensor(n, 16)
		for i, d := 0, f32(clear); i < n; i++ { // a difference must not move the extremes elsewhere
			d[i*16], d[i*16+1] = -5, 5
		}
		b.slope("range map", clear, dy,
			func(o, x *tensor.Dense) error { return b.ref.RangeMap(o, x, zs) },
			func(d *tensor.Dense) error { return b.cpu.RangeMapGrad(d, clear, zs, dy) })
		for _, act := range []engine.Act{engine.QuickGELU, engine.GELU} {
			b.slope(fmt.Sprint("activation ", act), w, dy,
				func(o, x *tensor.Dense) error { return b.ref.Act(o, x, act) },
				func(d *tensor.Dense) error { return b.cpu.ActGrad(d, w, dy, act) })
		}
		labels, one := b.ints(make([]int32, n), n), b.tensor(1)
		f32(one)[0] = 1
		for _, form := range []engine.CrossEntropy{{}, {Smoothing: 0.1}, {Confidence: 0.5}, {FocalGamma: 2}} {
			loss := b.empty(1)
			b.slope(fmt.Sprintf("cross-entropy %+v", form), w, one,
				func(o, x *tensor.Dense) error { return b.ref.CrossEntropy(o, nil, x, labels, form) },
				func(d *tensor.Dense) error { return b.cpu.CrossEntropy(loss, d, w, labels, form) })
		}
	})
}
