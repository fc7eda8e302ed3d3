package data

import (
	"fmt"
	"slices"

	"clipcalib/internal/pyrand"
)

// maxValShots is how many validation pictures per class CoOp keeps at most.
const maxValShots = 4

// Shots says how many pictures of a class are drawn.
type Shots struct {
	PerClass int // less than 1 takes every picture there is
	// Repeat draws PerClass pictures with repetition of a class that has fewer;
	// without it such a class gives all it has.
	Repeat bool
}

// FewShot draws shots of every class, as Dassl's generate_fewshot_dataset does
// after random.seed(seed): one generator of Python's kind for the whole set,
// classes in the order they first occur in s.Items, random.sample within each
// (random.choices to repeat). On a CoOp split file, whose order is fixed, the
// picks are the reference's own; on a folder set they are what the reference
// would pick from sorted folders.
func FewShot(s *Set, shots Shots, seed int64) (*Set, error) {
	return sampleShots(s, shots, pyrand.New(seed))
}

// FewShotWithVal draws the training pictures as [FewShot] does and then, with
// the same generator running on, min(shots, 4) pictures per class of val, as
// CoOp's data sets do.
func FewShotWithVal(train, val *Set, shots Shots, seed int64) (fewTrain, fewVal *Set, err error) {
	r := pyrand.New(seed)
	if fewTrain, err = sampleShots(train, shots, r); err != nil {
		return nil, nil, err
	}
	shots.PerClass = min(shots.PerClass, maxValShots)
	if fewVal, err = sampleShots(val, shots, r); err != nil {
		return nil, nil, fmt.Errorf("validation: %w", err)
	}
	return fewTrain, fewVal, nil
}

func sampleShots(s *Set, shots Shots, r *pyrand.Rand) (*Set, error) {
	if s.whole != nil {
		drawn, err := sampleShots(s.whole, shots, r)
		if err != nil {
			return nil, err
		}
		half, err := drawn.Subset(s.labels)
		if err != nil {
			return nil, err
		}
		return s.With(half.Items), nil
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	if shots.PerClass < 1 {
		return s.With(slices.Clone(s.Items)), nil
	}
	byClass := make([][]Item, len(s.Classes))
	var order []int // labels by first occurrence
	for _, it := range s.Items {
		if len(byClass[it.Label]) == 0 {
			order = append(order, it.Label)
		}
		byClass[it.Label] = append(byClass[it.Label], it)
	}
	var picked []Item
	for _, label := range order {
		drawn, err := draw(byClass[label], shots, r)
		if err != nil {
			return nil, err
		}
		picked = append(picked, drawn...)
	}
	return s.With(picked), nil
}

// draw picks the shots of one class.
func draw(items []Item, shots Shots, r *pyrand.Rand) ([]Item, error) {
	n, k := len(items), shots.PerClass
	var at []int
	switch {
	case n >= k:
		var err error
		if at, err = r.Sample(n, k); err != nil {
			return nil, err
		}
	case !shots.Repeat:
		return items, nil
	default:
		for range k {
			at = append(at, int(r.Float64()*float64(n))) // random.choices
		}
	}
	out := make([]Item, len(at))
	for i, j := range at {
		out[i] = items[j]
	}
	return out, nil
}

// Words says how many pictures of a class were drawn from a set, for the run's
// record: "16 shots a class", or "16 shots a class, fewer of 2 classes: red 3,
// blue 14", or with repetition "16 shots a class, drawn with repetition from 1
// class that has fewer: red 3".
func (shots Shots) Words(from, drawn *Set) string {
	counts := drawn.Counts()
	if shots.PerClass < 1 {
		return fmt.Sprintf("every picture as a shot, %d to %d a class", slices.Min(counts), slices.Max(counts))
	}
	line := counted(shots.PerClass, "shot", "shots") + " a class"
	var fewer []string
	for k, n := range from.Counts() {
		if !shots.Repeat {
			n = counts[k] // of picks, fewer than the set has
		}
		if 0 < n && n < shots.PerClass {
			fewer = append(fewer, fmt.Sprintf("%s %d", from.Classes[k], n))
		}
	}
	switch {
	case len(fewer) == 0:
	case !shots.Repeat:
		line += fmt.Sprintf(", fewer of %s: %s", counted(len(fewer), "class", "classes"), listed(fewer, 8))
	case len(fewer) == 1:
		line += ", drawn with repetition from 1 class that has fewer: " + fewer[0]
	default:
		line += fmt.Sprintf(", drawn with repetition from %d classes that have fewer: %s", len(fewer), listed(fewer, 8))
	}
	return line
}

// Drawn notes in the account of drawn pictures how many of the set they are
// from were left, and how many draws were of a picture that had been drawn.
func (a *Account) Drawn(from, drawn *Set) {
	left := map[string]int{}
	for _, it := range from.Items {
		left[it.Path]++
	}
	for _, it := range drawn.Items {
		if left[it.Path]--; left[it.Path] < 0 {
			a.Repeated++
		}
	}
	a.Listed = len(from.Items)
	a.NotDrawn = a.Listed + a.Repeated - len(drawn.Items)
}
