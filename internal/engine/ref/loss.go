package ref

import (
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

func softmax(row []float32) (p, logp []float64) {
	p, logp = make([]float64, len(row)), make([]float64, len(row))
	top := math.Inf(-1)
	for _, v := range row {
		top = math.Max(top, float64(v))
	}
	var sum float64
	for _, v := range row {
		sum += math.Exp(float64(v) - top)
	}
	for k, v := range row {
		logp[k] = float64(v) - top - math.Log(sum)
		p[k] = math.Exp(logp[k])
	}
	return p, logp
}

// CrossEntropy is the mean over the batch of the chosen form.
func (e *Engine) CrossEntropy(loss, dlogits, logits, labels *tensor.Dense, form engine.CrossEntropy) error {
	b, k := dims(logits)
	var total float64
	for i := 0; i < b; i++ {
		row := f32(logits)[i*k : i*k+k]
		l, d := crossEntropyRow(row, int(i32(labels)[i]), form)
		total += l
		if dlogits != nil {
			for j, v := range d {
				f32(dlogits)[i*k+j] = float32(v / float64(b))
			}
		}
	}
	f32(loss)[0] = float32(total / float64(b))
	return nil
}

// crossEntropyRow returns one sample's loss and its gradient.
func crossEntropyRow(row []float32, y int, form engine.CrossEntropy) (float64, []float64) {
	p, logp := softmax(row)
	n := float64(len(row))
	d := make([]float64, len(row))
	var l float64
	s, gamma := float64(form.Smoothing), float64(form.FocalGamma)
	// -(1-p)^g log p, and its derivative with respect to log p.
	q := 1 - p[y]
	l = -math.Pow(q, gamma) * logp[y]
	dl := -math.Pow(q, gamma)
	if gamma > 0 && q > 0 {
		dl += gamma * math.Pow(q, gamma-1) * p[y] * logp[y]
	}
	l *= 1 - s
	for j := range d {
		d[j] = -(1 - s) * dl * p[j]
		if j == y {
			d[j] += (1 - s) * dl
		}
		l -= s * logp[j] / n
		d[j] += s * (p[j] - 1/n)
	}
	if c := float64(form.Confidence); c != 0 {
		var h, dot float64
		dp := make([]float64, len(p))
		for j, v := range p {
			cl := math.Min(math.Max(v, 1e-10), 1-1e-10)
			h -= cl * math.Log(cl)
			if cl == v {
				dp[j] = -(math.Log(v) + 1)
			}
			dot += dp[j] * v
		}
		l -= c * h / n
		for j := range d {
			d[j] -= c / n * p[j] * (dp[j] - dot)
		}
	}
	if a := float64(form.MarginAlpha); a != 0 {
		top := 0
		for j, v := range row {
			if v > row[top] {
				top = j
			}
		}
		for j, v := range row {
			if x := float64(row[top]) - float64(v) - float64(form.Margin); x > 0 {
				l += a * x / n
				d[top] += a / n
				d[j] -= a / n
			}
		}
	}
	return l, d
}

// RowRange writes minimum and maximum of every row.
func (e *Engine) RowRange(out, x *tensor.Dense) error {
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

// SquareDistance is the weighted squared distance of rows.
func (e *Engine) SquareDistance(loss, dw, w, t, alpha *tensor.Dense) error {
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
