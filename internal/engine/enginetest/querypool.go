package enginetest

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

func poolsByQuery(e engine.Engine) bool {
	_, ok := e.(engine.QueryPooler)
	return ok
}

// queryPool compares the pooling by one query with the attention over keys and
// values of all tokens, in float32 and from and to 16 bits.
func (b *bench) queryPool() {
	for _, s := range poolShapes {
		batch, tokens, heads, w := s[0], s[1], s[2], s[2]*s[3]
		in := []array{b.normal(batch, w), b.normal(batch*tokens, w), b.normal(2*w, w), b.normal(2 * w)}
		for j := range in[2].floats {
			in[2].floats[j] /= float32(math.Sqrt(float64(w))) // so that scores are of the order of 1
		}
		k := func(e engine.Engine, i, o tensors) error {
			if p, ok := e.(engine.QueryPooler); ok {
				return p.QueryPool(o[0], i[0], i[1], i[2], i[3], heads)
			}
			kv, err := e.New(tensor.Float32, batch*tokens, 2*w)
			if err != nil {
				return err
			}
			defer e.Release(kv)
			err = e.Gemm(engine.Gemm{Out: kv, A: i[1], B: i[2], TransB: true, Alpha: 1, Bias: i[3]})
			if err != nil {
				return err
			}
			return e.PoolAttention(o[0], i[0], kv, heads)
		}
		b.expect(products)
		b.same(fmt.Sprint("QueryPool ", s), in, k, sh(batch, w))
		if engine.StoresFloat16(b.e) {
			b.stored(fmt.Sprint("QueryPool ", s), in, []int{0, 1}, k, sh(batch, w))
		}
	}
	e := b.e.(engine.QueryPooler)
	of := func(shape ...int) *tensor.Dense { return b.on(b.e, b.normal(shape...)) }
	for name, f := range map[string]func() error{
		"heads":    func() error { return e.QueryPool(of(2, 4), of(2, 4), of(6, 4), of(8, 4), of(8), 3) },
		"sequence": func() error { return e.QueryPool(of(2, 4), of(2, 4), of(5, 4), of(8, 4), of(8), 2) },
		"weight":   func() error { return e.QueryPool(of(2, 4), of(2, 4), of(6, 4), of(4, 4), of(8), 2) },
		"bias":     func() error { return e.QueryPool(of(2, 4), of(2, 4), of(6, 4), of(8, 4), of(4), 2) },
		"result":   func() error { return e.QueryPool(of(1, 4), of(2, 4), of(6, 4), of(8, 4), of(8), 2) },
		"nothing":  func() error { return e.QueryPool(nil, nil, nil, nil, nil, 1) },
	} {
		if f() == nil {
			b.Errorf("query pool: no error for a %s that does not fit", name)
		}
	}
}
