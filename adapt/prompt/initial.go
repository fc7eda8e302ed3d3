package prompt

import (
	"errors"
	"fmt"
	"slices"

	"clipcalib/weights"
)

// InitialValues reads what a file holds of the tensors that a method trains, for
// [Options].Init: a file that [Learner.Save] wrote, or a checkpoint of the PyTorch
// releases (model.pth.tar-50), whose frozen tensors are passed over. Learned
// tensors that the method does not train, and shapes that do not fit, are errors.
func InitialValues(path string, model *Model, m Method, classes []string) (map[string][]float32, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("initial values: %w", err)
	}
	defer f.Close()
	l, err := newLayout(model, m, classes)
	if err != nil {
		return nil, err
	}
	init := map[string][]float32{}
	for _, s := range l.slots {
		t, ok := find(f, s.name)
		if !ok {
			continue
		}
		if !slices.Equal(t.Shape, s.shape) {
			return nil, fmt.Errorf("initial values %s: tensor %s has shape %v, and %s trains %v: set its vectors, context or "+
				"depth as the file has them", path, t.Name, t.Shape, m.Name(), s.shape)
		}
		if init[s.name], err = t.Float32(); err != nil {
			return nil, fmt.Errorf("initial values %s: %w", path, err)
		}
	}
	if err := l.takes(f, model); err != nil {
		return nil, fmt.Errorf("initial values %s: %w", path, err)
	}
	if len(init) == 0 {
		return nil, fmt.Errorf("%s holds no initial values of %s; it has %s", path, m.Name(), excerpt(f.Names()))
	}
	return init, nil
}

// takes sees that the layout has a place for all that a file has learned.
func (l layout) takes(f *weights.File, model *Model) error {
	has := func(name string) bool {
		return slices.ContainsFunc(l.slots, func(s slot) bool {
			return s.name == name || s.name == learner+name
		})
	}
	from := &Learner{model: model}
	err := errors.New("no method")
	if f.Metadata()[keyKind] == fileKind {
		err = from.readSettings(f.Metadata())
	} else if _, ok := find(f, nameCtx); ok {
		err = from.readForeign(f, LoadOptions{})
	}
	if err != nil { // single tensors: each of them is meant
		for _, name := range f.Names() {
			if !has(name) {
				return fmt.Errorf("nothing named %s trains", name)
			}
		}
		return nil
	}
	ctx, _ := find(f, nameCtx)
	slots, err := from.Method.layout(model.Config, ctx.Shape[len(ctx.Shape)-2], 1)
	if err != nil {
		return err
	}
	for _, s := range slots {
		if !has(s.name) {
			return fmt.Errorf("it holds prompts of %s with %s, which the method does not train", from.Method.Name(),
				s.name)
		}
	}
	return nil
}
