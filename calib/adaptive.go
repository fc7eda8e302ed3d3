package calib

import (
	"math"
	"slices"
	"sort"
)

// AdaptiveECE is the calibration error over bins of (nearly) equal count, 15
// by default. The edges are those of the reference: the sorted confidences,
// linearly interpolated at bins+1 even positions from 0 to N, positions past
// the last sample giving the maximum.
//
// As in the reference, bins are open below, so the samples whose confidence
// equals the overall minimum lie in no bin and count only in the denominator
// N; with a single sample, or equal confidences throughout, the result is 0.
// [Predictions.AdaptiveECEClosed] counts them.
func (p Predictions) AdaptiveECE(bins int) float64 {
	return p.adaptive(bins, false)
}

// AdaptiveECEClosed is [Predictions.AdaptiveECE] with the first bin closed
// below, so that every sample is counted.
func (p Predictions) AdaptiveECEClosed(bins int) float64 {
	return p.adaptive(bins, true)
}

func (p Predictions) adaptive(bins int, closed bool) float64 {
	bins = orDefault(bins, DefaultFineBins)
	edges := quantileEdges(p.Confidence, bins)
	tallies := make([]tally, bins)
	for i, c := range p.Confidence {
		// The first edge that is not below c closes the bin of c. Equal edges
		// make empty bins, which this search passes over.
		m := sort.SearchFloat64s(edges, c) - 1
		if m < 0 {
			if !closed {
				continue
			}
			m = 0
		}
		tallies[min(m, bins-1)].add(c, p.Correct[i])
	}
	return weightedGap(tallies, len(p.Confidence))
}

// quantileEdges interpolates the sorted values at bins+1 positions from 0 to
// their number.
func quantileEdges(values []float64, bins int) []float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	edges := make([]float64, bins+1)
	// Multiples of a rounded step, as NumPy's linspace makes them: where a
	// position should be whole, the last digit decides between two bins.
	step := float64(len(sorted)) / float64(bins)
	for m := range edges {
		at := float64(m) * step
		low := int(math.Floor(at))
		if low >= len(sorted)-1 {
			edges[m] = sorted[len(sorted)-1]
			continue
		}
		rise := sorted[low+1] - sorted[low]
		edges[m] = float64(rise*(at-float64(low))) + sorted[low]
	}
	return edges
}
