package cuda

import (
	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// CrossEntropy is the mean cross-entropy with its corrections.
func (e *Engine) CrossEntropy(loss, dlogits, logits, labels *tensor.Dense, form engine.CrossEntropy) error {
	b, k := dims(logits)
	err := first(want(sized{"loss", loss, 1}, sized{"logits", logits, b * k}), wantInts(sized{"labels", labels, b}),
		wantIf("gradient", dlogits, b*k))
	if err != nil {
		return err
	}
	losses, release, err := e.scratch(8 * int64(b))
	if err != nil {
		return err
	}
	defer release()
	return first(
		e.rows("crossentropy", b, losses, dlogits, logits, labels, int32(b), int32(k),
			form.Smoothing, form.Confidence, form.FocalGamma, form.MarginAlpha, form.Margin, e.fault),
		e.total(loss, losses, b, 1/float64(b)))
}
