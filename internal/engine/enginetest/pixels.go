package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// words are random bytes, four a word.
func (b *bench) words(shape ...int) array {
	a := array{shape: shape, ints: make([]int32, shape[0]*shape[1])}
	for i := range a.ints {
		a.ints[i] = int32(b.r.Uint32())
	}
	return a
}

// pixels checks patches of images of bytes.
func (b *bench) pixels() { b.pixelsIn(false) }

// float16Pixels is pixels with patches in 16 bits; values are rounded once.
func (b *bench) float16Pixels() {
	b.expect(exact16)
	b.pixelsIn(true)
}

func (b *bench) pixelsIn(float16 bool) {
	for _, s := range [][4]int{{1, 1, 1, 0}, {1, 4, 2, 0}, {3, 12, 4, 0}, {2, 15, 5, 3}, {2, 15, 5, 5}, {1, 28, 14, 4},
		{2, 28, 14, 4}, {1, 32, 16, 0}, {3, 64, 16, 0}} {
		batch, side, patch, extra := s[0], s[1], s[2], s[3]
		grid := side / patch
		in := []array{b.words(batch, engine.PixelWords(side)), b.normal(3, 256)}
		b.sameStored(fmt.Sprint("Pixels ", s), in, func(e engine.Engine, i, o tensors) error {
			return e.Pixels(o[0], i[0], i[1], side, patch)
		}, float16, sh(batch*grid*grid, 3*patch*patch+extra))
	}
}
