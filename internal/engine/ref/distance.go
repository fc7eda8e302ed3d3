package ref

import "gorgonia.org/tensor"

// SquareDistance is the weighted squared distance of rows.
func (e *Engine) SquareDistance(loss, dw, w, t, alpha *tensor.Dense) error {
	if err := first(alike(w, t), want(sized{"loss", loss, 1}, sized{"weights", alpha, size(w) / width(w)}),
		wantIf(sized{"gradient", dw, size(w)})); err != nil {
		return err
	}
	_, d := dims(w)
	var total float64
	for i, v := range f32(w) {
		a := float64(f32(alpha)[i/d])
		diff := float64(v) - float64(f32(t)[i])
		total += a * diff * diff
		if dw != nil {
			f32(dw)[i] = float32(2 * a * diff)
		}
	}
	f32(loss)[0] = float32(total)
	return nil
}
