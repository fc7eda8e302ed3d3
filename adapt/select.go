package adapt

import (
	"fmt"
	"maps"
)

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
	axes := map[string]Axis{namePrototypes: ByRow}
	for _, slot := range a.Method.Layout(a.Classes(), a.Width()) {
		axes[slot.Name] = slot.Classes
	}
	s := NewState()
	for _, pair := range []struct{ from, to map[string]Matrix }{{a.state.Trained, s.Trained}, {a.state.Fixed,
		s.Fixed}} {
		for name, m := range pair.from {
			switch axes[name] {
			case ByRow:
				m = m.take(classes)
			case ByColumn:
				m = Matrix{Rows: m.Cols, Cols: 1, Data: m.Data}.take(classes)
				m.Rows, m.Cols = m.Cols, m.Rows
			}
			pair.to[name] = m
		}
	}
	for _, y := range a.state.Labels {
		if i, ok := place[y]; ok {
			s.Labels = append(s.Labels, i)
		} else {
			s.Labels = append(s.Labels, -1)
		}
	}
	out := *a
	out.state = &s
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
		return nil, fmt.Errorf("prototypes of shape [%d, %d] in place of [%d, %d]", prototypes.Rows, prototypes.Cols,
			own.Rows, own.Cols)
	}
	out := *a
	out.state = &State{Trained: a.state.Trained, Fixed: maps.Clone(a.state.Fixed), Labels: a.state.Labels}
	out.state.Fixed[namePrototypes] = prototypes
	return &out, nil
}
