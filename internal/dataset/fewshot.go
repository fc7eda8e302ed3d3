package dataset

import (
	"fmt"

	"clipcalib/internal/pyrand"
)

// maxValShots is how many validation pictures per class CoOp keeps at most.
const maxValShots = 4

// FewShot draws shots pictures of every class, as Dassl's
// generate_fewshot_dataset does after random.seed(seed): one generator of
// Python's kind for the whole set, classes in the order they first occur in
// s.Items, random.sample within each. On a CoOp split file, whose order is
// fixed, the picks are the reference's own; on a folder set they are what the
// reference would pick from sorted folders.
//
// It is an error if a class has fewer pictures than shots or none at all.
func FewShot(s *Set, shots int, seed int64) (*Set, error) {
	return sampleShots(s, shots, pyrand.New(seed))
}

// FewShotWithVal draws the training pictures as [FewShot] does and then, with
// the same generator running on, min(shots, 4) pictures per class of val, as
// CoOp's data sets do.
func FewShotWithVal(train, val *Set, shots int, seed int64) (fewTrain, fewVal *Set, err error) {
	r := pyrand.New(seed)
	if fewTrain, err = sampleShots(train, shots, r); err != nil {
		return nil, nil, err
	}
	if fewVal, err = sampleShots(val, min(shots, maxValShots), r); err != nil {
		return nil, nil, fmt.Errorf("validation: %w", err)
	}
	return fewTrain, fewVal, nil
}

func sampleShots(s *Set, shots int, r *pyrand.Rand) (*Set, error) {
	if shots < 1 {
		return nil, fmt.Errorf("data set %s: %d shots, want at least 1", s.Name, shots)
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	byClass := make([][]Item, len(s.Classes))
	var order []int // labels by first occurrence
	for _, it := range s.Items {
		if len(byClass[it.Label]) == 0 {
			order = append(order, it.Label)
		}
		byClass[it.Label] = append(byClass[it.Label], it)
	}
	for label, items := range byClass {
		if len(items) < shots {
			return nil, fmt.Errorf("data set %s: class %d (%s) has %d images, fewer than %d shots",
				s.Name, label, s.Classes[label], len(items), shots)
		}
	}
	picked := make([]Item, 0, shots*len(order))
	for _, label := range order {
		items := byClass[label]
		indices, err := r.Sample(len(items), shots)
		if err != nil {
			return nil, err
		}
		for _, i := range indices {
			picked = append(picked, items[i])
		}
	}
	return s.with(picked), nil
}
