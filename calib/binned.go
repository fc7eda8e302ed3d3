package calib

import "math"

// tallies bins the confidences into equal widths. A confidence of 0, for which
// the reference has no bin, goes to the first.
func (p Predictions) tallies(bins int) []tally {
	out := make([]tally, bins)
	for i, c := range p.Confidence {
		out[max(binOf(c, bins), 0)].add(c, p.Correct[i])
	}
	return out
}

// ECE is the expected calibration error: Σ_m (n_m/N)·|accuracy_m -
// confidence_m| over bins of equal width, open below and closed above. The
// default of 10 bins is that of the paper's tables.
func (p Predictions) ECE(bins int) float64 {
	return weightedGap(p.tallies(orDefault(bins, DefaultBins)), len(p.Confidence))
}

// MCE is the maximum calibration error: the largest |accuracy - confidence|
// of the bins of [Predictions.ECE].
func (p Predictions) MCE(bins int) float64 {
	worst := 0.0
	for _, t := range p.tallies(orDefault(bins, DefaultBins)) {
		worst = max(worst, t.gap())
	}
	return worst
}

// ACE is the average calibration error: the plain mean of |accuracy -
// confidence| over the bins of [Predictions.ECE] that are not empty.
func (p Predictions) ACE(bins int) float64 {
	sum, filled := 0.0, 0
	for _, t := range p.tallies(orDefault(bins, DefaultBins)) {
		if t.count > 0 {
			sum += t.gap()
			filled++
		}
	}
	return sum / float64(filled)
}

// L2Error is sqrt(Σ_m (n_m/N)·(accuracy_m - confidence_m)²), 15 bins by
// default.
func (p Predictions) L2Error(bins int) float64 {
	sum := 0.0
	for _, t := range p.tallies(orDefault(bins, DefaultFineBins)) {
		sum += float64(t.count) / float64(len(p.Confidence)) * t.gap() * t.gap()
	}
	return math.Sqrt(sum)
}
