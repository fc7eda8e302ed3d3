package adapt

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"clipcalib/internal/train"
)

// Training is one training: a method, a remedy, and checked data and options
// with their defaults.
type Training struct {
	ctx     context.Context
	method  Method
	remedy  Remedy
	data    Data
	options Options // resolved, Engine set

	unitRows Matrix
}

// Data is the training set.
func (t *Training) Data() Data { return t.data }

// Options are the options with their defaults.
func (t *Training) Options() Options { return t.options }

// Classes is the number of classes, K.
func (t *Training) Classes() int { return t.data.classes() }

// Width is the width of the features, D.
func (t *Training) Width() int { return t.data.width() }

// Rand draws the initial values of parameters: the same ones for a seed.
func (t *Training) Rand() Rand { return train.InitialValues(t.options.Seed) }

// Rand draws random numbers by its methods
//
//	Uniform() float64  // in [0, 1)
//	Normal() float64   // standard normal
//	Below(n int) int   // in [0, n)
type Rand = train.Generator

// UnitFeatures returns the features at unit length, computed once.
func (t *Training) UnitFeatures() Matrix {
	if t.unitRows.Data == nil {
		t.unitRows = t.data.Features.unit()
	}
	return t.unitRows
}

// start returns the state that training begins with.
func (t *Training) start() (*State, error) {
	s, err := t.method.Start(t)
	if err != nil {
		return nil, err
	}
	if err := t.check(s); err != nil {
		return nil, err
	}
	s.Fixed[namePrototypes] = t.data.Prototypes
	for name, m := range t.options.Init {
		own, ok := s.Trained[name]
		if !ok {
			trained := slices.Sorted(maps.Keys(s.Trained))
			return nil, fmt.Errorf("initial value for %q: %s trains %s", name, t.method.Name(), listOr(trained,
				"nothing"))
		}
		if own.Rows != m.Rows || own.Cols != m.Cols {
			return nil, fmt.Errorf("initial value for %q: shape [%d, %d], want [%d, %d]", name, m.Rows, m.Cols,
				own.Rows, own.Cols)
		}
		if err := m.check("initial value for " + name); err != nil {
			return nil, err
		}
		s.Trained[name] = m.Clone()
	}
	return &s, nil
}

// check sees that a state is what the method's layout says.
func (t *Training) check(s State) error {
	if s.Trained == nil || s.Fixed == nil {
		return fmt.Errorf("%s: its Start gave no state: use NewState", t.method.Name())
	}
	for _, slot := range t.method.Layout(t.Classes(), t.Width()) {
		group := s.Fixed
		if slot.Trained {
			group = s.Trained
		}
		m, ok := group[slot.Name]
		if !ok {
			return fmt.Errorf("%s: its Start gave no %s", t.method.Name(), slot.Name)
		}
		if slot.Rows != AnyRows && m.Rows != slot.Rows || m.Cols != slot.Cols {
			return fmt.Errorf("%s: its Start gave %s of shape [%d, %d], its Layout says [%d, %d]", t.method.Name(),
				slot.Name, m.Rows, m.Cols, slot.Rows, slot.Cols)
		}
		if err := m.check(slot.Name); err != nil {
			return fmt.Errorf("%s: %w", t.method.Name(), err)
		}
		if slot.Labelled && len(s.Labels) != m.Rows {
			return fmt.Errorf("%s: %d labels for the %d rows of %s", t.method.Name(), len(s.Labels), m.Rows, slot.Name)
		}
	}
	return nil
}
