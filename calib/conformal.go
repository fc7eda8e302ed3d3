package calib

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// The scores of conformal prediction: how little a class conforms to a sample,
// from its probabilities p.
const (
	// LAC is 1 - p_y (Sadinle, Lei and Wasserman, 2019): the smallest sets on
	// average, empty where no class is likely.
	LAC = "lac"
	// APS is the mass of the classes above y and u times its own (Romano,
	// Sesia and Candès, 2020): sets that adapt to how hard a sample is.
	APS = "aps"
	// RAPS is APS plus max(0, λ·(rank - k)), the rank counted from 1
	// (Angelopoulos et al., 2021): without the long tail.
	RAPS = "raps"
)

// ConformalScores lists them.
func ConformalScores() []string { return []string{LAC, APS, RAPS} }

// ErrFewSamples is wrapped by the error for a calibration fold that is too
// small for the coverage.
var ErrFewSamples = errors.New("too few calibration samples")

// ConformalOptions says which sets are wanted.
type ConformalOptions struct {
	Score    string  // "" is [LAC]
	Coverage float64 // the share of samples whose set holds the label, between 0 and 1; 0 is 0.9
	// Randomized draws u of APS and RAPS evenly from 0 to 1, once a sample, from
	// Seed and the sample's row, for a coverage that is exact instead of at
	// least that; otherwise u is 1.
	Randomized bool
	Seed       uint64
	// Lambda and K are those of RAPS. Lambda 0 is the 0.001 of Conf-OT's
	// release, which has a K of 1.
	Lambda float64
	K      int
	// ByClass has a threshold for each class, from that class's samples: the
	// coverage then holds for every class by itself. A class with too few
	// samples for it is put into every set, and listed in Unassured.
	ByClass bool
}

func (o *ConformalOptions) check() error {
	if o.Score == "" {
		o.Score = LAC
	}
	if !slices.Contains(ConformalScores(), o.Score) {
		return fmt.Errorf("score %q: choose lac, aps or raps", o.Score)
	}
	if o.Coverage == 0 {
		o.Coverage = 0.9
	}
	if err := checkFraction("coverage", o.Coverage); err != nil {
		return err
	}
	if o.Lambda == 0 {
		o.Lambda = 0.001
	}
	if !(o.Lambda >= 0) || math.IsInf(o.Lambda, 0) || o.K < 0 {
		return fmt.Errorf("RAPS with λ %v and k %d: want a finite λ and a k of at least 0", o.Lambda, o.K)
	}
	return nil
}

// Conformal makes sets of classes that hold the label of a new sample with a
// probability of at least the coverage, if it is exchangeable with the
// calibration samples: drawn as they were. Nothing else is assumed of the
// model.
type Conformal struct {
	ConformalOptions
	Samples   int     // calibration samples
	Classes   int     // columns of the logits
	Threshold float64 // the largest score that is let in
	// Thresholds are those of the classes, with ByClass; +Inf lets always in.
	Thresholds []float64
	// Unassured are the classes for which a coverage by class cannot be
	// promised: those without calibration samples, and with ByClass those with
	// too few.
	Unassured []int
}

// FitConformal sets the threshold at the ⌈(n+1)·coverage⌉-th smallest score of
// the calibration samples' labels: the exact finite-sample quantile. The fold
// must have no part in training, nor in fitting a calibrator that is applied.
func FitConformal(logits Rows, labels []int, opt ConformalOptions) (Conformal, error) {
	all, err := FitConformals(logits, labels, opt)
	if err != nil {
		return Conformal{}, err
	}
	return all[0], nil
}

