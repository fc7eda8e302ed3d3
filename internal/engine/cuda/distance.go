package cuda

import "gorgonia.org/tensor"

// SquareDistance is a weighted sum of squared distances of rows.
func (e *Engine) SquareDistance(loss, dw, w, t, alpha *tensor.Dense) error {
	m, k := dims(w)
	err := first(want(sized{"loss", loss, 1}, sized{"rows", w, m * k}, sized{"targets", t, m * k},
		sized{"weights", alpha, m}), wantIf("gradient", dw, m*k))
	if err != nil {
		return err
	}
	n := int64(m) * int64(k)
	return e.summed(loss, n, 1, func(part Ptr) error {
		return e.each("square_distance", n, part, dw, w, t, alpha, n, int32(k))
	})
}
