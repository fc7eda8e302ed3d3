package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/calib"
	"clipcalib/internal/npy"
)

// RemedyDAC names distance-aware calibration; see [calib.DAC].
const RemedyDAC = "dac"

// DAC scales the logits of learned prompts on classes other than those of the
// training; on those themselves it changes nothing.
type DAC struct {
	Neighbours int // nearest classes of the training; 0 means calib.DefaultNeighbours
}

func (d DAC) neighbours() int {
	if d.Neighbours == 0 {
		return calib.DefaultNeighbours
	}
	return d.Neighbours
}

// check reports what keeps the remedy from a run.
func (d DAC) check(c classifier) error {
	p, ok := c.(promptsOn)
	switch {
	case !ok:
		return errors.New("remedy dac is for learned prompts: an adapter has no text features of classes it was not " +
			"trained on")
	case p.learner.Remedy.Name() != adapt.None{}.Name():
		return fmt.Errorf("remedy dac is for runs without a remedy, and this one has %s", p.learner.Remedy.Name())
	}
	return nil
}

// apply returns the logits after the remedy, and keeps the text features that
// it comes from below dir.
func (d DAC) apply(ctx context.Context, p promptsOn, logits adapt.Matrix, dir string) (adapt.Matrix, error) {
	f, err := p.classFeatures(ctx)
	if err != nil {
		return logits, err
	}
	factors, err := calib.DACFactors(f, d.neighbours())
	if err != nil {
		return logits, err
	}
	m, err := calib.FromFloat32(logits.Rows, logits.Cols, logits.Data)
	if err != nil {
		return logits, err
	}
	if m, err = calib.DAC(m, factors); err != nil {
		return logits, err
	}
	return adapt.Matrix{Rows: m.N, Cols: m.K, Data: float32s(m)},
		WriteClassFeatures(filepath.Join(dir, classFeaturesDir), f)
}

// classFeatures are those of the run's classes and of the target's.
func (c promptsOn) classFeatures(ctx context.Context) (f calib.ClassFeatures, err error) {
	both := func(l *prompt.Learner, tuned, zeroShot *calib.Matrix) {
		if err != nil {
			return
		}
		var t, z adapt.Matrix
		if t, z, err = l.TextFeatures(ctx); err != nil {
			return
		}
		if *tuned, err = calib.FromFloat32(t.Rows, t.Cols, t.Data); err == nil {
			*zeroShot, err = calib.FromFloat32(z.Rows, z.Cols, z.Data)
		}
	}
	both(c.trained, &f.TunedBase, &f.ZeroShotBase)
	both(c.learner, &f.TunedNew, &f.ZeroShotNew)
	return f, err
}

// classFeaturesDir is the folder, below that of an evaluation, of the text
// features that the remedy came from.
const classFeaturesDir = "class_features"

// classTable is a table of a folder of class features.
type classTable struct {
	file string
	m    *calib.Matrix
}

func classTables(f *calib.ClassFeatures) []classTable {
	return []classTable{
		{"zero_shot_base.npy", &f.ZeroShotBase}, {"tuned_base.npy", &f.TunedBase},
		{"zero_shot_new.npy", &f.ZeroShotNew}, {"tuned_new.npy", &f.TunedNew},
	}
}

// ReadClassFeatures reads the four tables of a folder, each [classes, D]:
// zero_shot_base.npy, tuned_base.npy, zero_shot_new.npy and tuned_new.npy.
func ReadClassFeatures(dir string) (calib.ClassFeatures, error) {
	var f calib.ClassFeatures
	for _, t := range classTables(&f) {
		path := filepath.Join(dir, t.file)
		n, k, data, err := npy.ReadMatrix(path)
		if err != nil {
			return f, err
		}
		*t.m = calib.Matrix{N: n, K: k, Data: data}
		if err := t.m.Check(); err != nil {
			return f, fmt.Errorf("%s: %w", path, err)
		}
	}
	return f, nil
}

// WriteClassFeatures writes what [ReadClassFeatures] reads, as float32.
func WriteClassFeatures(dir string, f calib.ClassFeatures) error {
	for _, t := range classTables(&f) {
		if err := npy.WriteFile(filepath.Join(dir, t.file), float32s(*t.m), t.m.N, t.m.K); err != nil {
			return err
		}
	}
	return nil
}

func float32s(m calib.Matrix) []float32 {
	out := make([]float32, len(m.Data))
	for i, v := range m.Data {
		out[i] = float32(v)
	}
	return out
}
