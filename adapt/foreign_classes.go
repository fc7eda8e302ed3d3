package adapt

import (
	"errors"
	"fmt"

	"clipcalib/weights"
)

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
	match := matchClasses(o.Prototypes, base)
	if match.wrong == nil {
		return nil, nil
	}
	k := match.wrong[0]
	how := fmt.Sprintf("its class %d is nearest to %s (cosine %.3f) and not to %s (%.3f), and so for %d of %d classes",
		k, o.class(match.nearest[k]), match.best[k], o.class(k), match.own[k], len(match.wrong), base.Rows)
	if match.certain() {
		return nil, fmt.Errorf("its text features are not those of the classes in this order: %s; it is of another "+
			"order of classes or of another model", how)
	}
	return []string{"the file's text features are others than the model's: " + how}, nil
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
			return fmt.Errorf("%s of shape [%d, %d] does not fit %d classes and features %d wide", slot.Name, m.Rows,
				m.Cols, k, d)
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
