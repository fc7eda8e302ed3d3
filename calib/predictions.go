package calib

import "math"

// Predictions is what the metrics need to know of labelled logits: the class
// chosen for each sample, the confidence in it and whether it was right. Make
// one with [Predict]. Bin counts below 1 mean the default of each method.
type Predictions struct {
	Class      []int     // arg max of the logits, the lowest index on ties
	Confidence []float64 // softmax probability of Class
	Correct    []bool    // Class equals the label

	logits Matrix
	labels []int
}

// Predict checks logits [N x K] and labels [N] and returns the predictions.
// The logits and labels are kept, not copied.
func Predict(logits Matrix, labels []int) (Predictions, error) {
	if err := checkLabelled(logits, labels); err != nil {
		return Predictions{}, err
	}
	p := Predictions{
		Class:      make([]int, logits.N),
		Confidence: make([]float64, logits.N),
		Correct:    make([]bool, logits.N),
		logits:     logits,
		labels:     labels,
	}
	probs := make([]float64, logits.K)
	for i := range logits.N {
		row := logits.Row(i)
		softmaxInto(probs, row)
		k := ArgMax(row)
		p.Class[i], p.Confidence[i], p.Correct[i] = k, probs[k], k == labels[i]
	}
	return p, nil
}

// Accuracy is the fraction of samples whose class is right.
func (p Predictions) Accuracy() float64 {
	hits := 0
	for _, ok := range p.Correct {
		if ok {
			hits++
		}
	}
	return float64(hits) / float64(len(p.Correct))
}

// MeanConfidence is the mean of the confidences.
func (p Predictions) MeanConfidence() float64 { return mean(p.Confidence) }

// NLL is the mean negative log-likelihood of the labels, in nats.
func (p Predictions) NLL() float64 {
	return p.meanOver(func(row []float64, y int) float64 {
		return logSumExp(row) - row[y]
	})
}

// Brier is the mean over samples of Σ_k (p_k - [y = k])², between 0 and 2.
func (p Predictions) Brier() float64 {
	probs := make([]float64, p.logits.K)
	return p.meanOver(func(row []float64, y int) float64 {
		softmaxInto(probs, row)
		sum := 0.0
		for k, q := range probs {
			if k == y {
				q--
			}
			sum += q * q
		}
		return sum
	})
}

// LogitRange is the mean over samples of max - min of the logits.
func (p Predictions) LogitRange() float64 {
	return p.meanOver(func(row []float64, _ int) float64 { return rangeOf(row) })
}

// LogitNorm is the mean over samples of the Euclidean norm of the logits.
func (p Predictions) LogitNorm() float64 {
	return p.meanOver(func(row []float64, _ int) float64 { return normOf(row) })
}

func (p Predictions) meanOver(f func(row []float64, label int) float64) float64 {
	sum := 0.0
	for i := range p.logits.N {
		sum += f(p.logits.Row(i), p.labels[i])
	}
	return sum / float64(p.logits.N)
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

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
