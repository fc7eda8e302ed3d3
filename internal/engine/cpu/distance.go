package cpu

import "gorgonia.org/tensor"

// SquareDistance is a weighted sum of squared distances of rows; dw may be nil:
//
//	loss = sum over k of alpha[k] * |w[k] - t[k]|^2
//	for k: dw[k] = 2 * alpha[k] * (w[k] - t[k])
func (e *Engine) SquareDistance(loss, dw, w, t, alpha *tensor.Dense) error {
	m, n := dims(w)
	if err := wantAll(sized{"loss", loss, 1}, sized{"rows", w, m * n}, sized{"targets", t, m * n},
		sized{"weights", alpha, m}); err != nil {
		return err
	}
	if dw != nil {
		if err := want("gradient", dw, m*n); err != nil {
			return err
		}
	}
	x, y, a, d := f32(w), f32(t), f32(alpha), f32(dw)
	losses := make([]float64, m)
	e.rows(m, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			var q float64
			for j := i * n; j < i*n+n; j++ {
				diff := x[j] - y[j]
				q += float64(diff) * float64(diff)
				if d != nil {
					d[j] = 2 * a[i] * diff
				}
			}
			losses[i] = float64(a[i]) * q
		}
	})
	f32(loss)[0] = float32(total(losses))
	return nil
}
