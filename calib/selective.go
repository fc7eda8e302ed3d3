package calib

import "slices"

// ranked are the samples in ascending order of confidence.
type ranked struct {
	order []int32 // of the samples
	group []int32 // where each run of equal confidences begins; ends with N
}

func (p Predictions) rank() ranked {
	r := ranked{order: make([]int32, len(p.Confidence))}
	for i := range r.order {
		r.order[i] = int32(i)
	}
	slices.SortFunc(r.order, func(a, b int32) int {
		if c := compare(p.Confidence[a], p.Confidence[b]); c != 0 {
			return c
		}
		return int(a - b)
	})
	for i, s := range r.order {
		if i == 0 || p.Confidence[s] != p.Confidence[r.order[i-1]] {
			r.group = append(r.group, int32(i))
		}
	}
	r.group = append(r.group, int32(len(r.order)))
	return r
}

// AUROC is the probability that a right prediction has more confidence than a
// wrong one, ties counting half: how well the confidence tells the two apart,
// whatever its scale. It is NaN when all predictions are right or all wrong.
func (p Predictions) AUROC() float64 {
	auroc, _ := p.selective(p.rank())
	return auroc
}

// AURC is the area under the risk-coverage curve: the mean error among the
// most confident samples, over all shares of samples that one may keep
// (Geifman and El-Yaniv, 2017), by trapezia from 1/N to 1 and normalised to
// that width. Samples of equal confidence are taken in random order, that is,
// by their expected error. It is NaN for fewer than two samples.
func (p Predictions) AURC() float64 {
	_, aurc := p.selective(p.rank())
	return aurc
}

func (p Predictions) selective(r ranked) (auroc, aurc float64) {
	s := newSelection(len(p.Confidence))
	for g := len(r.group) - 2; g >= 0; g-- {
		right, wrong := 0.0, 0.0
		for _, i := range r.order[r.group[g]:r.group[g+1]] {
			if p.Correct[i] {
				right++
			} else {
				wrong++
			}
		}
		s.add(right, wrong)
	}
	return s.auroc(), s.aurc()
}

// RiskCoverage is one point of the risk-coverage curve.
type RiskCoverage struct {
	Coverage  float64 `json:"coverage"`  // share of the samples kept
	Risk      float64 `json:"risk"`      // share of wrong ones among them
	Threshold float64 `json:"threshold"` // the least confidence kept
}

// RiskCoverage returns the curve at its steps: one point for each distinct
// confidence, from the most confident samples to all of them.
func (p Predictions) RiskCoverage() []RiskCoverage {
	r := p.rank()
	out := make([]RiskCoverage, 0, len(r.group)-1)
	n := len(r.order)
	wrong := 0
	for g := len(r.group) - 2; g >= 0; g-- {
		for _, i := range r.order[r.group[g]:r.group[g+1]] {
			if !p.Correct[i] {
				wrong++
			}
		}
		kept := n - int(r.group[g])
		out = append(out, RiskCoverage{
			Coverage:  float64(kept) / float64(n),
			Risk:      float64(wrong) / float64(kept),
			Threshold: p.Confidence[r.order[r.group[g]]],
		})
	}
	return out
}

// selection takes groups of samples of equal confidence, the most confident
// first, and sums the two areas. Within a group of g samples the errors come
// evenly, so that the risks add up to a difference of harmonic numbers.
type selection struct {
	harmonic     []float64
	right, wrong float64
	above        float64 // pairs with the right one above the wrong one
	risks        float64 // sum of the risks at every count of samples
	first        float64 // the risk at one sample
}

func newSelection(n int) *selection {
	h := make([]float64, n+1)
	for i := 1; i <= n; i++ {
		h[i] = h[i-1] + 1/float64(i)
	}
	return &selection{harmonic: h}
}

func (s *selection) reset() { *s = selection{harmonic: s.harmonic} }

func (s *selection) add(right, wrong float64) {
	count := right + wrong
	if count == 0 {
		return
	}
	before := s.right + s.wrong
	s.above += wrong * (s.right + right/2)
	if before == 0 {
		s.first = wrong / count
	}
	h := s.harmonic[int(before+count)] - s.harmonic[int(before)]
	s.risks += s.wrong * h
	if wrong > 0 {
		s.risks += wrong / count * (count - before*h)
	}
	s.right += right
	s.wrong += wrong
}

// addAlike is add of samples that are all right or all wrong.
func (s *selection) addAlike(count float64, right bool) {
	before := s.right + s.wrong
	h := s.harmonic[int(before+count)] - s.harmonic[int(before)]
	s.risks += s.wrong * h
	if right {
		s.right += count
		return
	}
	s.above += count * s.right
	s.risks += count - before*h
	if before == 0 {
		s.first = 1
	}
	s.wrong += count
}

func (s *selection) auroc() float64 { return s.above / (s.right * s.wrong) }

func (s *selection) aurc() float64 {
	n := s.right + s.wrong
	last := s.wrong / n
	return (s.risks - (s.first+last)/2) / (n - 1)
}
