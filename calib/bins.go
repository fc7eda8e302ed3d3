package calib

import "math"

// Bin counts of the reference implementation: 10 for the numbers of the
// paper's tables, 15 for the adaptive, class-wise and L2 variants.
const (
	DefaultBins     = 10
	DefaultFineBins = 15
)

// binOf returns the index m of the bin (m/bins, (m+1)/bins] that holds c, or
// -1 for c <= 0. The edges are the float64 nearest to m/bins, so a uniform
// softmax over K classes lies exactly on the edge 1/K when bins is a multiple
// of K, and belongs to the bin below it.
//
// The reference states the rule twice, as ceil(bins*c - 1) and as lower < c <=
// upper; rounding can make those differ by one bin on an edge, so the product
// is only the first guess here and the edges decide.
func binOf(c float64, bins int) int {
	if !(c > 0) {
		return -1
	}
	m := min(max(int(math.Ceil(float64(bins)*c))-1, 0), bins-1)
	switch {
	case m > 0 && c <= edge(m, bins):
		m--
	case m < bins-1 && c > edge(m+1, bins):
		m++
	}
	return m
}

func edge(m, bins int) float64 { return float64(m) / float64(bins) }

// tally accumulates what falls into one bin.
type tally struct {
	count      int
	confidence float64 // sum
	correct    float64 // number of hits
}

func (t *tally) add(confidence float64, correct bool) {
	t.count++
	t.confidence += confidence
	if correct {
		t.correct++
	}
}

// gap is |accuracy - mean confidence|, 0 for an empty bin.
func (t tally) gap() float64 {
	if t.count == 0 {
		return 0
	}
	return math.Abs(t.correct-t.confidence) / float64(t.count)
}

// weightedGap is Σ (count/total)·gap over the bins.
func weightedGap(bins []tally, total int) float64 {
	sum := 0.0
	for _, t := range bins {
		if t.count > 0 {
			sum += float64(t.count) / float64(total) * t.gap()
		}
	}
	return sum
}

// orDefault keeps a positive bin count and replaces any other.
func orDefault(bins, def int) int {
	if bins < 1 {
		return def
	}
	return bins
}
