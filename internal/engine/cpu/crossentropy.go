package cpu

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/scratch"
	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// CrossEntropy is the mean over the batch of
//
//	(1-s) * -(1-p_y)^gamma * log p_y + s * mean over k of -log p_k
//	    + confidence * mean over k of c_k log c_k
//	    + alpha * mean over k of ReLU(max_j l_j - l_k - margin)
//
// with p = softmax(l), c = p clamped to [1e-10, 1-1e-10], s the smoothing and
// gamma the focal exponent. Exponentials are float32; what is summed over a
// batch is float64.
func (e *Engine) CrossEntropy(loss, dlogits, logits, labels *tensor.Dense, form engine.CrossEntropy) error {
	b, k := dims(logits)
	if err := first(wantAll(sized{"loss", loss, 1}, sized{"logits", logits, b * k}),
		wantInts("labels", labels, b)); err != nil {
		return err
	}
	if dlogits != nil {
		if err := want("gradient", dlogits, b*k); err != nil {
			return err
		}
	}
	ys := i32(labels)
	for i, y := range ys {
		if y < 0 || int(y) >= k {
			return fmt.Errorf("label %d of sample %d is not one of %d classes", y, i, k)
		}
	}
	x, dx := f32(logits), f32(dlogits)
	losses := make([]float64, b)
	plain := form.Confidence == 0 && form.FocalGamma == 0 && form.MarginAlpha == 0
	e.rows(b, 4*k, func(lo, hi int) {
		buf := scratch.Get(2 * k)
		defer buf.Put()
		for i := lo; i < hi; i++ {
			row, d := x[i*k:i*k+k], buf.Data[:k]
			if dx != nil {
				d = dx[i*k : i*k+k]
			}
			if plain {
				losses[i] = smoothed(d, row, int(ys[i]), float64(form.Smoothing), b)
			} else {
				losses[i] = corrected(d, buf.Data[k:], row, int(ys[i]), form, b)
			}
		}
	})
	f32(loss)[0] = float32(total(losses) / float64(b))
	return nil
}

// smoothed returns the label-smoothed cross-entropy of a row and writes 1/b of
// its gradient, p - (1-s)*onehot(y) - s/K.
func smoothed(d, row []float32, y int, s float64, b int) float64 {
	n := float64(len(row))
	top := vec.Max(row)
	sum := vec.Exp(d, row, 1, top)
	logSum := math.Log(float64(sum)) + float64(top)
	l := (1 - s) * (logSum - float64(row[y]))
	if s != 0 {
		l += s * (logSum - float64(vec.Sum(row))/n)
	}
	a, c := 1/(float64(sum)*float64(b)), -s/(n*float64(b))
	vec.Combine(d, float32(a), d, 0, d, float32(c))
	d[y] -= float32((1 - s) / float64(b))
	return l
}

// corrected is the loss of a row with all corrections, and writes 1/b of its
// gradient; p is scratch of one row.
func corrected(d, p, row []float32, y int, form engine.CrossEntropy, b int) float64 {
	n := float64(len(row))
	top := vec.Max(row)
	sum := vec.Exp(p, row, 1, top)
	logSum := math.Log(float64(sum)) + float64(top)
	vec.Combine(p, 1/sum, p, 0, p, 0)

	// slope is the derivative of the focal term with respect to log p_y.
	s, gamma, logp := float64(form.Smoothing), float64(form.FocalGamma), float64(row[y])-logSum
	py := math.Exp(logp)
	q := max(1-py, 0)
	weight := math.Pow(q, gamma)
	slope := -weight
	if gamma > 0 && q > 0 {
		slope += gamma * math.Pow(q, gamma-1) * py * logp
	}
	l := -(1 - s) * weight * logp
	if s != 0 {
		l += s * (logSum - float64(vec.Sum(row))/n)
	}
	vec.Combine(d, float32(s-(1-s)*slope), p, 0, p, float32(-s/n))
	d[y] += float32((1 - s) * slope)

	if form.Confidence != 0 {
		l += negativeEntropy(d, p, row, logSum, float64(form.Confidence)/n)
	}
	if form.MarginAlpha != 0 {
		l += margins(d, row, float64(form.MarginAlpha)/n, float64(form.Margin))
	}
	vec.Combine(d, 1/float32(b), d, 0, d, 0)
	return l
}

// negativeEntropy returns c times the sum of p log p, p clamped, and adds its
// gradient to d.
func negativeEntropy(d, p, row []float32, logSum, c float64) float64 {
	const eps = 1e-10
	var l, dot float64
	// slope is the derivative of p log p at element j.
	slope := func(j int) float64 {
		if v := float64(p[j]); v < eps || v > 1-eps {
			return 0
		}
		return float64(row[j]) - logSum + 1
	}
	for j, v := range p {
		switch v := float64(v); {
		case v < eps:
			l += eps * math.Log(eps)
		case v > 1-eps:
			l += (1 - eps) * math.Log(1-eps)
		default:
			k := slope(j)
			l += v * (k - 1)
			dot += v * k
		}
	}
	for j, v := range p {
		d[j] += float32(c * float64(v) * (slope(j) - dot))
	}
	return c * l
}

// margins returns c times the sum of ReLU(max - l_j - margin) and adds its
// gradient to d; the first maximum takes the gradient.
func margins(d, row []float32, c, margin float64) float64 {
	_, top := ends(row)
	var l, count float64
	for j, v := range row {
		if x := float64(row[top]) - float64(v) - margin; x > 0 {
			l += x
			count++
			d[j] -= float32(c)
		}
	}
	d[top] += float32(c * count)
	return c * l
}
