package adapt

import (
	"fmt"
	"slices"
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

// classMatch is how text features fit those of classes that have no names.
type classMatch struct {
	own, best []float64 // cosine with the class of the same place, and the greatest one
	nearest   []int     // the class of the greatest one
	wrong     []int     // classes that are nearer to another one
	same      int       // classes that are surely of their place
}

// matchClasses compares the text features of classes with others of as many [K, D].
func matchClasses(classes, others Matrix) (m classMatch) {
	ours, theirs := classes.unit(), others.unit()
	for k := range theirs.Rows {
		row := theirs.Row(k)
		own := dot(row, ours.Row(k))
		best, at := own, k
		for j := range ours.Rows {
			if c := dot(row, ours.Row(j)); c > best {
				best, at = c, j
			}
		}
		m.own, m.best, m.nearest = append(m.own, own), append(m.best, best), append(m.nearest, at)
		if own >= sameClass {
			m.same++
		}
		if ofAnother(own, best) {
			m.wrong = append(m.wrong, k)
		}
	}
	return m
}

// certain says that the features are of another order of classes, or of another
// model: most classes are of their place and some are not, most are not, or some have
// changed places among each other. The last cannot come of other prompts that move
// all classes alike: then no exchange brings two classes nearer together.
func (m classMatch) certain() bool {
	n := len(m.own)
	return len(m.wrong) > 0 && (2*m.same > n || 2*len(m.wrong) > n || m.exchanged())
}

// exchanged says that classes have changed places in a circle.
func (m classMatch) exchanged() bool {
	for _, k := range m.wrong {
		at := k
		for range m.wrong {
			if at = m.nearest[at]; at == k {
				return true
			}
			if !slices.Contains(m.wrong, at) {
				break
			}
		}
	}
	return false
}

// CheckOrder refuses text prototypes of a target [K, D] that are those of the
// adapter's classes in another order, or of another model: nothing else says of
// feature files which class a row is.
func (a *Adapter) CheckOrder(prototypes Matrix) error {
	own := a.Prototypes()
	if prototypes.Rows != own.Rows || prototypes.Cols != own.Cols {
		return nil // which WithPrototypes refuses
	}
	m := matchClasses(own, prototypes)
	if !m.certain() {
		return nil
	}
	k := m.wrong[0]
	return fmt.Errorf("its text_features are not those of the run's classes in their order: row %d is nearest to "+
		"the run's class %d (cosine %.3f) and not to its class %d (%.3f), and so for %d of %d rows; put rows and "+
		"labels into the run's order of classes, or leave text_features out", k, m.nearest[k], m.best[k], k, m.own[k],
		len(m.wrong), own.Rows)
}
