package data

import "fmt"

// The halves of a set's classes, for generalisation from base to new classes.
const (
	Base = "base"
	New  = "new"
)

func validHalf(s string) bool { return s == Base || s == New }

// half is the set of the first half of the classes (Base), the larger one where
// their number is odd, or of the second (New), with labels from 0: CoOp's
// subsample_classes. Shots are drawn of the whole set before it is parted, as CoOp
// does, so that a class has the same ones in either.
func (s *Set) half(which string) (*Set, error) {
	if len(s.Classes) < 2 {
		return nil, fmt.Errorf("data set %s: %d class makes no two halves", s.Name, len(s.Classes))
	}
	middle := (len(s.Classes) + 1) / 2
	var labels []int
	for l := range s.Classes {
		if (l < middle) == (which == Base) {
			labels = append(labels, l)
		}
	}
	out, err := s.Subset(labels)
	if err != nil {
		return nil, err
	}
	out.Half, out.whole, out.labels = which, s, labels
	out.note("%s classes: %d to %d of %d", which, labels[0], labels[len(labels)-1], len(s.Classes))
	return out, nil
}
