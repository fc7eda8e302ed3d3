package adapt

import (
	"context"
	"fmt"
)

// task is one training: checked data and options with their defaults.
type task struct {
	ctx     context.Context
	method  Method
	remedy  Remedy
	data    Data
	options Options // resolved, Device set

	unitRows Matrix
}

// unit returns the features at unit length, computed once.
func (t *task) unit() Matrix {
	if t.unitRows.Data == nil {
		t.unitRows = t.data.Features.unit()
	}
	return t.unitRows
}

// start returns the state that training begins with.
func (t *task) start() (*state, error) {
	s, err := t.method.prepare(t)
	if err != nil {
		return nil, err
	}
	s.fixed[namePrototypes] = t.data.Prototypes
	for name, m := range t.options.Init {
		own, ok := s.params[name]
		if !ok {
			return nil, fmt.Errorf("initial value for %q: %s trains %s", name, t.method.Name(), listOr(keys(s.params), "nothing"))
		}
		if own.Rows != m.Rows || own.Cols != m.Cols {
			return nil, fmt.Errorf("initial value for %q: shape [%d, %d], want [%d, %d]", name, m.Rows, m.Cols, own.Rows, own.Cols)
		}
		if err := m.check("initial value for " + name); err != nil {
			return nil, err
		}
		s.params[name] = m.Clone()
	}
	return s, nil
}
