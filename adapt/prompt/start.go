package prompt

import (
	"context"
	"math"

	"clipcalib/adapt"
)

// samePrompt is how far the cosine of two text features of one prompt may be
// from 1: what rounding makes of it, in float32 and in bfloat16 alike, since both
// come out of one engine.
const samePrompt = 1e-5

// startText is the text features [K, D] of the classes under the initial vectors,
// where they are those of the zero-shot prompts: a training that starts from "a
// photo of a" and is held to "a photo of a {}.". They come out of the operations
// that the adapted logits come out of, so that at the start both are the same
// numbers. From features made apart they differ by rounding, and the gradient of
// Penalty, which has the same size however small the excess is, would be of that
// rounding. It is empty where training starts elsewhere.
func (t *training) startText(ctx context.Context) (adapt.Matrix, error) {
	if _, ok := t.method.(conditional); ok || NeedsImages(t.method) {
		return adapt.Matrix{}, nil
	}
	start, err := t.learner(nil).tunedText(ctx)
	if err != nil {
		return adapt.Matrix{}, err
	}
	for k := range start.Rows {
		dot, length := 0.0, 0.0
		for j, v := range t.protos.Row(k) {
			dot += float64(v) * float64(start.Row(k)[j])
			length += float64(v) * float64(v)
		}
		if !(dot >= (1-samePrompt)*math.Sqrt(length)) {
			return adapt.Matrix{}, nil
		}
	}
	return start, nil
}
