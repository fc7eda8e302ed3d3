package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// convolution checks the kernels of the modified ResNet.
func (b *bench) convolution() {
	b.expect(products)
	shapes := [][6]int{{1, 1, 1, 1, 1, 3}, {2, 1, 2, 3, 5, 0}, {1, 2, 2, 8, 4, 3}, {3, 1, 7, 5, 6, 3},
		{2, 2, 7, 3, 9, 0}, {1, 1, 14, 16, 40, 3}, {1, 2, 9, 33, 17, 1}}
	if b.large {
		shapes = append(shapes, [6]int{2, 1, 28, 48, 64, 3}, [6]int{2, 2, 32, 3, 32, 3}, [6]int{1, 1, 13, 70, 33, 3})
	}
	for _, s := range shapes {
		b.conv(s, false)
	}
	b.expect(elementwise)
	for _, s := range [][3]int{{1, 2, 1}, {2, 4, 5}, {3, 14, 8}, {1, 6, 33}, {2, 8, 64}} {
		batch, side, c := s[0], s[1], s[2]
		b.same(fmt.Sprint("AvgPool ", s), []array{b.normal(batch*side*side, c)},
			func(e engine.Engine, i, o tensors) error { return e.AvgPool(o[0], i[0], side) }, sh(batch*side*side/4, c))
	}
	for _, s := range [][3]int{{1, 1, 1}, {2, 4, 7}, {3, 49, 64}, {1, 9, 40}} {
		batch, n, w := s[0], s[1], s[2]
		b.same(fmt.Sprint("PoolTokens ", s), []array{b.normal(batch*n, w), b.normal(n+1, w)},
			func(e engine.Engine, i, o tensors) error { return e.PoolTokens(o[0], i[0], i[1]) }, sh(batch*(n+1), w))
	}
	for _, s := range poolShapes {
		batch, tokens, heads, w := s[0], s[1], s[2], s[2]*s[3]
		b.same(fmt.Sprint("PoolAttention ", s), []array{b.normal(batch, w), b.normal(batch*tokens, 2*w)},
			func(e engine.Engine, i, o tensors) error { return e.PoolAttention(o[0], i[0], i[1], heads) }, sh(batch, w))
	}
}

// poolShapes are pictures, tokens, heads and the size of a head.
var poolShapes = [][4]int{{1, 1, 1, 1}, {2, 5, 2, 3}, {3, 50, 4, 64}, {1, 197, 2, 32}, {2, 10, 1, 65}}

// conv checks one convolution of pictures, stride, side, channels in and out,
// and activation.
func (b *bench) conv(s [6]int, float16 bool) {
	b.Helper()
	batch, stride, side, in, out := s[0], s[1], s[2], s[3], s[4]
	to := (side + stride - 1) / stride
	arrays := []array{b.normal(batch*side*side, in), b.normal(out, 9*in), b.normal(out)}
	k := func(e engine.Engine, i, o tensors) error {
		e.Freeze(i[1])
		e.Freeze(i[2])
		return e.Conv(engine.Conv{Out: o[0], X: i[0], W: i[1], Bias: i[2], Side: side, Stride: stride,
			Act: engine.Act(s[5])})
	}
	if !float16 {
		k = func(e engine.Engine, i, o tensors) error {
			return e.Conv(engine.Conv{Out: o[0], X: i[0], W: i[1], Bias: i[2], Side: side, Stride: stride,
				Act: engine.Act(s[5])})
		}
		b.same(fmt.Sprint("Conv ", s), arrays, k, sh(batch*to*to, out))
		return
	}
	for i := range arrays {
		arrays[i] = b.in16(arrays[i])
		arrays[i].float16 = false // weights are float32; these have 16-bit values
	}
	b.stored(fmt.Sprint("Conv ", s), arrays, []int{0}, k, sh(batch*to*to, out))
}

// float16Convolution is convolution with activations in 16 bits on either side.
func (b *bench) float16Convolution() {
	for _, s := range [][6]int{{2, 1, 5, 8, 16, 3}, {1, 2, 6, 8, 8, 3}, {1, 1, 4, 3, 5, 0}, {1, 2, 8, 16, 24, 3}} {
		b.expect(product16)
		b.conv(s, true)
	}
	b.expect(elementwise)
	for _, s := range [][3]int{{1, 2, 1}, {2, 4, 5}, {3, 6, 64}} {
		batch, side, c := s[0], s[1], s[2]
		b.stored(fmt.Sprint("AvgPool ", s), []array{b.normal(batch*side*side, c)}, []int{0},
			func(e engine.Engine, i, o tensors) error { return e.AvgPool(o[0], i[0], side) }, sh(batch*side*side/4, c))
	}
	for _, s := range [][3]int{{1, 1, 1}, {2, 4, 7}, {2, 9, 64}} {
		batch, n, w := s[0], s[1], s[2]
		b.stored(fmt.Sprint("PoolTokens ", s), []array{b.normal(batch*n, w), b.normal(n+1, w)}, []int{0},
			func(e engine.Engine, i, o tensors) error { return e.PoolTokens(o[0], i[0], i[1]) }, sh(batch*(n+1), w))
	}
	for _, s := range poolShapes {
		batch, tokens, heads, w := s[0], s[1], s[2], s[2]*s[3]
		b.stored(fmt.Sprint("PoolAttention ", s), []array{b.normal(batch, w), b.normal(batch*tokens, 2*w)}, []int{0, 1},
			func(e engine.Engine, i, o tensors) error { return e.PoolAttention(o[0], i[0], i[1], heads) }, sh(batch, w))
	}
}
