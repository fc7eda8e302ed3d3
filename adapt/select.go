package adapt

import (
	"fmt"
	"maps"
)

// byClass names the matrices of a state that have one row a class.
var byClass = map[string]bool{namePrototypes: true, nameClassifier: true, nameResidual: true}

// byColumn names those that have one column a class.
var byColumn = map[string]bool{nameConstraint: true, nameMomentum: true}

// Select returns the adapter restricted to classes, given by their index, in
// the order given: how a model of ImageNet's 1,000 classes is used on a target
// that has 200 of them. A cache keeps all its keys, but those of other classes
// no longer vote.
func (a *Adapter) Select(classes []int) (*Adapter, error) {
	place := map[int]int{}
	for i, k := range classes {
		if k < 0 || k >= a.Classes() {
			return nil, fmt.Errorf("select: class %d at place %d is outside 0 to %d", k, i, a.Classes()-1)
		}
		if _, twice := place[k]; twice {
			return nil, fmt.Errorf("select: class %d is listed twice", k)
		}
		place[k] = i
	}
	if len(classes) == 0 {
		return nil, fmt.Errorf("select: no classes given")
	}
	s := newState()
	for _, pair := range []struct{ from, to map[string]Matrix }{{a.state.params, s.params}, {a.state.fixed, s.fixed}} {
		for name, m := range pair.from {
			if byClass[name] {
				m = m.take(classes)
			}
			if byColumn[name] {
				m = Matrix{Rows: m.Cols, Cols: 1, Data: m.Data}.take(classes)
				m.Rows, m.Cols = m.Cols, m.Rows
			}
			pair.to[name] = m
		}
	}
	for _, y := range a.state.labels {
		if i, ok := place[y]; ok {
			s.labels = append(s.labels, i)
		} else {
			s.labels = append(s.labels, -1)
		}
	}
	out := *a
	out.state = s
	return &out, nil
}

// WithPrototypes returns the adapter with other text prototypes of the same
// classes, those of a target data set. Methods that train the class vectors
// themselves are not changed by it, apart from their zero-shot logits.
func (a *Adapter) WithPrototypes(prototypes Matrix) (*Adapter, error) {
	if err := prototypes.check("prototypes"); err != nil {
		return nil, err
	}
	if own := a.Prototypes(); prototypes.Rows != own.Rows || prototypes.Cols != own.Cols {
		return nil, fmt.Errorf("prototypes of shape [%d, %d] in place of [%d, %d]", prototypes.Rows, prototypes.Cols, own.Rows, own.Cols)
	}
	out := *a
	out.state = &state{params: a.state.params, fixed: maps.Clone(a.state.fixed), labels: a.state.labels}
	out.state.fixed[namePrototypes] = prototypes
	return &out, nil
}
