package cpu

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Pixels is Patchify of images that are bytes, looked up in a table:
//
//	for b, gy, gx, c, y, x:
//	    out[(b*G + gy)*G + gx, (c*P + y)*P + x] = table[c, byte (c*S + gy*P + y)*S + gx*P + x of pixels[b]]
//
// Columns of out behind the last are zeros.
func (e *Engine) Pixels(out, pixels, table *tensor.Dense, side, patch int) error {
	if isFloat16(out) {
		return e.inFloat32(out, []*tensor.Dense{}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.Pixels(out, pixels, table, side, patch)
		})
	}
	b, words := dims(pixels)
	if patch < 1 || side < 1 || side%patch != 0 || words != engine.PixelWords(side) {
		return fmt.Errorf("pixels of shape %v are not images of %d x %d in patches of %d", pixels.Shape(), side, side,
			patch)
	}
	grid := side / patch
	width, err := patchWidth(out, b*grid*grid, 3*patch*patch)
	err = first(err, wantInts("pixels", pixels, b*words), want("table", table, 3*256))
	if err != nil {
		return err
	}
	src, dst, values := i32(pixels), f32(out), f32(table)
	e.rows(b*grid, 3*side*patch, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			img, gy := src[r/grid*words:][:words], r%grid
			for gx := range grid {
				row := dst[(r*grid+gx)*width:][:width]
				at := 0
				for c := range 3 {
					channel := values[256*c:][:256]
					for y := range patch {
						from := (c*side+gy*patch+y)*side + gx*patch
						for k := from; k < from+patch; k++ {
							row[at] = channel[uint8(img[k>>2]>>(8*(k&3)))]
							at++
						}
					}
				}
				clear(row[at:])
			}
		}
	})
	return nil
}