// FitConformals is [FitConformal] for several scores or coverages, which takes one
// pass over the logits.
func FitConformals(logits Rows, labels []int, opts ...ConformalOptions) ([]Conformal, error) {
	n, k := logits.Shape()
	if err := checkDimensions(n, k); err != nil {
		return nil, err
	}
	if err := checkLabels(n, k, labels); err != nil {
		return nil, err
	}
	all, scores := make([]Conformal, len(opts)), make([][]float64, len(opts))
	for j, o := range opts {
		if err := o.check(); err != nil {
			return nil, err
		}
		all[j] = Conformal{ConformalOptions: o, Samples: n, Classes: k, Unassured: unseenClasses(k, labels)}
		scores[j] = make([]float64, n)
	}
	err := eachSorted(logits, func(i int, s *sorter) error {
		for j := range all {
			scores[j][i] = s.scoreOf(&all[j].ConformalOptions, labels[i], all[j].draw(i, 0))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for j := range all {
		if all[j].ByClass {
			all[j], err = all[j].byClass(scores[j], labels)
		} else {
			all[j].Threshold, err = conformalQuantile(scores[j], all[j].Coverage)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c Conformal) byClass(scores []float64, labels []int) (Conformal, error) {
	own := make([][]float64, c.Classes)
	for i, y := range labels {
		own[y] = append(own[y], scores[i])
	}
	c.Thresholds, c.Unassured = make([]float64, c.Classes), nil
	for k := range own {
		q, err := conformalQuantile(own[k], c.Coverage)
		if err != nil {
			q = math.Inf(1)
			c.Unassured = append(c.Unassured, k)
		}
		c.Thresholds[k] = q
	}
	if len(c.Unassured) == c.Classes {
		return Conformal{}, fmt.Errorf("%w: no class has the %d samples that a coverage of %g by class needs",
			ErrFewSamples, leastSamples(c.Coverage), c.Coverage)
	}
	return c, nil
}

// conformalQuantile returns the ⌈(n+1)·coverage⌉-th smallest score.
func conformalQuantile(scores []float64, coverage float64) (float64, error) {
	rank := quantileRank(len(scores), coverage)
	if rank > len(scores) {
		return 0, fmt.Errorf("%w: %d, but a coverage of %g needs at least %d", ErrFewSamples, len(scores),
			coverage, leastSamples(coverage))
	}
	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	return sorted[rank-1], nil
}

// quantileRank is ⌈(n+1)·coverage⌉, with what rounding adds to a whole product
// taken off.
func quantileRank(n int, coverage float64) int {
	return int(math.Ceil(float64(n+1)*coverage - 1e-9))
}

// leastSamples is the least n with ⌈(n+1)·coverage⌉ <= n.
func leastSamples(coverage float64) int {
	n := max(1, int(coverage/(1-coverage))-1)
	for quantileRank(n, coverage) > n {
		n++
	}
	return n
}

// draw is u of a row; calibration rows and others draw apart.
func (c *ConformalOptions) draw(row, fold int) float64 {
	if !c.Randomized || c.Score == LAC {
		return 1
	}
	return float64(rand.NewPCG(c.Seed, uint64(row)*2+uint64(fold)).Uint64()>>11) / (1 << 53)
}

// Sets returns the classes let in for each row, the most probable first.
func (c Conformal) Sets(logits Rows) ([][]int, error) {
	all, err := ConformalSets(logits, c)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ConformalSets are the sets of several by [Conformal.Sets], from one pass over the
// logits.
func ConformalSets(logits Rows, of ...Conformal) ([][][]int, error) {
	n, k := logits.Shape()
	if err := checkDimensions(n, k); err != nil {
		return nil, err
	}
	all := make([][][]int, len(of))
	for j, c := range of {
		if k != c.Classes {
			return nil, fmt.Errorf("the calibration fold has %d classes, the logits have %d", c.Classes, k)
		}
		all[j] = make([][]int, n)
	}
	err := eachSorted(logits, func(i int, s *sorter) error {
		for j := range of {
			all[j][i] = of[j].set(s, of[j].draw(i, 1))
		}
		return nil
	})
	return all, err
}

// set walks the classes from the most probable on. Without thresholds of their
// own the scores rise, so the first that is too large ends the set.
func (c *Conformal) set(s *sorter, u float64) []int {
	if c.Score == LAC {
		return s.among(func(k int, p float64) bool {
			if c.ByClass {
				return 1-p <= c.Thresholds[k]
			}
			return 1-p <= c.Threshold
		})
	}
	s.rewind()
	set := []int{}
	before := 0.0
	for rank := 1; ; rank++ {
		k, ok := s.next()
		if !ok {
			return set
		}
		limit := c.Threshold
		if c.ByClass {
			limit = c.Thresholds[k]
		}
		p := s.probs[k]
		if c.score(p, before, rank, u) <= limit {
			set = append(set, k)
		} else if !c.ByClass {
			return set
		}
		before += p
	}
}

func (c *ConformalOptions) score(p, before float64, rank int, u float64) float64 {
	if c.Score == LAC {
		return 1 - p
	}
	s := before + u*p
	if c.Score == RAPS {
		s += max(0, c.Lambda*float64(rank-c.K))
	}
	return s
}
