package calib

import "math"

// ClasswiseThreshold is the probability at or below which
// [Predictions.ThresholdedClasswiseECE] drops a sample from a class.
const ClasswiseThreshold = 1e-3

// ClasswiseECE is the mean over classes of the calibration error of that
// class's probability against "the label is this class", 15 bins by default.
//
// As in the reference, the classes are 0 to the largest label that occurs (not
// every column of the logits), and a probability that underflowed to 0 lies in
// no bin. [Predictions.ClasswiseECEClosed] has neither hole.
func (p Predictions) ClasswiseECE(bins int) float64 {
	t := p.classTallies(bins)
	return t.mean(t.labelled, t.gap)
}

// ClasswiseECEClosed is [Predictions.ClasswiseECE] over every column of the
// logits, with the first bin closed below, so that every probability counts.
func (p Predictions) ClasswiseECEClosed(bins int) float64 {
	t := p.classTallies(bins)
	return t.mean(t.classes, t.closedGap)
}

// ThresholdedClasswiseECE is [Predictions.ClasswiseECE] over the samples whose
// probability for the class is above [ClasswiseThreshold], as fractions of
// those; a class without any counts as 0.
func (p Predictions) ThresholdedClasswiseECE(bins int) float64 {
	t := p.classTallies(bins)
	return t.mean(t.labelled, t.thresholdedGap)
}

func (p Predictions) classTallies(bins int) classTallies {
	bins = orDefault(bins, DefaultFineBins)
	if bins == p.byClass.bins {
		return p.byClass
	}
	t, err := tallyClasses(p.rows, p.labels, bins, func(_ int, row, probs []float64) error {
		softmaxInto(probs, row)
		return nil
	})
	if err != nil { // the rows could be read before
		return classTallies{classes: 1, labelled: 1, samples: 1, bins: 1, sum: []float64{math.NaN()},
			hits: make([]float64, 1), zeroHits: make([]float64, 1), above: []float64{math.NaN()},
			aboveHits: make([]float64, 1), kept: []int{1}}
	}
	return t
}

// classTallies sums the probabilities of every class by bin. The first bin
// holds nearly all of them. The number of samples of a bin cancels in
// (n_m/N)·|hits_m/n_m - sum_m/n_m|, so it is not kept.
type classTallies struct {
	samples, classes, bins int
	labelled               int       // classes up to the largest label
	sum, hits              []float64 // [bins, classes]
	zeroHits               []float64 // [classes]: labelled so with probability 0
	above, aboveHits       []float64 // [classes]: of the bin the threshold lies in, what is above it
	kept                   []int     // [classes]: samples above the threshold
}

// gap is the calibration error of class k. The three forms differ in their
// first bin only.
func (t classTallies) gap(k int) float64 {
	return t.over(k, t.sum[k], t.hits[k], 0, t.samples)
}

func (t classTallies) closedGap(k int) float64 {
	return t.over(k, t.sum[k], t.hits[k]+t.zeroHits[k], 0, t.samples)
}

func (t classTallies) thresholdedGap(k int) float64 {
	if t.kept[k] == 0 {
		return 0
	}
	return t.over(k, t.above[k], t.aboveHits[k], binOf(ClasswiseThreshold, t.bins), t.kept[k])
}

// over sums the gaps of class k's bins from the given one on, whose own sums
// are given.
func (t classTallies) over(k int, sum, hits float64, first, samples int) float64 {
	total := math.Abs(hits-sum) / float64(samples)
	for m := first + 1; m < t.bins; m++ {
		total += math.Abs(t.hits[m*t.classes+k]-t.sum[m*t.classes+k]) / float64(samples)
	}
	return total
}

func (t classTallies) mean(classes int, gap func(k int) float64) float64 {
	sum := 0.0
	for k := range classes {
		sum += gap(k)
	}
	return sum / float64(classes)
}

// tallyClasses reads the rows once. softmax is given each row and fills in its
// probabilities; it is called in parallel.
func tallyClasses(r Rows, labels []int, bins int, softmax func(i int, row,
	probs []float64) error) (classTallies, error) {
	n, k := r.Shape()
	parts := partsOf(n, 2*k*bins)
	all := make([]classTallies, parts)
	for i := range all {
		all[i] = newClassTallies(n, k, bins)
	}
	probs := make([][]float64, parts)
	err := eachBlock(r, parts, func(part, from int, block []float64) error {
		if probs[part] == nil {
			probs[part] = make([]float64, k)
		}
		for at := 0; at < len(block); at += k {
			i := from + at/k
			if err := softmax(i, block[at:at+k:at+k], probs[part]); err != nil {
				return err
			}
			all[part].add(probs[part], labels[i])
		}
		return nil
	})
	if err != nil {
		return classTallies{}, err
	}
	total := all[0]
	for _, t := range all[1:] {
		total.merge(t)
	}
	for _, y := range labels {
		total.labelled = max(total.labelled, y+1)
	}
	return total, nil
}

func newClassTallies(samples, classes, bins int) classTallies {
	return classTallies{
		samples: samples, classes: classes, bins: bins,
		sum: make([]float64, bins*classes), hits: make([]float64, bins*classes),
		zeroHits: make([]float64, classes), kept: make([]int, classes),
		above: make([]float64, classes), aboveHits: make([]float64, classes),
	}
}

// add counts one sample. Nearly every probability lies in the first bin.
func (t *classTallies) add(probs []float64, label int) {
	first, cut := edge(1, t.bins), binOf(ClasswiseThreshold, t.bins)
	for k, q := range probs {
		m := 0
		if q > first {
			m = binOf(q, t.bins)
		}
		t.sum[m*t.classes+k] += q
		if q > ClasswiseThreshold {
			t.kept[k]++
			if m == cut {
				t.above[k] += q
			}
		}
	}
	q := probs[label]
	m := binOf(q, t.bins)
	if m < 0 {
		t.zeroHits[label]++
		return
	}
	t.hits[m*t.classes+label]++
	if q > ClasswiseThreshold && m == cut {
		t.aboveHits[label]++
	}
}

func (t *classTallies) merge(o classTallies) {
	addTo(t.sum, o.sum)
	addTo(t.hits, o.hits)
	addTo(t.zeroHits, o.zeroHits)
	addTo(t.above, o.above)
	addTo(t.aboveHits, o.aboveHits)
	for k, v := range o.kept {
		t.kept[k] += v
	}
}

func addTo(dst, src []float64) {
	for i, v := range src {
		dst[i] += v
	}
}
