package cpu

import (
	"fmt"
	"testing"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

func TestRowsAgreeWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		for _, s := range [][3]int{{1, 1, 1}, {5, 9, 3}, {40, 300, 65}} {
			rows, n, w := s[0], s[1], s[2]
			ix := make([]int32, n)
			for i := range ix {
				ix[i] = int32(b.r.IntN(rows+1)) - 1
			}
			idx, table, x := b.ints(ix, n), b.tensor(rows, w), b.tensor(n, w)
			b.same("Gather", func(e engine.Engine, o []*tensor.Dense) error { return e.Gather(o[0], table, idx) }, sh(n, w))
			b.same("ScatterAdd", func(e engine.Engine, o []*tensor.Dense) error { return e.ScatterAdd(o[0], x, idx) }, sh(rows, w))
			b.same("AddRows", func(e engine.Engine, o []*tensor.Dense) error { return e.AddRows(o[0], x, table, idx) }, sh(n, w))
			b.same("Concat", func(e engine.Engine, o []*tensor.Dense) error { return e.Concat(o[0], table, x) }, sh(rows+n, w))
			b.same("Slice", func(e engine.Engine, o []*tensor.Dense) error { return e.Slice(o[0], x, n/3) }, sh(n-n/3, w))
			b.same("PadRows", func(e engine.Engine, o []*tensor.Dense) error { return e.PadRows(o[0], table, 2) }, sh(rows+5, w))
			b.same("Transpose", func(e engine.Engine, o []*tensor.Dense) error { return e.Transpose(o[0], x) }, sh(w, n))
		}
	})
}

func TestImageKernelsAgreeWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		for _, s := range [][3]int{{1, 2, 2}, {2, 12, 3}, {3, 32, 8}} {
			batch, size, patch := s[0], s[1], s[2]
			n, w := (size/patch)*(size/patch), 3*patch*patch
			images := b.tensor(batch, 3, size, size)
			b.same("Patchify", func(e engine.Engine, o []*tensor.Dense) error { return e.Patchify(o[0], images, patch) }, sh(batch*n, w))
			b.same("Patchify in wide rows", func(e engine.Engine, o []*tensor.Dense) error { return e.Patchify(o[0], images, patch) }, sh(batch*n, w+4))
			patches, cls, pos, dy := b.tensor(batch*n, w), b.tensor(w), b.tensor(n+1, w), b.tensor(batch*(n+1), w)
			b.same("Tokens", func(e engine.Engine, o []*tensor.Dense) error { return e.Tokens(o[0], patches, cls, pos) }, sh(batch*(n+1), w))
			b.same("TokensGrad", func(e engine.Engine, o []*tensor.Dense) error {
				return e.TokensGrad(o[0], o[1], o[2], dy, batch)
			}, sh(batch*n, w), sh(w), sh(n+1, w))
		}
	})
}

func TestLossesAgreeWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		forms := []engine.CrossEntropy{{}, {Smoothing: 0.1}, {Confidence: 0.2}, {FocalGamma: 3}, {FocalGamma: 2, Smoothing: 0.05}, {MarginAlpha: 0.1, Margin: 1}}
		for _, s := range [][2]int{{1, 1}, {1, 2}, {9, 5}, {33, 100}, {300, 17}} {
			n, k := s[0], s[1]
			ys := make([]int32, n)
			for i := range ys {
				ys[i] = int32(b.r.IntN(k))
			}
			x, labels, dy := b.tensor(n, k), b.ints(ys, n), b.tensor(n, k)
			for _, f := range forms {
				b.same(fmt.Sprintf("CrossEntropy %+v", f), func(e engine.Engine, o []*tensor.Dense) error {
					return e.CrossEntropy(o[0], o[1], x, labels, f)
				}, sh(1), sh(n, k))
				b.same("CrossEntropy without gradient", func(e engine.Engine, o []*tensor.Dense) error {
					return e.CrossEntropy(o[0], nil, x, labels, f)
				}, sh(1))
			}
			zs := b.empty(n, 2)
			b.same("RowRange", func(e engine.Engine, o []*tensor.Dense) error { return e.RowRange(o[0], dy) }, sh(n, 2))
			if err := b.cpu.RowRange(zs, dy); err != nil {
				b.Fatal(err)
			}
			b.same("RangeMap", func(e engine.Engine, o []*tensor.Dense) error { return e.RangeMap(o[0], x, zs) }, sh(n, k))
			b.same("RangeMapGrad", func(e engine.Engine, o []*tensor.Dense) error { return e.RangeMapGrad(o[0], x, zs, dy) }, sh(n, k))
			b.same("RangePenalty", func(e engine.Engine, o []*tensor.Dense) error {
				return e.RangePenalty(o[0], o[1], x, zs, 10)
			}, sh(1), sh(n, k))
			alpha := b.tensor(n)
			b.same("SquareDistance", func(e engine.Engine, o []*tensor.Dense) error {
				return e.SquareDistance(o[0], o[1], x, dy, alpha)
			}, sh(1), sh(n, k))
		}
	})
}

func TestOptimizersAgreeWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		n := 1003
		p, g := b.tensor(n), b.tensor(n)
		b.same("SGD", func(e engine.Engine, o []*tensor.Dense) error {
			copy(f32(o[0]), f32(p))
			clear(f32(o[1]))
			for range 3 {
				if err := e.SGD(o[0], o[1], g, 0.1, 0.9, 0.01); err != nil {
					return err
				}
			}
			return nil
		}, sh(n), sh(n))
		b.same("AdamW", func(e engine.Engine, o []*tensor.Dense) error {
			copy(f32(o[0]), f32(p))
			clear(f32(o[1]))
			clear(f32(o[2]))
			for step := 1; step < 4; step++ {
				if err := e.AdamW(o[0], o[1], o[2], g, engine.AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1}, step); err != nil {
					return err
				}
			}
			return nil
		}, sh(n), sh(n), sh(n))
	})
}

func TestPixelsAgreeWithReference(t *testing.T) {
	eachEngine(t, func(b *bench) {
		for _, s := range [][4]int{{1, 1, 1, 0}, {2, 15, 5, 3}, {1, 28, 14, 4}, {3, 64, 16, 0}} {
			batch, side, patch, extra := s[0], s[1], s[2], s[3]
			n, words := (side/patch)*(side/patch), engine.PixelWords(side)
			v := make([]int32, batch*words)
			for i := range v {
				v[i] = int32(b.r.Uint32())
			}
			pixels, table := b.ints(v, batch, words), b.tensor(3, 256)
			b.same(fmt.Sprint("Pixels ", s), func(e engine.Engine, o []*tensor.Dense) error {
				return e.Pixels(o[0], pixels, table, side, patch)
			}, sh(batch*n, 3*patch*patch+extra))
		}
	})
}

func TestBytesFillWords(t *testing.T) {
	eachEngine(t, func(b *bench) {
		words := b.ints(make([]int32, 2), 2)
		if err := b.cpu.Upload(words, []byte{1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff}); err != nil {
			b.Fatal(err)
		}
		if got := i32(words); got[0] != 0x04030201 || got[1] != -1 {
			b.Errorf("%x", got)
		}
		for _, wrong := range []any{make([]byte, 7), make([]byte, 12)} {
			if b.cpu.Upload(words, wrong) == nil {
				b.Errorf("%v accepted", wrong)
			}
		}
		if b.cpu.Upload(b.tensor(2), make([]byte, 8)) == nil {
			b.Error("bytes fill a tensor of floats")
		}
	})
}
