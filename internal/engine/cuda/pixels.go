package cuda

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Pixels cuts images of bytes into rows of the values that table gives them.
func (e *Engine) Pixels(out, pixels, table *tensor.Dense, side, patch int) error {
	b, words := dims(pixels)
	if patch < 1 || side < 1 || side%patch != 0 || words != engine.PixelWords(side) {
		return fmt.Errorf("pixels of shape %v are not images of %d x %d in patches of %d", pixels.Shape(), side, side,
			patch)
	}
	grid := side / patch
	columns, err := patchColumns(out, b*grid*grid, 3*patch*patch)
	if err := first(err, wantInts(sized{"pixels", pixels, b * words}),
		want(sized{"table", table, 3 * 256})); err != nil {
		return err
	}
	rows := b * grid * grid
	return e.rowRuns(e.variant("pixels", table, out), rows, columns,
		out, pixels, table, int64(rows), int64(4*words), int32(side), int32(patch), int32(columns))
}

// patchColumns returns the columns of out, which must hold rows rows of least
// values or more.
func patchColumns(out *tensor.Dense, rows, least int) (int, error) {
	m, n := dims(out)
	if m != rows || n < least {
		return 0, fmt.Errorf("patches %v do not hold %d rows of %d values", out.Shape(), rows, least)
	}
	return n, activations(sized{"patches", out, m * n})
}

// Padded fills rows up to whole 16 bytes where products are in 16 bits: the
// tensor cores take no others. In float32 rows stay as they are, and so do
// results.
func (e *Engine) Padded(columns int) int {
	if e.precision == BF16 || e.precision == FP16 {
		return (columns + 7) / 8 * 8
	}
	return columns
}
