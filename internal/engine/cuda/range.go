package cuda

import "gorgonia.org/tensor"

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
	if err := want(sized{"logits", logits, b * k}, sized{"result", out, b * k}, sized{"ranges", zs,
		2 * b}); err != nil {
		return err
	}
	return e.rows("range_map", b, out, logits, zs, int32(b), int32(k))
}

// RangeMapGrad differentiates RangeMap exactly.
func (e *Engine) RangeMapGrad(dlogits, logits, zs, dy *tensor.Dense) error {
	b, k := dims(logits)
	err := want(sized{"logits", logits, b * k}, sized{"result", dlogits, b * k}, sized{"gradient", dy, b * k},
		sized{"ranges", zs, 2 * b})
	if err != nil {
		return err
	}
	return e.rows("range_map_grad", b, dlogits, logits, zs, dy, int32(b), int32(k))
}

// RangePenalty punishes logits outside a range.
func (e *Engine) RangePenalty(loss, dlogits, logits, zs *tensor.Dense, lambda float32) error {
	b, k := dims(logits)
	err := first(want(sized{"loss", loss, 1}, sized{"logits", logits, b * k}, sized{"ranges", zs, 2 * b}),
		wantIf("gradient", dlogits, b*k))
	if err != nil {
		return err
	}
	n := int64(b) * int64(k)
	scale := float64(lambda) / float64(n)
	return e.summed(loss, n, scale, func(part Ptr) error {
		return e.each("range_penalty", n, part, dlogits, logits, zs, n, int32(k), float32(scale))
	})
}
