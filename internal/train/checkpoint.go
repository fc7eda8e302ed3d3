package train

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// progressRecord is what a checkpoint holds besides tensors.
type progressRecord struct {
	position
	Losses   []float64
	Identity string `json:"Task"` // of everything that decides the result
}

const (
	checkpointKind = "clipcalib checkpoint 1"
	keyKind        = "kind"
	keyProgress    = "progress"
)

// resume makes t continue from the checkpoint, if there is one, and
// makes it write one when it must.
func (t *trainer) resume() error {
	o, obj := t.options, t.objective
	if o.Checkpoint == "" {
		return nil
	}
	identity := fmt.Sprintf("%s %d %g %d %g %s %g %s %d", obj.Identity, o.Epochs, o.LR, o.Batch, o.WeightDecay,
		o.Optimizer,
		o.Epsilon, o.Schedule, o.Seed)
	if o.Order != nil {
		sum := sha256.New()
		for _, r := range o.Order {
			fmt.Fprintln(sum, r)
		}
		identity += fmt.Sprintf(" order %x", sum.Sum(nil))
	}
	t.save = func(t *trainer) error { return t.writeState(o.Checkpoint, identity, obj.State) }
	if _, err := os.Stat(o.Checkpoint); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := t.readState(o.Checkpoint, identity, obj.State); err != nil {
		return fmt.Errorf("continue from checkpoint %s: %w; remove it to start again", o.Checkpoint, err)
	}
	if obj.Resumed != nil {
		if err := obj.Resumed(); err != nil {
			return err
		}
	}
	return t.remember()
}

// onDevice lists everything on the engine that changes, by its name in files.
func (t *trainer) onDevice() map[string]*tensor.Dense {
	out := map[string]*tensor.Dense{}
	for _, p := range t.objective.Params {
		out[p.Name] = p.Value
	}
	for name, m := range t.opt.moments {
		out[name] = m
	}
	return out
}

func (t *trainer) writeState(path, identity string, host map[string][]float32) error {
	var tensors []weights.NamedTensor
	onDevice := t.onDevice()
	for _, name := range slices.Sorted(maps.Keys(onDevice)) {
		v, err := t.download(onDevice[name])
		if err != nil {
			return err
		}
		tensors = append(tensors, weights.NamedTensor{Name: name, Shape: onDevice[name].Shape(), Data: v})
	}
	for _, name := range slices.Sorted(maps.Keys(host)) {
		tensors = append(tensors, weights.NamedTensor{Name: name, Shape: []int{len(host[name])}, Data: host[name]})
	}
	record, err := json.Marshal(progressRecord{position: t.at, Losses: t.losses, Identity: identity})
	if err != nil {
		return err
	}
	meta := map[string]string{keyKind: checkpointKind, keyProgress: string(record)}
	return weights.WriteSafetensors(path, tensors, meta)
}

func (t *trainer) readState(path, identity string, host map[string][]float32) error {
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
	if record.Identity != identity {
		return errors.New("it belongs to a training with other data or options")
	}
	if record.Epoch < 0 || record.Epoch > t.options.Epochs || record.Step < 0 || record.Step > t.sampler.steps ||
		len(record.Losses) != record.Epoch {
		return fmt.Errorf("progress of epoch %d, step %d, %d losses is impossible", record.Epoch, record.Step,
			len(record.Losses))
	}
	onDevice := t.onDevice()
	for _, name := range slices.Sorted(maps.Keys(onDevice)) {
		v, err := f.View().Get(name, onDevice[name].Shape()...)
		if err != nil {
			return err
		}
		if err := t.engine.Upload(onDevice[name], v); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(host)) {
		v, err := f.View().Get(name, len(host[name]))
		if err != nil {
			return err
		}
		copy(host[name], v)
	}
	t.at, t.losses = record.position, record.Losses
	return nil
}
