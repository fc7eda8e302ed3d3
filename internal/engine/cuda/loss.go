package cuda

import (
	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// CrossEntropy is the mean cross-entropy with its corrections.
func (e *Engine) CrossEntropy(loss, dlogits, logits, labels *tensor.Dense, form engine.CrossEntropy) error {
	b, k := dims(logits)
	err := first(want(sized{"loss", loss, 1}, sized{"logits", logits, b * k}), wantInts(sized{"labels", labels, b}),
		wantIf("gradient", dlogits, b*k))
	if err != nil {
		return err
	}
	losses, release, err := e.scratch(8 * int64(b))
	if err != nil {
		return err
	}
	defer release()
	return first(
		e.rows("crossentropy", b, losses, dlogits, logits, labels, int32(b), int32(k),
			form.Smoothing, form.Confidence, form.FocalGamma, form.MarginAlpha, form.Margin, e.fault),
		e.total(loss, losses, b, 1/float64(b)))
}

// RowRange finds the ends of rows.
func (e *Engine) RowRange(out, x *tensor.Dense) error {
	b, k := dims(x)
	if err := want(sized{"rows", x, b * k}, sized{"result", out, 2 * b}); err != nil {
		return err
	}
	return e.rows("row_range", b, out, x, int32(b), int32(k))
}

// RangeMap maps rows to a given range.
func (e *Engine) RangeMap(out, logits, zs *tensor.Dense) error {
	b, k := dims(logits)
	if err := want(sized{"logits", logits, b * k}, sized{"result", out, b * k}, sized{"ranges", zs, 2 * b}); err != nil {
		return err
	}
	return e.rows("range_map", b, out, logits, zs, int32(b), int32(k))
}

// RangeMapGrad differentiates RangeMap exactly.
func (e *Engine) RangeMapGrad(dlogits, logits, zs, dy *tensor.Dense) error {
	b, k := dims(logits)
	err := want(sized{"logits", logits, b * k}, sized{"result", dlogits, b * k}, sized{"gradient", dy, b * k}, sized{"ranges", zs, 2 * b})
	if err != nil {
		return err
	}
	return e.rows("range_map_grad", b, dlogits, logits, zs, dy, int32(b), int32(k))
}

// RangePenalty punishes logits outside a range.
func (e *Engine) RangePenalty(loss, dlogits, logits, zs *tensor.Dense, lambda float32) error {
	b, k := dims(logits)
	err := first(want(sized{"loss", loss, 1}, sized{"logits", logits, b * k}, sized{"ranges", zs, 2 * b}), wantIf("gradient", dlogits, b*k))
	if err != nil {
		return err
	}
	n := int64(b) * int64(k)
	scale := float64(lambda) / float64(n)
	return e.summed(loss, n, scale, func(part Ptr) error {
		return e.each("range_penalty", n, part, dlogits, logits, zs, n, int32(k), float32(scale))
	})
}

// SquareDistance is a weighted sum of squared distances of rows.
func (e *Engine) SquareDistance(loss, dw, w, t, alpha *tensor.Dense) error {
	m, k := dims(w)
	err := first(want(sized{"loss", loss, 1}, sized{"rows", w, m * k}, sized{"targets", t, m * k}, sized{"weights", alpha, m}), wantIf("gradient", dw, m*k))
	if err != nil {
		return err
	}
	n := int64(m) * int64(k)
	return e.summed(loss, n, 1, func(part Ptr) error {
		return e.each("square_distance", n, part, dw, w, t, alpha, n, int32(k))
	})
}
