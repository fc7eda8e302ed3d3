package calib

import (
	"fmt"
	"math/rand/v2"
)

// CrossFit maps every sample by a calibrator that was fitted on the other parts
// of the fold, of which there are so many, each with its share of every class. So
// a fold that a calibrator is fitted on can also tell how good such calibrators
// are, without flattering them. Samples of the same logits but for rounding, which
// are copies of one picture, are of one part. The parts are drawn by the seed.
func CrossFit(kind string, logits Matrix, labels []int, parts int, opt FitOptions, seed uint64) (Matrix, error) {
	if err := logits.Check(); err != nil {
		return Matrix{}, err
	}
	if err := checkLabels(logits.N, logits.K, labels); err != nil {
		return Matrix{}, err
	}
	firsts := NewTwins(logits).Firsts()
	distinct := 0
	for i, first := range firsts {
		if first == i {
			distinct++
		}
	}
	if parts < 2 || parts > distinct {
		return Matrix{}, fmt.Errorf("%w: %d that differ for %d parts, of which there must be at least 2", ErrFewSamples,
			distinct, parts)
	}
	part := dealt(labels, firsts, parts, seed)
	out := NewMatrix(logits.N, logits.K)
	for p := range parts {
		var rest, own, restLabels []int
		for i, of := range part {
			if of == p {
				own = append(own, i)
			} else {
				rest, restLabels = append(rest, i), append(restLabels, labels[i])
			}
		}
		fold, err := SelectRows(logits, rest)
		if err != nil {
			return Matrix{}, err
		}
		c, _, err := FitCalibrator(kind, fold, restLabels, opt)
		if err != nil {
			return Matrix{}, err
		}
		measured, err := SelectRows(logits, own)
		if err != nil {
			return Matrix{}, err
		}
		mapped, err := c.Apply(measured)
		if err != nil {
			return Matrix{}, err
		}
		m, err := Collect(mapped)
		if err != nil {
			return Matrix{}, err
		}
		for j, i := range own {
			copy(out.Row(i), m.Row(j))
		}
	}
	return out, nil
}

// Doubts says in words what a fit of a kind on logits of so many classes cannot
// promise; nothing where all is well.
func (f CalibratorFit) Doubts(kind string, classes int) (doubts []string) {
	if f.AtBound {
		doubts = append(doubts, "the temperature is at its bound: the likelihood of the fold has no optimum within "+
			"the bounds, as where every prediction is right, or where the logits tell nothing of the labels")
	}
	if f.NotConverged {
		doubts = append(doubts, "the fit did not converge: the fold's likelihood may improve without end, where an L2 "+
			"weight or more samples help")
	}
	if kind != Temperature && len(f.Unseen) > 0 {
		doubts = append(doubts, fmt.Sprintf("%d of %d classes have no sample in the fold, as class %d", len(f.Unseen),
			classes, f.Unseen[0]))
	}
	if f.Parameters > f.Samples && (kind == Vector || kind == FullMatrix || kind == Platt) {
		doubts = append(doubts, fmt.Sprintf("%d parameters are fitted on %d samples", f.Parameters, f.Samples))
	}
	return doubts
}

// dealt deals the samples of every class in turn to the parts, like cards, so
// that the parts' sizes, and those of each class in them, differ by at most one.
// Copies go where the first of them goes, and do not count.
func dealt(labels, firsts []int, parts int, seed uint64) []int {
	members := map[int][]int{}
	classes := 0
	for i, y := range labels {
		if firsts[i] == i {
			members[y] = append(members[y], i)
		}
		classes = max(classes, y+1)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	part, next := make([]int, len(labels)), 0
	for y := range classes {
		m := members[y]
		rng.Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] })
		for _, i := range m {
			part[i], next = next%parts, next+1
		}
	}
	for i, first := range firsts {
		part[i] = part[first]
	}
	return part
}
