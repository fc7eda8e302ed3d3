package testtime

import (
	"context"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/train"
)

// remedied is TPT's loss under a remedy: a function of the kept views' logits.
type remedied struct {
	remedy adapt.Remedy
	host   *train.Host
	// released takes for reference the first kept view under the prompt being
	// tuned, through which gradients flow too, as the reference implementation's
	// code does; otherwise the zero-shot logits of the plain image, as in the
	// paper's formula.
	released bool
	// unmapped names the method that leaves a remedy's map out of the loss.
	unmapped string
}

// mapless is a method whose released script computes the mapped logits and then
// uses the others.
type mapless interface{ leavesMapOut() }

func newRemedied(m Method, r adapt.Remedy, c adapt.Compat, d *adapt.Device) remedied {
	out := remedied{remedy: r, released: c == adapt.CLIPCalib}
	_, leaves := m.(mapless)
	maps := len(train.With[train.LogitMap](r)) > 0
	if leaves && maps && out.released {
		out.unmapped = m.Name()
	}
	out.host = train.NewHost(r, out.unmapped == "", d)
	return out
}

// choices says in words what the remedy does here.
func (r remedied) choices() []string {
	var out []string
	if r.unmapped != "" {
		out = append(out, fmt.Sprintf("remedy: %s, without effect under %s (as released)", r.remedy.Name(), r.unmapped))
	} else {
		out = append(out, r.host.Choice())
	}
	switch {
	case !r.host.Acts():
		return out
	case r.released && r.host.Detached():
		return append(out, "reference: logits of the kept view of lowest entropy, detached")
	case r.released:
		return append(out, "reference: logits of the kept view of lowest entropy, extremes not detached (as released)")
	}
	return append(out, "reference: zero-shot logits of the plain image (the formula)")
}

// loss returns the loss for the kept views' logits [V, K] and its gradient.
// zeroShot are the plain image's logits under the starting prompt.
func (r remedied) loss(ctx context.Context, l calib.Matrix, zeroShot []float64) (float64, calib.Matrix, error) {
	return r.host.Loss(ctx, l, calib.Matrix{N: 1, K: len(zeroShot), Data: zeroShot}, r.released, marginalEntropy)
}
