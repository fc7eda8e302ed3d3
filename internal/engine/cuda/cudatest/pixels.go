package cudatest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// words are random bytes, four a word.
func (b *Bench) words(shape ...int) array {
	a := array{shape: shape, ints: make([]int32, shape[0]*shape[1])}
	for i := range a.ints {
		a.ints[i] = int32(b.r.Uint32())
	}
	return a
}

// Pixels checks patches of images of bytes.
func (b *Bench) Pixels() { b.pixels(false) }

// NarrowPixels is Pixels with patches in 16 bits; values are rounded once.
func (b *Bench) NarrowPixels() {
	b.Tol = b.Unit()
	b.pixels(true)
}

func (b *Bench) pixels(narrow bool) {
	for _, s := range [][4]int{{1, 1, 1, 0}, {1, 4, 2, 0}, {3, 12, 4, 0}, {2, 15, 5, 5}, {2, 28, 14, 4}, {1, 32, 16, 0}} {
		batch, side, patch, extra := s[0], s[1], s[2], s[3]
		grid := side / patch
		in := []array{b.words(batch, engine.PixelWords(side)), b.normal(3, 256)}
		b.sameStored(fmt.Sprint("Pixels ", s), in, func(e engine.Engine, i, o tensors) error {
			return e.Pixels(o[0], i[0], i[1], side, patch)
		}, narrow, sh(batch*grid*grid, 3*patch*patch+extra))
	}
}
