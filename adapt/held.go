package adapt

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// held is a state's matrices on an engine, shared by every graph that is built
// of it.
type held struct {
	engine  engine.Engine
	tensors map[string]*tensor.Dense
	labels  *tensor.Dense // of the cache, int32
}

// nameUnitPrototypes names the prototypes scaled to unit length.
const nameUnitPrototypes = namePrototypes + " of unit length"

func newHeld(e engine.Engine, s *State) (*held, error) {
	d := &held{engine: e, tensors: map[string]*tensor.Dense{}}
	for _, group := range []map[string]Matrix{s.Fixed, s.Trained} {
		for name, m := range group {
			if err := d.upload(name, m); err != nil {
				d.close()
				return nil, err
			}
		}
	}
	if err := d.prepare(s); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *held) upload(name string, m Matrix) error {
	t, err := d.engine.New(tensor.Float32, m.Rows, m.Cols)
	if err != nil {
		return fmt.Errorf("memory for %s: %w", name, err)
	}
	d.tensors[name] = t
	if err := d.engine.Upload(t, m.Data); err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	return nil
}

// prepare derives what does not change: normalised prototypes, labels.
func (d *held) prepare(s *State) error {
	p := d.tensors[namePrototypes]
	unit, err := d.engine.New(tensor.Float32, p.Shape()...)
	if err != nil {
		return fmt.Errorf("memory for prototypes: %w", err)
	}
	d.tensors[nameUnitPrototypes] = unit
	if err := d.engine.L2Normalize(unit, p); err != nil {
		return fmt.Errorf("normalise prototypes: %w", err)
	}
	if len(s.Labels) == 0 {
		return nil
	}
	if d.labels, err = d.engine.New(tensor.Int32, len(s.Labels)); err != nil {
		return fmt.Errorf("memory for labels: %w", err)
	}
	return d.engine.Upload(d.labels, int32s(s.Labels))
}

// download copies a tensor back to its matrix.
func (d *held) download(name string, m Matrix) error {
	if err := d.engine.Download(m.Data, d.tensors[name]); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func (d *held) close() {
	for _, t := range d.tensors {
		d.engine.Release(t)
	}
	if d.labels != nil {
		d.engine.Release(d.labels)
	}
}

func int32s(values []int) []int32 {
	out := make([]int32, len(values))
	for i, v := range values {
		out[i] = int32(v)
	}
	return out
}
