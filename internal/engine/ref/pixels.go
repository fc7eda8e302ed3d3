package ref

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Pixels cuts images of bytes into rows of the values that table gives them.
func (e *Engine) Pixels(out, pixels, table *tensor.Dense, side, p int) error {
	b, words := dims(pixels)
	if err := first(wantInts("pixels", pixels, b*words), want(sized{"table", table, 3 * 256})); err != nil {
		return err
	}
	rows, w := dims(out)
	if p < 1 || side%p != 0 || words != engine.PixelWords(side) || rows != b*(side/p)*(side/p) || w < 3*p*p {
		return fmt.Errorf("pixels %v of %d x %d do not fit patches %v of %d x %d", pixels.Shape(), side, side,
			out.Shape(), p, p)
	}
	g := side / p
	clear(f32(out))
	for r := range rows {
		img, gy, gx := r/(g*g), r/g%g, r%g
		for k := range 3 * p * p {
			c, y, x := k/(p*p), k/p%p, k%p
			at := (c*side+gy*p+y)*side + gx*p + x
			v := uint32(i32(pixels)[img*words+at/4]) >> (8 * (at % 4)) & 255
			f32(out)[r*w+k] = f32(table)[256*c+int(v)]
		}
	}
	return nil
}
