package adapt

import (
	"errors"
	"fmt"

	"clipcalib/weights"
)

// Two text features of one class, made by one model of one prompt, have at least
// sameClass as their cosine; one that is nearer to another class by more than
// otherClass is of that class. Where all classes lie close together, it is of that
// class if its distance, 1 - cosine, is so many times smaller, beyond what
// rounding to float16 does.
const (
	sameClass     = 0.99
	otherClass    = 0.01
	timesNearer   = 10
	roundingError = 1e-5
)

// ofAnother says whether a text feature is of the class that it has the cosine best
// with, and not of the one it has own with.
func ofAnother(own, best float64) bool {
	return best > own+otherClass || 1-own > roundingError && timesNearer*max(0, 1-best) < 1-own
}

// settlePrototypes decides whose text prototypes the adapter has, and sees that
// they are of the classes it is used for, in the same order.
func (o Foreign) settlePrototypes(f *weights.Adapter, s *State) ([]string, error) {
	if f.Base.Rows == 0 {
		if o.Prototypes.Rows == 0 {
			return nil, errors.New("it holds no text prototypes, and none are given")
		}
		s.Fixed[namePrototypes] = o.Prototypes
		return nil, nil
	}
	base := ofFile(f.Base)
	s.Fixed[namePrototypes] = base
	if o.Prototypes.Rows == 0 {
		return nil, nil
	}
	if base.Rows != o.Prototypes.Rows || base.Cols != o.Prototypes.Cols {
		return nil, fmt.Errorf("it is for %d classes and features %d wide, and used for %d classes and features %d wide: "+
			"name first a target that has all its classes, and the model it was trained on",
			base.Rows, base.Cols, o.Prototypes.Rows, o.Prototypes.Cols)
	}
	return o.checkOrder(base)
}

// checkOrder compares the file's text prototypes with those of the classes as
// they are used: a checkpoint has no names.
func (o Foreign) checkOrder(base Matrix) ([]string, error) {
	ours, theirs := o.Prototypes.unit(), base.unit()
	var wrong []string
	same := 0
	for k := range theirs.Rows {
		row := theirs.Row(k)
		own := dot(row, ours.Row(k))
		best, at := own, k
		for j := range ours.Rows {
			if c := dot(row, ours.Row(j)); c > best {
				best, at = c, j
			}
		}
		if own >= sameClass {
			same++
		}
		if ofAnother(own, best) {
			wrong = append(wrong, fmt.Sprintf("its class %d is nearest to %s (cosine %.3f) and not to %s (%.3f)", k,
				o.class(at), best, o.class(k), own))
		}
	}
	switch {
	case len(wrong) == 0:
		return nil, nil
	case 2*same > theirs.Rows || 2*len(wrong) > theirs.Rows:
		return nil, fmt.Errorf("its text features are not those of the classes in this order: %s, and so for %d of %d "+
			"classes; it is of another order of classes or of another model", wrong[0], len(wrong), theirs.Rows)
	}
	return []string{fmt.Sprintf("the file's text features are others than the model's: %s, and so for %d of %d classes",
		wrong[0], len(wrong), theirs.Rows)}, nil
}

func (o Foreign) class(k int) string {
	if k < len(o.Classes) {
		return fmt.Sprintf("%d, %q", k, o.Classes[k])
	}
	return fmt.Sprintf("%d", k)
}

// fits sees that an adapter's matrices are those of its method for its classes;
// votes is the number of classes that the labels of its cache are of.
func (a *Adapter) fits(votes int) error {
	k, d := a.Classes(), a.Width()
	for _, slot := range a.Method.Layout(k, d) {
		group := a.state.Fixed
		if slot.Trained {
			group = a.state.Trained
		}
		m := group[slot.Name]
		if (slot.Rows != AnyRows && m.Rows != slot.Rows) || m.Cols != slot.Cols {
			return fmt.Errorf("%s of shape [%d, %d] does not fit %d classes and features %d wide", slot.Name, m.Rows, m.Cols,
				k, d)
		}
		if err := m.check(slot.Name); err != nil {
			return err
		}
		if slot.Labelled && len(a.state.Labels) != m.Rows {
			return fmt.Errorf("%d labels for %d keys of the cache", len(a.state.Labels), m.Rows)
		}
	}
	if votes > 0 && votes != k {
		return fmt.Errorf("the labels of its cache are of %d classes, and it is used for %d", votes, k)
	}
	return nil
}
