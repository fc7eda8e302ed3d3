package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/docfile"

	"go.yaml.in/yaml/v3"
)

// The families of methods, by what they train.
const (
	FamilyAdapters = "adapters"
	FamilyPrompts  = "prompts"
	FamilyTestTime = "test-time"
)

// parameterFiles names the file of the trained parameters of every family.
var parameterFiles = map[string]string{FamilyAdapters: adapterFile, FamilyPrompts: promptsFile}

// training is how a run comes about, whatever it trains.
type training struct {
	recipe  Recipe
	model   Model
	classes []Class
	rate    func(epoch int) float64 // learning rate, epochs counted from 0

	// train trains, or goes on from the checkpoint. After divergence it returns
	// both the last good state and the error.
	train func(ctx context.Context, checkpoint string) (outcome, error)

	// twin, unless empty, is the folder of a run to take the parameters of where
	// only what a remedy does to finished logits tells the two apart; reload reads
	// them as this run's.
	twin   string
	reload func(path string) (outcome, error)
}

// outcome is what a training ends with; the zero value is nothing.
type outcome struct {
	save   func(path string) error
	losses []float64 // mean of every epoch
	// drift, unless nil, computes the statistics of the training pictures.
	drift func(ctx context.Context) (*Drift, error)
}

func (t training) file() string { return parameterFiles[t.recipe.Family] }

// keep trains into dir. It reports whether it trained: a finished run of the
// same recipe is left as it is, an unfinished one is continued, one whose
// training another run has done takes its parameters, and a folder with another
// recipe is an error.
func (t training) keep(ctx context.Context, dir string, log func(line string)) (trained bool, err error) {
	if dir == "" {
		return false, errors.New("no folder given for the run (--out)")
	}
	if log != nil {
		for _, c := range t.recipe.Choices {
			log(c)
		}
	}
	if hasManifest(dir) { // finished, perhaps where nothing may be written
		if done, err := t.existing(dir); err != nil || done {
			return false, err
		}
	}
	release, err := hold(ctx, dir, log)
	if err != nil {
		return false, err
	}
	defer release()
	done, err := t.existing(dir)
	if err != nil || done {
		return false, err
	}
	if err := unseal(dir); err != nil {
		return false, err
	}
	if err := docfile.WriteYAML(filepath.Join(dir, recipeFile), t.recipe); err != nil {
		return false, err
	}
	if err := t.model.writeTo(dir); err != nil {
		return false, err
	}
	if t.hasTwin() {
		if err := CheckFiles(t.twin, t.file()); err != nil {
			return false, err
		}
		got, err := t.reload(filepath.Join(t.twin, t.file()))
		if err != nil {
			return false, err
		}
		return false, t.write(ctx, dir, got)
	}
	got, err := t.train(ctx, filepath.Join(dir, checkpointFile))
	if err != nil {
		return false, t.failed(dir, got, err)
	}
	return true, t.write(ctx, dir, got)
}

// hasTwin reports whether a run that trained the same thing is there. It must
// agree in everything but what the remedy does to finished logits, the engine
// included, so that taking its parameters and training anew give the same bytes.
func (t training) hasTwin() bool {
	if t.twin == "" {
		return false
	}
	other, err := ReadRecipe(t.twin)
	if err != nil {
		return false
	}
	if _, err := os.Stat(filepath.Join(t.twin, t.file())); err != nil {
		return false
	}
	other, errOther := other.asTrained()
	own, errOwn := t.recipe.asTrained()
	a, errA := yaml.Marshal(other)
	b, errB := yaml.Marshal(own)
	return errors.Join(errOther, errOwn, errA, errB) == nil && bytes.Equal(a, b)
}

// existing reports whether dir holds the finished run.
func (t training) existing(dir string) (bool, error) {
	old, err := ReadRecipe(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w; remove the folder %s or choose another", err, dir)
	}
	if !old.same(t.recipe) {
		return false, fmt.Errorf("%s holds a run of another recipe (%s, remedy %s, seed %d): choose another folder, or "+
			"remove it",
			dir, old.Method, old.Remedy, old.Seed)
	}
	path := filepath.Join(dir, t.file())
	if _, err = os.Stat(path); err != nil {
		return false, nil
	}
	if hasManifest(dir) {
		return true, CheckFiles(dir)
	}
	// Of an older version, or killed at the very end: from now on it is vouched for.
	if t.reload != nil {
		if _, err := t.reload(path); err != nil {
			return false, &Damage{path, err.Error()}
		}
	}
	return true, seal(dir)
}

// failed keeps what a diverged training left, beside the place of a finished
// one. A training that never began leaves nothing that a better one would trip
// over.
func (t training) failed(dir string, got outcome, err error) error {
	if got.save == nil {
		if _, none := os.Stat(filepath.Join(dir, checkpointFile)); none != nil && !errors.Is(err, context.Canceled) {
			os.Remove(filepath.Join(dir, recipeFile))
			os.Remove(filepath.Join(dir, modelFile))
		}
		return err
	}
	path := filepath.Join(dir, "last-good-"+t.file())
	if saveErr := got.save(path); saveErr != nil {
		return errors.Join(err, saveErr)
	}
	return fmt.Errorf("%w (written to %s)", err, path)
}

// write puts the run's files in place, parameters and manifest last: they mark
// the end.
func (t training) write(ctx context.Context, dir string, got outcome) error {
	var log strings.Builder
	for _, c := range t.recipe.Choices {
		fmt.Fprintln(&log, c)
	}
	for e, l := range got.losses {
		fmt.Fprintf(&log, "epoch %d of %d: loss %.6g, rate %.6g\n", e+1, t.recipe.Epochs, l, t.rate(e))
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, logFile), []byte(log.String())); err != nil {
		return err
	}
	if len(t.classes) > 0 {
		if err := docfile.WriteJSON(filepath.Join(dir, classesFile), t.classes); err != nil {
			return err
		}
	}
	if got.drift != nil {
		// What is trained is not given up for this: its checkpoint is gone.
		d, err := got.drift(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		if err := docfile.WriteJSON(filepath.Join(dir, driftFile), d); err != nil {
			return err
		}
	}
	if err := got.save(filepath.Join(dir, t.file())); err != nil {
		return err
	}
	return seal(dir)
}
