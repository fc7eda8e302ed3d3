package calib

import "math"

// resampler holds the samples of [Predictions] in ascending order of
// confidence. A resample is a number of copies of each sample, so that binned
// and ranked metrics need no sorting again.
type resampler struct {
	ranked
	samples  []resampledRow
	binEnd   []int32 // end of each equal-width bin
	fine     int     // bins of adaptive ECE
	harmonic *selection
}

type resampledRow struct {
	confidence, correct      float64
	nll, brier, spread, norm float64
}

func newResampler(p Predictions, opt Options) *resampler {
	r := &resampler{ranked: p.rank(), fine: orDefault(opt.FineBins, DefaultFineBins)}
	bins := orDefault(opt.Bins, DefaultBins)
	r.samples = make([]resampledRow, len(r.order))
	r.binEnd = make([]int32, bins)
	for at, i := range r.order {
		s := resampledRow{p.Confidence[i], 0, p.nll[i], p.brier[i], p.spread[i], p.norm[i]}
		if p.Correct[i] {
			s.correct = 1
		}
		r.samples[at] = s
		r.binEnd[max(0, binOf(s.confidence, bins))] = int32(at + 1)
	}
	for m := 1; m < bins; m++ {
		r.binEnd[m] = max(r.binEnd[m], r.binEnd[m-1])
	}
	r.harmonic = newSelection(len(r.order))
	return r
}

// asIs measures the samples themselves.
func (r *resampler) asIs() []float64 {
	counts := make([]uint32, len(r.order))
	for i := range counts {
		counts[i] = 1
	}
	return r.walker().measure(counts)
}

// walker measures one resample after the other.
type walker struct {
	*resampler
	pick   selection
	edges  []float64
	out    []float64
	copies []float64 // of each sample, in the order of confidence
}

func (r *resampler) walker() *walker {
	return &walker{resampler: r, pick: *r.harmonic, edges: make([]float64, r.fine+1), out: make([]float64,
		len(resampledNames)), copies: make([]float64, len(r.order))}
}

// measure returns the metrics in the order of resampledNames; the slice is
// used again by the next call.
func (w *walker) measure(counts []uint32) []float64 {
	n := float64(len(counts))
	for at, i := range w.order {
		w.copies[at] = float64(counts[i])
	}
	var correct, nll, brier, spread, norm float64
	var ece, mce, gaps, filled float64
	at := int32(0)
	for _, end := range w.binEnd {
		var count, hits, confidence float64
		for ; at < end; at++ {
			s := &w.samples[at]
			c := w.copies[at]
			count += c
			hits += c * s.correct
			confidence += c * s.confidence
			nll += c * s.nll
			brier += c * s.brier
			spread += c * s.spread
			norm += c * s.norm
		}
		correct += hits
		if count > 0 {
			gap := math.Abs(hits - confidence)
			ece += gap / n
			mce = max(mce, gap/count)
			gaps += gap / count
			filled++
		}
	}
	w.rankAreas()
	o := w.out
	o[0], o[1], o[2], o[3], o[4] = correct/n, ece, w.adaptive(), mce, gaps/filled
	o[5], o[6], o[7], o[8] = nll/n, brier/n, spread/n, norm/n
	o[9], o[10] = w.pick.auroc(), w.pick.aurc()
	return o
}

func (w *walker) rankAreas() {
	w.pick.reset()
	for g := len(w.group) - 2; g >= 0; g-- {
		if at := w.group[g]; w.group[g+1] == at+1 { // most confidences are of one sample
			if c := w.copies[at]; c > 0 {
				w.pick.addAlike(c, w.samples[at].correct == 1)
			}
			continue
		}
		right, wrong := 0.0, 0.0
		for at := w.group[g]; at < w.group[g+1]; at++ {
			c := w.copies[at]
			right += c * w.samples[at].correct
			wrong += c * (1 - w.samples[at].correct)
		}
		w.pick.add(right, wrong)
	}
}

// adaptive is [Predictions.AdaptiveECEClosed] of the resample.
func (w *walker) adaptive() float64 {
	w.quantileEdges()
	var bin tally
	total, m := 0.0, 0
	for at := range w.samples {
		s := &w.samples[at]
		for m < w.fine-1 && s.confidence > w.edges[m+1] {
			total += math.Abs(bin.correct - bin.confidence)
			bin = tally{}
			m++
		}
		c := w.copies[at]
		bin.confidence += c * s.confidence
		bin.correct += c * s.correct
	}
	return (total + math.Abs(bin.correct-bin.confidence)) / float64(len(w.copies))
}

// quantileEdges is the function of that name on the resample's confidences.
func (w *walker) quantileEdges() {
	n := len(w.copies)
	step := float64(n) / float64(w.fine)
	at, through := 0, int(w.copies[0]) // sorted copies up to and with sample at
	value := func(copyIndex int) float64 {
		for through <= copyIndex {
			at++
			through += int(w.copies[at])
		}
		return w.samples[at].confidence
	}
	for m := range w.edges {
		position := float64(m) * step
		low := int(math.Floor(position))
		if low >= n-1 {
			w.edges[m] = value(n - 1)
			continue
		}
		a := value(low)
		// The neighbour may be the next edge's lower one: it is looked at
		// without moving on.
		b, next, seen := a, at, through
		for seen <= low+1 {
			next++
			seen += int(w.copies[next])
			b = w.samples[next].confidence
		}
		w.edges[m] = float64((b-a)*(position-float64(low))) + a
	}
}
