package cuda

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Patchify cuts images into rows of patches.
func (e *Engine) Patchify(out, images *tensor.Dense, patch int) error {
	s := images.Shape()
	if len(s) != 4 || s[2] != s[3] || patch < 1 || s[2]%patch != 0 {
		return fmt.Errorf("images of shape %v cannot be cut into patches of %d x %d", s, patch, patch)
	}
	grid := s[2] / patch
	columns, err := patchColumns(out, s[0]*grid*grid, s[1]*patch*patch)
	if err := first(err, want(sized{"images", images, s.TotalSize()})); err != nil {
		return err
	}
	rows := s[0] * grid * grid
	return e.rowRuns(e.variant("patchify", images, out), rows, columns, out, images, int64(rows), int32(s[1]),
		int32(s[2]), int32(patch), int32(columns))
}

// Tokens puts the class embedding before the patches and adds positions.
func (e *Engine) Tokens(out, patches, cls, pos *tensor.Dense) error {
	t, w := dims(pos)
	n := size(out)
	if t == 0 || n%(t*w) != 0 {
		return fmt.Errorf("tokens %v are not whole sequences of %d", out.Shape(), t)
	}
	err := first(want(sized{"positions", pos, t * w}, sized{"class embedding", cls, w}),
		activations(sized{"patches", patches, n - n/t}, sized{"tokens", out, n}))
	if err != nil {
		return err
	}
	return e.rowRuns(e.variant("tokens", patches, out), n/w, w, out, patches, cls, pos, int64(n/w), int32(t), int32(w))
}

// TokensGrad differentiates Tokens; any of the results may be nil.
func (e *Engine) TokensGrad(dpatches, dcls, dpos, dy *tensor.Dense, batch int) error {
	rows, w := dims(dy)
	if batch < 1 || rows%batch != 0 {
		return fmt.Errorf("%d rows of tokens are not %d whole sequences", rows, batch)
	}
	t := rows / batch
	err := first(want(sized{"gradient", dy, rows * w}), wantIf("gradient of the patches", dpatches, (rows-batch)*w),
		wantIf("gradient of the class embedding", dcls, w), wantIf("gradient of the positions", dpos, t*w))
	if err != nil {
		return err
	}
	if dpatches != nil {
		n := int64(rows-batch) * int64(w)
		if err := e.each("tokens_grad_patches", n, dpatches, dy, n, int32(t), int32(w)); err != nil {
			return err
		}
	}
	sum := func(out *tensor.Dense, n int) error {
		if out == nil {
			return nil
		}
		return e.each("tokens_grad_sum", int64(n), out, dy, int64(n), int64(t*w), int32(batch))
	}
	return first(sum(dpos, t*w), sum(dcls, w))
}
