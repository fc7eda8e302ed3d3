package enginetest

import (
	"errors"
	"fmt"
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// slope compares the gradient that grad computes on the tested engine with the
// central difference of the reference's forward kernel along a random direction:
// sum(grad*v) = sum(dy * (f(x + hv) - f(x - hv))) / 2h. The first input is x, the
// second dy.
func (b *bench) slope(what string, in []array, forward, grad kernel) {
	b.Helper()
	const h = 1e-2
	x, dy := in[0], in[1]
	v := b.normal(x.shape...).floats
	var analytic, numeric, size float64
	for i, g := range b.run(b.e, what, in, grad, false, [][]int{x.shape})[0] {
		analytic += float64(g) * float64(v[i])
		size += float64(g) * float64(g)
	}
	for _, sign := range []float32{1, -1} {
		moved := floats(make([]float32, len(v)), x.shape...)
		for i := range v {
			moved.floats[i] = x.floats[i] + sign*h*v[i]
		}
		out := b.run(b.ref, what, append([]array{moved}, in[1:]...), forward, false, [][]int{dy.shape})[0]
		for i, o := range out {
			numeric += float64(sign) * float64(o) * float64(dy.floats[i]) / (2 * h)
		}
	}
	if diff := math.Abs(analytic - numeric); !(diff <= b.tol.of*(math.Sqrt(size)+1)) {
		b.Errorf("%s: derivative along a direction is %v, the difference quotient %v", what, analytic, numeric)
	}
}

// slopes checks every gradient by difference quotients, which needs no gradient
// of the reference.
func (b *bench) slopes() {
	b.expect(quotients)
	const n = 24
	type T = tensors
	trie := ints(randomTrie(b.r, n, 7), 3, n)
	x, dy := b.normal(n, 48), b.normal(n, 16)
	in := []array{x, dy, trie}
	// with runs the kernel, whose output the gradient takes, first.
	with := func(forward kernel, grad func(e engine.Engine, i, o T, y *tensor.Dense) error) kernel {
		return func(e engine.Engine, i, o T) error {
			y, err := e.New(tensor.Float32, n, 16)
			if err != nil {
				return err
			}
			defer e.Release(y)
			return errors.Join(forward(e, i, T{y}), grad(e, i, o, y))
		}
	}
	sequences := func(e engine.Engine, i, o T) error { return e.Attention(o[0], i[0], 2, 12, 2) }
	b.slope("attention", in, sequences, with(sequences, func(e engine.Engine, i, o T, y *tensor.Dense) error {
		return e.AttentionGrad(o[0], i[0], y, i[1], 2, 12, 2)
	}))
	tree := func(e engine.Engine, i, o T) error { return e.TreeAttention(o[0], i[0], i[2], 2) }
	b.slope("tree attention", in, tree, with(tree, func(e engine.Engine, i, o T, y *tensor.Dense) error {
		return e.TreeAttentionGrad(o[0], i[0], y, i[1], i[2], 2)
	}))

	in = []array{b.normal(n, 16), dy, b.normal(16), b.normal(16)}
	b.slope("layer norm", in,
		func(e engine.Engine, i, o T) error { return e.LayerNorm(o[0], i[0], i[2], i[3], 1e-5) },
		func(e engine.Engine, i, o T) error { return e.LayerNormGrad(o[0], nil, nil, i[0], i[2], i[1], 1e-5) })
	b.slope("L2 normalisation", in,
		func(e engine.Engine, i, o T) error { return e.L2Normalize(o[0], i[0]) },
		func(e engine.Engine, i, o T) error { return e.L2NormalizeGrad(o[0], i[0], i[1]) })
	b.slope("LogitNorm", in,
		func(e engine.Engine, i, o T) error { return e.DivNorm(o[0], i[0], 0.5) },
		func(e engine.Engine, i, o T) error { return e.DivNormGrad(o[0], i[0], i[1], 0.5) })
	for _, act := range []engine.Act{engine.QuickGELU, engine.GELU} {
		b.slope(fmt.Sprint("activation ", act), in,
			func(e engine.Engine, i, o T) error { return e.Act(o[0], i[0], act) },
			func(e engine.Engine, i, o T) error { return e.ActGrad(o[0], i[0], i[1], act) })
	}
	apart := b.normal(n, 16) // a difference must not move the extremes elsewhere
	for i := range n {
		apart.floats[i*16], apart.floats[i*16+1] = -5, 5
	}
	b.slope("range map", []array{apart, dy, b.normal(n, 2)},
		func(e engine.Engine, i, o T) error { return e.RangeMap(o[0], i[0], i[2]) },
		func(e engine.Engine, i, o T) error { return e.RangeMapGrad(o[0], i[0], i[2], i[1]) })

	in = []array{b.normal(n, 16), floats([]float32{1}, 1), ints(make([]int32, n), n), b.normal(1)}
	for _, form := range []engine.CrossEntropy{{}, {Smoothing: 0.1}, {Confidence: 0.5}, {FocalGamma: 2}} {
		b.slope(fmt.Sprintf("cross-entropy %+v", form), in,
			func(e engine.Engine, i, o T) error { return e.CrossEntropy(o[0], nil, i[0], i[2], form) },
			func(e engine.Engine, i, o T) error {
				loss, err := e.New(tensor.Float32, 1)
				if err != nil {
					return err
				}
				defer e.Release(loss)
				return e.CrossEntropy(loss, o[0], i[0], i[2], form)
			})
	}
	in = []array{b.normal(n, 16), floats([]float32{1}, 1), b.normal(n, 16), b.normal(n)}
	b.slope("square distance", in,
		func(e engine.Engine, i, o T) error { return e.SquareDistance(o[0], nil, i[0], i[2], i[3]) },
		func(e engine.Engine, i, o T) error {
			loss, err := e.New(tensor.Float32, 1)
			if err != nil {
				return err
			}
			defer e.Release(loss)
			return e.SquareDistance(loss, o[0], i[0], i[2], i[3])
		})
}
