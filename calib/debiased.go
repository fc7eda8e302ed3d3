package calib

import "math"

// DebiasedL2Error is [Predictions.L2Error] without the part that chance alone
// adds: from every bin's squared gap the sampling variance of its accuracy,
// acc·(1-acc)/(n-1), is taken away (Kumar, Liang and Ma, 2019). Bins of one
// sample, whose variance is unknown, are left out; a negative sum counts as 0.
func (p Predictions) DebiasedL2Error(bins int) float64 {
	sum, kept := 0.0, 0
	for _, t := range p.tallies(orDefault(bins, DefaultFineBins)) {
		if t.count < 2 {
			continue
		}
		n := float64(t.count)
		acc := t.correct / n
		sum += n * (t.gap()*t.gap() - acc*(1-acc)/(n-1))
		kept += t.count
	}
	if kept == 0 {
		return 0
	}
	return math.Sqrt(max(0, sum/float64(kept)))
}

// DebiasedECE is [Predictions.ECE] less its bias as estimated from itself: if
// each bin's accuracy were what was seen, resampled accuracies would give gaps
// larger by the mean of a folded normal variable over that gap (the
// normal approximation of Kumar, Liang and Ma, 2019, with that mean in closed
// form). It may be slightly below 0 for a model that is calibrated.
func (p Predictions) DebiasedECE(bins int) float64 {
	total := 0.0
	for _, t := range p.tallies(orDefault(bins, DefaultBins)) {
		if t.count == 0 {
			continue
		}
		n := float64(t.count)
		acc := t.correct / n
		gap := t.gap()
		total += n * (2*gap - foldedNormalMean(gap, math.Sqrt(acc*(1-acc)/n)))
	}
	return total / float64(len(p.Confidence))
}

// foldedNormalMean is the mean of |X| for a normal X.
func foldedNormalMean(mu, sigma float64) float64 {
	if sigma == 0 {
		return math.Abs(mu)
	}
	z := mu / sigma
	return sigma*math.Sqrt(2/math.Pi)*math.Exp(-z*z/2) + mu*math.Erf(z/math.Sqrt2)
}
