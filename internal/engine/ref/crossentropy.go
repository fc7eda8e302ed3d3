package ref

import (
	"fmt"
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

func wantLoss(loss, dlogits, logits, labels *tensor.Dense) error {
	b, k := dims(logits)
	err := first(want(sized{"loss", loss, 1}, sized{"logits", logits, b * k}), wantIf(sized{"gradient", dlogits,
		b * k}), wantInts("labels", labels, b))
	if err != nil {
		return err
	}
	for i, y := range i32(labels) {
		if y < 0 || int(y) >= k {
			return fmt.Errorf("label %d of sample %d is not one of %d classes", y, i, k)
		}
	}
	return nil
}

// CrossEntropy is the mean over the batch of the chosen form.
func (e *Engine) CrossEntropy(loss, dlogits, logits, labels *tensor.Dense, form engine.CrossEntropy) error {
	if err := wantLoss(loss, dlogits, logits, labels); err != nil {
		return err
	}
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
