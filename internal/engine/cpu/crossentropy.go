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
// gamma the focal exponent. The plain and the smoothed forms run over whole
// rows at a time; the others in float64.
func (e *Engine) CrossEntropy(loss, dlogits, logits, labels *tensor.Dense, form engine.CrossEntropy) error {
	b, k := dims(logits)
	if err := first(wantAll(sized{"loss", loss, 1}, sized{"logits", logits, b * k}), wantInts("labels", labels, b)); err != nil {
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
		buf := scratch.Get(k)
		defer buf.Put()
		var wide []float64
		if !plain {
			wide = make([]float64, 3*k)
		}
		for i := lo; i < hi; i++ {
			row, d := x[i*k:i*k+k], buf.Data
			if dx != nil {
				d = dx[i*k : i*k+k]
			}
			if plain {
				losses[i] = smoothed(d, row, int(ys[i]), float64(form.Smoothing), b)
			} else {
				losses[i] = corrected(d, row, int(ys[i]), form, b, wide)
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

// corrected is the loss of a row with all corrections; wide is scratch of 3
// rows.
func corrected(d, row []float32, y int, form engine.CrossEntropy, b int, wide []float64) float64 {
	n := len(row)
	p, logp, g := wide[:n], wide[n:2*n], wide[2*n:3*n]
	logSoftmax(p, logp, row)
	s, gamma, inv := float64(form.Smoothing), float64(form.FocalGamma), 1/float64(n)
	q := 1 - p[y]
	weight := math.Pow(q, gamma)
	l := -(1 - s) * weight * logp[y]
	// slope is the derivative of the focal term with respect to log p_y.
	slope := -weight
	if gamma > 0 && q > 0 {
		slope += gamma * math.Pow(q, gamma-1) * p[y] * logp[y]
	}
	for j := range g {
		g[j] = -(1-s)*slope*p[j] + s*(p[j]-inv)
		l -= s * logp[j] * inv
	}
	g[y] += (1 - s) * slope
	if form.Confidence != 0 {
		l += negativeEntropy(g, p, float64(form.Confidence)*inv)
	}
	if form.MarginAlpha != 0 {
		l += margins(g, row, float64(form.MarginAlpha)*inv, float64(form.Margin))
	}
	for j, v := range g {
		d[j] = float32(v / float64(b))
	}
	return l
}

func logSoftmax(p, logp []float64, row []float32) {
	top := math.Inf(-1)
	for _, v := range row {
		top = max(top, float64(v))
	}
	var sum float64
	for _, v := range row {
		sum += math.Exp(float64(v) - top)
	}
	logSum := math.Log(sum)
	for j, v := range row {
		logp[j] = float64(v) - top - logSum
		p[j] = math.Exp(logp[j])
	}
}

// negativeEntropy returns c times the sum of p log p, p clamped, and adds its
// gradient to g.
func negativeEntropy(g, p []float64, c float64) float64 {
	const eps = 1e-10
	var l, dot float64
	slope := func(v float64) float64 {
		if v < eps || v > 1-eps {
			return 0
		}
		return math.Log(v) + 1
	}
	for _, v := range p {
		cl := min(max(v, eps), 1-eps)
		l += cl * math.Log(cl)
		dot += slope(v) * v
	}
	for j, v := range p {
		g[j] += c * v * (slope(v) - dot)
	}
	return c * l
}

// margins returns c times the sum of ReLU(max - l_j - margin) and adds its
// gradient to g; the first maximum takes the gradient.
func margins(g []float64, row []float32, c, margin float64) float64 {
	_, top := ends(row)
	var l float64
	for j, v := range row {
		if x := float64(row[top]) - float64(v) - margin; x > 0 {
			l += c * x
			g[top] += c
			g[j] -= c
		}
	}
	return l
}
