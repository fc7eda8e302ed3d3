package enginetest

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"
)

// tf32AttentionGrad checks the gradient of attention in an engine of precision
// TF32: on inputs that are exact in it, where probabilities and their gradients
// are rounded alone, and on others. Queries, keys and values are compared apart:
// their gradients differ in size. An engine in bf16 or fp16 has the same kernels
// for what it keeps in float32, which attention and slopes see.
func (b *bench) tf32AttentionGrad() {
	for kind, tokens := range map[string][]int{"normal": {1, 16, 17, 31, 33, 65, 145}, "any": {33}, "pointed": {64},
		"large": {50}, "flat": {5, 32, 50}} {
		if b.large {
			tokens = append(tokens, 197, 257, 577)
		}
		for _, n := range tokens {
			heads, batch := 1, 1
			if n < 40 {
				heads, batch = 2, 2
			}
			b.expect(gradient32)
			p, dout := b.projection(batch, n, heads), b.normal(batch*n, heads*tensorHead)
			switch kind {
			case "any":
				b.expect(gradient32Any)
			case "pointed":
				p.point(1)
			case "large":
				p.point(200)
			case "flat":
				p.flatten()
			}
			if kind != "any" {
				exactTF32(p.floats)
				exactTF32(dout.floats)
			}
			b.gradientParts(kind, p, []array{p.array, dout})
		}
	}
}

// exactTF32 cuts off what TF32 does not hold.
func exactTF32(vs []float32) {
	for i, v := range vs {
		vs[i] = math.Float32frombits(math.Float32bits(v) &^ 0x1fff)
	}
}

// gradientParts compares the gradients of queries, keys and values, each scaled by
// its largest value unless they cancel out: where all attention goes to equal keys,
// those of queries and keys are but rounding.
func (b *bench) gradientParts(kind string, p projection, in []array) {
	b.Helper()
	what := fmt.Sprintf("%s gradient of attention %d x %d, %d heads", kind, p.batch, p.tokens, p.heads)
	n, w := p.batch*p.tokens, p.heads*tensorHead
	gradient := func(e engine.Engine, i, o tensors) error {
		if err := e.Attention(o[0], i[0], p.batch, p.tokens, p.heads); err != nil {
			return err
		}
		return e.AttentionGrad(o[1], i[0], o[0], i[1], p.batch, p.tokens, p.heads)
	}
	shapes := [][]int{sh(n, w), sh(n, 3*w)}
	got, want := b.run(b.e, what, in, gradient, false, shapes)[1], b.run(b.ref, what, in, gradient, false, shapes)[1]
	for which, name := range []string{"queries", "keys", "values"} {
		x, y := columns(got, 3*w, which*w, w), columns(want, 3*w, which*w, w)
		largest := float32(0)
		for _, v := range y {
			largest = max(largest, float32(math.Abs(float64(v))))
		}
		if largest > 0 && kind != "pointed" && kind != "large" {
			for i := range x {
				x[i] /= largest
				y[i] /= largest
			}
		}
		b.close(what+", "+name, x, y)
	}
}

// columns returns w columns from column first of rows of width values.
func columns(vs []float32, width, first, w int) (out []float32) {
	for at := first; at < len(vs); at += width {
		out = append(out, vs[at:at+w]...)
	}
	return out
}
