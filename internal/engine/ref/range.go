package ref

import "gorgonia.org/tensor"

// RowRange writes minimum and maximum of every row.
func (e *Engine) RowRange(out, x *tensor.Dense) error {
	if err := want(sized{"ranges", out, 2 * size(x) / width(x)}); err != nil {
		return err
	}
	b, k := dims(x)
	for i := 0; i < b; i++ {
		lo, hi := ends(f32(x)[i*k : i*k+k])
		f32(out)[2*i], f32(out)[2*i+1] = f32(x)[i*k+lo], f32(x)[i*k+hi]
	}
	return nil
}

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

// RangeMap maps every row to the range zs.
func (e *Engine) RangeMap(out, logits, zs *tensor.Dense) error {
	if err := first(alike(out, logits), want(sized{"ranges", zs, 2 * size(logits) / width(logits)})); err != nil {
		return err
	}
	b, k := dims(logits)
	for i := 0; i < b; i++ {
		row := f32(logits)[i*k : i*k+k]
		lo, hi := ends(row)
		zlo, zhi := float64(f32(zs)[2*i]), float64(f32(zs)[2*i+1])
		s := 1.0
		if r := float64(row[hi]) - float64(row[lo]); r > 0 {
			s = (zhi - zlo) / r
		}
		for j, v := range row {
			f32(out)[i*k+j] = float32(s*(float64(v)-float64(row[lo])) + zlo)
		}
	}
	return nil
}

// RangeMapGrad is the gradient of RangeMap.
func (e *Engine) RangeMapGrad(dlogits, logits, zs, dy *tensor.Dense) error {
	if err := first(alike(dlogits, logits, dy), want(sized{"ranges", zs,
		2 * size(logits) / width(logits)})); err != nil {
		return err
	}
	b, k := dims(logits)
	for i := 0; i < b; i++ {
		row, d := f32(logits)[i*k:i*k+k], f32(dy)[i*k:i*k+k]
		lo, hi := ends(row)
		r := float64(row[hi]) - float64(row[lo])
		s := 1.0
		if r > 0 {
			s = (float64(f32(zs)[2*i+1]) - float64(f32(zs)[2*i])) / r
		}
		var sum, dot float64
		for j := range row {
			f32(dlogits)[i*k+j] = float32(s * float64(d[j]))
			sum += float64(d[j])
			if r > 0 {
				dot += float64(d[j]) * (float64(row[j]) - float64(row[lo])) / r
			}
		}
		f32(dlogits)[i*k+lo] -= float32(s * (sum - dot))
		f32(dlogits)[i*k+hi] -= float32(s * dot)
	}
	return nil
}

// RangePenalty is the mean excess over the range zs, times lambda.
func (e *Engine) RangePenalty(loss, dlogits, logits, zs *tensor.Dense, lambda float32) error {
	if err := first(want(sized{"loss", loss, 1}, sized{"ranges", zs, 2 * size(logits) / width(logits)}),
		wantIf(sized{"gradient", dlogits, size(logits)})); err != nil {
		return err
	}
	b, k := dims(logits)
	var total float64
	n := float64(b * k)
	for i := 0; i < b*k; i++ {
		v := float64(f32(logits)[i])
		lo, hi := float64(f32(zs)[2*(i/k)]), float64(f32(zs)[2*(i/k)+1])
		g := 0.0
		if v > hi {
			total += v - hi
			g++
		}
		if v < lo {
			total += lo - v
			g--
		}
		if dlogits != nil {
			f32(dlogits)[i] = float32(float64(lambda) * g / n)
		}
	}
	f32(loss)[0] = float32(float64(lambda) * total / n)
	return nil
}
