package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// narrowGemm checks products that may round both factors, of all forms, on values
// that rounding leaves as they are; either factor may be stored in 16 bits.
func (b *bench) narrowGemm() {
	for _, s := range [][3]int{{1, 1, 1}, {5, 7, 3}, {33, 17, 65}, {64, 96, 48}, {130, 70, 129}, {3, 300, 90}} {
		for mask := range 64 {
			b.narrowProduct(s[0], s[1], s[2], mask)
		}
	}
}

// narrowProduct checks one form: the bits of mask are the transposes, the factors'
// storage, bias and residual, and the result's storage.
func (b *bench) narrowProduct(m, n, k, mask int) {
	b.Helper()
	form := engine.Gemm{TransA: mask&1 > 0, TransB: mask&2 > 0, Alpha: 0.5, Narrow: true}
	x, y := sh(m, k), sh(k, n)
	if form.TransA {
		x = sh(k, m)
	}
	if form.TransB {
		y = sh(n, k)
	}
	in := []array{b.in16(b.normal(x...)), b.in16(b.normal(y...)), b.normal(n), b.normal(m, n)}
	in[0].float16, in[1].float16 = mask&4 > 0, mask&8 > 0
	b.expect(products)
	if mask&32 > 0 {
		b.expect(product16)
	}
	b.sameStored(fmt.Sprintf("Gemm narrowed, %v, form %d", []int{m, n, k}, mask), in,
		func(e engine.Engine, i, o tensors) error {
			g := form
			g.A, g.B, g.Out = i[0], i[1], o[0]
			if mask&16 > 0 {
				g.Bias, g.Residual = i[2], i[3]
			}
			return e.Gemm(g)
		}, mask&32 > 0, sh(m, n))
}

// float16Gradients checks what backward passes read in 16 bits beside products.
func (b *bench) float16Gradients() {
	for _, s := range [][2]int{{1, 1}, {1, 8}, {3, 7}, {200, 64}, {600, 33}} {
		b.expect(norms)
		b.sameStored(fmt.Sprint("ColSum of 16 bits ", s), []array{b.in16(b.normal(s[0], s[1]))},
			func(e engine.Engine, i, o tensors) error { return e.ColSum(o[0], i[0]) }, false, sh(s[1]))
	}
	for _, n := range []int{1, 31, 5003} {
		for act := engine.Identity; act <= engine.ReLU; act++ {
			b.expect(elementwise)
			b.stored(fmt.Sprint("ActGrad of both ", act, n), []array{b.normal(n), b.normal(n)}, []int{0, 1},
				func(e engine.Engine, i, o tensors) error { return e.ActGrad(o[0], i[0], i[1], act) }, sh(n))
		}
	}
}

// float16AttentionGrad checks the gradient of attention over 16-bit activations on
// inputs of 16 bits: the softmax's numerators and the scores' gradients are rounded,
// and so are the result's gradient and the results.
func (b *bench) float16AttentionGrad() {
	shapes := [][4]int{{1, 1, 1, 8}, {2, 5, 3, 7}, {2, 17, 2, 64}, {3, 50, 2, 64}, {1, 130, 1, 32}, {2, 37, 1, 80},
		{1, 197, 1, 64}}
	for _, s := range shapes {
		batch, tokens, heads := s[0], s[1], s[2]
		rows, w := batch*tokens, heads*s[3]
		qkv, dout := b.in16(b.normal(rows, 3*w)), b.in16(b.normal(rows, w))
		forward := func(e engine.Engine, i, o tensors) error { return e.Attention(o[0], i[0], batch, tokens, heads) }
		wide := qkv
		wide.float16 = false
		attended := b.run(b.ref, "Attention", []array{wide}, forward, false, [][]int{sh(rows, w)})[0]
		out := b.in16(floats(attended, rows, w))
		for _, narrow := range []bool{true, false} { // of the gradients, in and out
			dout.float16 = narrow
			in := []array{qkv, out, dout}
			k := func(e engine.Engine, i, o tensors) error {
				return e.AttentionGrad(o[0], i[0], i[1], i[2], batch, tokens, heads)
			}
			what, shapes := fmt.Sprint("AttentionGrad of 16 bits ", s), [][]int{sh(rows, 3*w)}
			got, want := b.run(b.e, what, in, k, narrow, shapes)[0], b.run(b.ref, what, in, k, false, shapes)[0]
			b.expect(gradient16)
			for which, name := range []string{"queries", "keys", "values"} {
				b.close(what+", "+name, columns(got, 3*w, which*w, w), columns(want, 3*w, which*w, w))
			}
		}
	}
}
