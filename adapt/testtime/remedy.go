package testtime

import (
	"fmt"

	"clipcalib/adapt"
	"clipcalib/calib"
)

// remedied is TPT's loss under a remedy: a function of the kept views' logits.
type remedied struct {
	remedy adapt.Remedy
	// released takes for reference the first kept view under the prompt being
	// tuned, through which gradients flow too, as the reference implementation's
	// code does; otherwise the zero-shot logits of the plain image, as in the
	// paper's formula.
	released bool
	// unmapped leaves ZS-Norm's map out of the loss, as the released script of
	// C-TPT does: it computes the mapped logits and then uses the others.
	unmapped bool
}

func newRemedied(m Method, r adapt.Remedy, c adapt.Compat) (remedied, error) {
	switch r.(type) {
	case adapt.None, adapt.ZSNorm, adapt.Penalty, adapt.SaLS:
	default:
		return remedied{}, fmt.Errorf("remedy %s is not known to test-time tuning", r.Name())
	}
	released := c == adapt.CLIPCalib
	_, ctpt := m.(CTPT)
	return remedied{remedy: r, released: released, unmapped: released && ctpt}, nil
}

// choices says in words what the remedy does here.
func (r remedied) choices() []string {
	reference := "reference: zero-shot logits of the plain image (the formula)"
	if r.released {
		reference = "reference: logits of the kept view of lowest entropy, extremes not detached (as released)"
	}
	switch p := r.remedy.(type) {
	case adapt.ZSNorm:
		if r.unmapped {
			return []string{"remedy: zs-norm, without effect under c-tpt (as released)"}
		}
		return []string{"remedy: zs-norm, in the tuning loss only", reference}
	case adapt.Penalty:
		return []string{fmt.Sprintf("remedy: penalty, in the tuning loss only; weight %g, mean over kept views and classes", lambdaOf(p)), reference}
	case adapt.SaLS:
		return []string{"remedy: sals, on the tuned model's logits only; reference: zero-shot logits of the plain image"}
	}
	return []string{"remedy: none"}
}

func lambdaOf(p adapt.Penalty) float64 {
	if p.Lambda == 0 {
		return calib.DefaultLambda
	}
	return p.Lambda
}

// loss returns the loss for the kept views' logits [V, K] and its gradient.
// zeroShot are the plain image's logits under the starting prompt.
func (r remedied) loss(l calib.Matrix, zeroShot []float64) (float64, calib.Matrix, error) {
	reference := zeroShot
	if r.released {
		reference = l.Row(0)
	}
	zs := calib.NewMatrix(l.N, l.K)
	for v := range zs.N {
		copy(zs.Row(v), reference)
	}
	switch p := r.remedy.(type) {
	case adapt.ZSNorm:
		if !r.unmapped {
			return r.mapped(l, zs)
		}
	case adapt.Penalty:
		return r.penalised(l, zs, lambdaOf(p))
	}
	h, grad := marginalEntropy(l)
	return h, grad, nil
}

// penalised is the loss under Penalty. Where the reference is tuned too, an
// entry above its maximum pulls that up as it is pushed down itself.
func (r remedied) penalised(l, zs calib.Matrix, lambda float64) (float64, calib.Matrix, error) {
	h, grad := marginalEntropy(l)
	extra, d, err := calib.Penalty(l, zs, lambda)
	if err != nil {
		return 0, grad, err
	}
	top, bottom := calib.ArgMax(l.Row(0)), argMin(l.Row(0))
	for i, g := range d.Data {
		grad.Data[i] += g
		switch {
		case !r.released:
		case g > 0:
			grad.Data[top] -= g
		case g < 0:
			grad.Data[bottom] -= g
		}
	}
	return h + extra, grad, nil
}

// mapped is the loss under ZS-Norm. With u the place of a logit in its row's
// range, the mapped logit is (1-u) min + u max of the reference, which shows
// the gradients of the two.
func (r remedied) mapped(l, zs calib.Matrix) (float64, calib.Matrix, error) {
	m, err := calib.ZSNorm(l, zs)
	if err != nil {
		return 0, l, err
	}
	h, upstream := marginalEntropy(m)
	grad, err := calib.ZSNormGrad(l, zs, upstream)
	if err != nil || !r.released {
		return h, grad, err
	}
	top, bottom := calib.ArgMax(l.Row(0)), argMin(l.Row(0))
	lo, hi := l.Row(0)[bottom], l.Row(0)[top]
	for i, g := range upstream.Data {
		u := 0.0
		if hi > lo {
			u = (m.Data[i] - lo) / (hi - lo)
		}
		grad.Data[top] += g * u
		grad.Data[bottom] += g * (1 - u)
	}
	return h, grad, nil
}

func argMin(x []float64) int {
	at := 0
	for i, v := range x {
		if v < x[at] {
			at = i
		}
	}
	return at
}
