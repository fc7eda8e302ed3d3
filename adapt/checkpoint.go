package adapt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"math"
	"os"

	"clipcalib/weights"
)

// progressRecord is what a checkpoint holds besides tensors.
type progressRecord struct {
	position
	Losses []float64
	Task   string // fingerprint of data and options
}

const (
	checkpointKind = "clipcalib checkpoint 1"
	keyKind        = "kind"
	keyProgress    = "progress"
)

// resume makes tr continue from the task's checkpoint, if there is one, and
// makes it write one when it must.
func (t *task) resume(tr *trainer, s *state, dev *device) error {
	path := t.options.Checkpoint
	if path == "" {
		return nil
	}
	fingerprint := t.fingerprint(s)
	tr.save = func(tr *trainer) error { return t.writeCheckpoint(path, fingerprint, tr, s, dev) }
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := t.readCheckpoint(path, fingerprint, tr, s, dev); err != nil {
		return fmt.Errorf("continue from checkpoint %s: %w; remove it to start again", path, err)
	}
	return tr.remember()
}

func (t *task) writeCheckpoint(path, fingerprint string, tr *trainer, s *state, dev *device) error {
	var tensors []weights.NamedTensor
	for _, p := range tr.opt.params {
		v := make([]float32, p.value.Shape().TotalSize())
		if err := dev.engine.Download(v, p.value); err != nil {
			return err
		}
		tensors = append(tensors, weights.NamedTensor{Name: p.name, Shape: p.value.Shape(), Data: v})
	}
	for _, name := range keys(tr.opt.moments) {
		m := tr.opt.moments[name]
		v := make([]float32, m.Shape().TotalSize())
		if err := dev.engine.Download(v, m); err != nil {
			return err
		}
		tensors = append(tensors, weights.NamedTensor{Name: name, Shape: m.Shape(), Data: v})
	}
	for _, name := range []string{nameConstraint, nameMomentum} {
		if m, ok := s.fixed[name]; ok {
			tensors = append(tensors, weights.NamedTensor{Name: name, Shape: []int{m.Rows, m.Cols}, Data: m.Data})
		}
	}
	record, err := json.Marshal(progressRecord{position: tr.at, Losses: tr.losses, Task: fingerprint})
	if err != nil {
		return err
	}
	return weights.WriteSafetensors(path, tensors, map[string]string{keyKind: checkpointKind, keyProgress: string(record)})
}

func (t *task) readCheckpoint(path, fingerprint string, tr *trainer, s *state, dev *device) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if kind := f.Metadata()[keyKind]; kind != checkpointKind {
		return fmt.Errorf("file is not a checkpoint of a training (kind %.40q)", kind)
	}
	var record progressRecord
	if err := json.Unmarshal([]byte(f.Metadata()[keyProgress]), &record); err != nil {
		return fmt.Errorf("progress: %w", err)
	}
	if record.Task != fingerprint {
		return errors.New("it belongs to a training with other data or options")
	}
	if record.Epoch < 0 || record.Epoch > t.options.Epochs || record.Step < 0 || record.Step > tr.sampler.steps || len(record.Losses) != record.Epoch {
		return fmt.Errorf("progress of epoch %d, step %d, %d losses is impossible", record.Epoch, record.Step, len(record.Losses))
	}
	read := func(name string, rows, cols int) ([]float32, error) {
		m, err := readMatrix(f, name)
		if err != nil {
			return nil, err
		}
		if m.Rows != rows || m.Cols != cols {
			return nil, fmt.Errorf("tensor %s: shape [%d, %d], want [%d, %d]", name, m.Rows, m.Cols, rows, cols)
		}
		return m.Data, nil
	}
	for _, p := range tr.opt.params {
		shape := p.value.Shape()
		v, err := read(p.name, shape[0], shape[1])
		if err != nil {
			return err
		}
		if err := dev.engine.Upload(p.value, v); err != nil {
			return err
		}
	}
	for _, name := range keys(tr.opt.moments) {
		m := tr.opt.moments[name]
		v, err := read(name, m.Shape()[0], m.Shape()[1])
		if err != nil {
			return err
		}
		if err := dev.engine.Upload(m, v); err != nil {
			return err
		}
	}
	for _, name := range []string{nameConstraint, nameMomentum} {
		if m, ok := s.fixed[name]; ok {
			v, err := read(name, m.Rows, m.Cols)
			if err != nil {
				return err
			}
			copy(m.Data, v)
		}
	}
	if m, ok := s.fixed[nameConstraint]; ok {
		if err := dev.engine.Upload(dev.tensors[nameConstraint], m.Data); err != nil {
			return err
		}
	}
	tr.at, tr.losses = record.position, record.Losses
	return nil
}

// fingerprint hashes everything that decides the result of the task.
func (t *task) fingerprint(s *state) string {
	h := sha256.New()
	o := t.options
	fmt.Fprintf(h, "%s %+v %s %+v %s %d %g %d %g %s %s %g %d %s\n", t.method.Name(), t.method, t.remedy.Name(), t.remedy,
		o.Loss, o.Epochs, o.LR, o.Batch, o.WeightDecay, o.Optimizer, o.Schedule, o.LogitScale, o.Seed, o.Compat)
	for _, m := range []Matrix{t.data.Features, t.data.Prototypes} {
		hashFloats(h, m)
	}
	fmt.Fprintln(h, t.data.views(), t.data.Labels)
	for _, name := range keys(s.params) {
		fmt.Fprintln(h, name)
		hashFloats(h, s.params[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func hashFloats(h hash.Hash, m Matrix) {
	fmt.Fprintln(h, m.Rows, m.Cols)
	buf := make([]byte, 0, 1<<16)
	for i, v := range m.Data {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		if len(buf) == cap(buf) || i == len(m.Data)-1 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
}

// readMatrix reads a matrix, or a vector as one row, of finite numbers.
func readMatrix(f *weights.File, name string) (Matrix, error) {
	t, ok := f.Lookup(name)
	if !ok {
		return Matrix{}, fmt.Errorf("tensor %s is missing", name)
	}
	if len(t.Shape) < 1 || len(t.Shape) > 2 {
		return Matrix{}, fmt.Errorf("tensor %s: shape %v, want a matrix", name, t.Shape)
	}
	rows, cols := 1, t.Shape[len(t.Shape)-1]
	if len(t.Shape) == 2 {
		rows = t.Shape[0]
	}
	data, err := t.Float32()
	if err != nil {
		return Matrix{}, err
	}
	m := Matrix{Rows: rows, Cols: cols, Data: data}
	return m, m.check("tensor " + name)
}
