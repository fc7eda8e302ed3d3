package calib

import "math"

// SaLS is sample-adaptive logit scaling: each row of the adapted logits is
// mapped linearly onto the range of the same sample's zero-shot logits,
//
//	l' = (ΔZS/Δ)·(l - min l) + min l_ZS,   Δ = max - min over the classes.
//
// It needs no labels, keeps every arg max and so the accuracy. The softmax of
// l' is that of l/T with T = Δ/ΔZS; see [Temperatures].
//
// A row of equal logits (Δ = 0) has nothing to scale: it takes T = 1 and only
// moves to min l_ZS. Zero-shot logits that are all equal (ΔZS = 0) make every
// logit of the sample equal, the limit of the map: the prediction is then
// uniform, and the arg max is lost.
//
// Apply it to logits of models trained without ZS-Norm and Penalty; those are
// used as they are. Sample order must agree; the classes may differ in order
// and number.
func SaLS(adapted, zeroShot Matrix) (Matrix, error) {
	return ZSNorm(adapted, zeroShot)
}

// Temperatures returns the temperature T = Δ/ΔZS that [SaLS] amounts to for
// each sample: above 1 where the adapted range is the wider one, 1 where the
// adapted logits are all equal, +Inf where only the zero-shot logits are.
func Temperatures(adapted, zeroShot Matrix) ([]float64, error) {
	if err := checkPair(adapted, zeroShot); err != nil {
		return nil, err
	}
	out := make([]float64, adapted.N)
	for i := range out {
		out[i] = 1
		if d := rangeOf(adapted.Row(i)); d != 0 {
			out[i] = d / rangeOf(zeroShot.Row(i))
		}
	}
	return out, nil
}

// ZSNorm is the map of [SaLS], which the training-time remedy of that name
// applies to the logits inside the loss; see [ZSNormLoss].
func ZSNorm(logits, zeroShot Matrix) (Matrix, error) {
	if err := checkPair(logits, zeroShot); err != nil {
		return Matrix{}, err
	}
	out := NewMatrix(logits.N, logits.K)
	for i := range logits.N {
		zsNormInto(out.Row(i), logits.Row(i), zeroShot.Row(i))
	}
	return out, nil
}

// zsNormInto maps one row onto the range of another; dst may be row.
func zsNormInto(dst, row, zeroShot []float64) {
	lo, hi := limits(row)
	zsLo, zsHi := limits(zeroShot)
	for k, l := range row {
		// Between two ends rather than slope and offset: both ends are met
		// exactly and no rounding leaves the zero-shot range.
		u := position(l, lo, hi)
		dst[k] = (1-u)*zsLo + u*zsHi
	}
}

// position returns where l lies between lo (0) and hi (1); 0 when they are
// equal.
func position(l, lo, hi float64) float64 {
	span := hi - lo
	switch {
	case span == 0:
		return 0
	case math.IsInf(span, 0): // the difference of two huge logits overflows
		return (l/2 - lo/2) / (hi/2 - lo/2)
	}
	return (l - lo) / span
}
