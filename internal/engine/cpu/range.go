package cpu

import "gorgonia.org/tensor"

// ends returns the first indices of the minimum and the maximum.
func ends(row []float32) (lo, hi int) {
	for j, v := range row {
		if v < row[lo] {
			lo = j
		}
		if v > row[hi] {
			hi = j
		}
	}
	return lo, hi
}

// RowRange finds the ends of rows:
//
//	for i: out[i] = min over k of x[i, k], max over k of x[i, k]
func (e *Engine) RowRange(out, x *tensor.Dense) error {
	b, k := dims(x)
	if err := wantAll(sized{"rows", x, b * k}, sized{"result", out, 2 * b}); err != nil {
		return err
	}
	src, dst := f32(x), f32(out)
	e.rows(b, k, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := src[i*k : i*k+k]
			l, h := ends(row)
			dst[2*i], dst[2*i+1] = row[l], row[h]
		}
	})
	return nil
}

// RangeMap maps rows to a given range (ZS-Norm); a row of equal values is only
// shifted to its minimum:
//
//	for i:
//	    s = (zs[i].max - zs[i].min) / (max l[i] - min l[i])
//	    for k: out[i, k] = s * (l[i, k] - min l[i]) + zs[i].min
func (e *Engine) RangeMap(out, logits, zs *tensor.Dense) error {
	b, k := dims(logits)
	if err := wantAll(sized{"logits", logits, b * k}, sized{"result", out, b * k},
		sized{"ranges", zs, 2 * b}); err != nil {
		return err
	}
	src, dst, z := f32(logits), f32(out), f32(zs)
	e.rows(b, k, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row, to := src[i*k:i*k+k], z[2*i:2*i+2]
			l, h := ends(row)
			s := slope(row, l, h, to)
			out, least := dst[i*k:i*k+k], row[l]
			for j, v := range row {
				out[j] = s*(v-least) + to[0]
			}
		}
	})
	return nil
}

// slope is that of RangeMap for a row with its minimum at l and maximum at h.
func slope(row []float32, l, h int, to []float32) float32 {
	if r := row[h] - row[l]; r > 0 {
		return (to[1] - to[0]) / r
	}
	return 1
}

// RangeMapGrad differentiates RangeMap exactly, minimum and maximum included;
// the first index takes the gradient in case of ties. With r the range of
// l[i], S the sum of dy[i] and D = sum over k of dy[i, k]*(l[i, k] - min)/r:
//
//	for i, k: dl[i, k] = s * dy[i, k]
//	for i: dl[i, argmin] -= s*(S - D); dl[i, argmax] -= s*D
func (e *Engine) RangeMapGrad(dlogits, logits, zs, dy *tensor.Dense) error {
	b, k := dims(logits)
	err := wantAll(sized{"logits", logits, b * k}, sized{"result", dlogits, b * k}, sized{"gradient", dy, b * k},
		sized{"ranges", zs, 2 * b})
	if err != nil {
		return err
	}
	src, dst, grad, z := f32(logits), f32(dlogits), f32(dy), f32(zs)
	e.rows(b, k, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row, d, out := src[i*k:i*k+k], grad[i*k:i*k+k], dst[i*k:i*k+k]
			l, h := ends(row)
			s := slope(row, l, h, z[2*i:2*i+2])
			inv := 0.0
			if r := float64(row[h]) - float64(row[l]); r > 0 {
				inv = 1 / r
			}
			var sum, dot float64
			for j, v := range d {
				out[j] = s * v
				sum += float64(v)
				dot += float64(v) * (float64(row[j]) - float64(row[l])) * inv
			}
			out[l] -= s * float32(sum-dot)
			out[h] -= s * float32(dot)
		}
	})
	return nil
}

// RangePenalty punishes logits outside a range (Penalty), with derivative 0 on
// its ends:
//
//	loss = lambda * mean over i, k of ReLU(l[i, k] - zs[i].max) + ReLU(zs[i].min - l[i, k])
func (e *Engine) RangePenalty(loss, dlogits, logits, zs *tensor.Dense, lambda float32) error {
	b, k := dims(logits)
	if err := wantAll(sized{"loss", loss, 1}, sized{"logits", logits, b * k}, sized{"ranges", zs, 2 * b}); err != nil {
		return err
	}
	if dlogits != nil {
		if err := want("gradient", dlogits, b*k); err != nil {
			return err
		}
	}
	x, d, z := f32(logits), f32(dlogits), f32(zs)
	step := float32(float64(lambda) / float64(b*k))
	losses := make([]float64, b)
	e.rows(b, k, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for j, v := range x[i*k : i*k+k] {
				g := float32(0)
				switch {
				case v > z[2*i+1]:
					losses[i] += float64(v) - float64(z[2*i+1])
					g = step
				case v < z[2*i]:
					losses[i] += float64(z[2*i]) - float64(v)
					g = -step
				}
				if d != nil {
					d[i*k+j] = g
				}
			}
		}
	})
	f32(loss)[0] = float32(float64(lambda) * total(losses) / float64(b*k))
	return nil
}
