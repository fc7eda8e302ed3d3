package calib

// ClasswiseThreshold is the probability at or below which
// [Predictions.ThresholdedClasswiseECE] drops a sample from a class.
const ClasswiseThreshold = 1e-3

// ClasswiseECE is the mean over classes of the calibration error of that
// class's probability against "the label is this class", 15 bins by default.
//
// As in the reference, the classes are 0 to the largest label that occurs (not
// every column of the logits), and a probability that underflowed to 0 lies in
// no bin.
func (p Predictions) ClasswiseECE(bins int) float64 {
	return p.classwise(bins, 0)
}

// ThresholdedClasswiseECE is [Predictions.ClasswiseECE] over the samples whose
// probability for the class is above [ClasswiseThreshold], as fractions of
// those; a class without any counts as 0.
func (p Predictions) ThresholdedClasswiseECE(bins int) float64 {
	return p.classwise(bins, ClasswiseThreshold)
}

func (p Predictions) classwise(bins int, threshold float64) float64 {
	bins = orDefault(bins, DefaultFineBins)
	classes := 0
	for _, y := range p.labels {
		classes = max(classes, y+1)
	}
	tallies := make([]tally, classes*bins)
	kept := make([]int, classes)
	probs := make([]float64, p.logits.K)
	for i := range p.logits.N {
		softmaxInto(probs, p.logits.Row(i))
		for k, q := range probs[:classes] {
			// Without a threshold every sample is part of the whole, those in
			// no bin too.
			if threshold > 0 && q <= threshold {
				continue
			}
			kept[k]++
			if m := binOf(q, bins); m >= 0 {
				tallies[k*bins+m].add(q, p.labels[i] == k)
			}
		}
	}
	sum := 0.0
	for k := range classes {
		sum += weightedGap(tallies[k*bins:(k+1)*bins], kept[k])
	}
	return sum / float64(classes)
}
