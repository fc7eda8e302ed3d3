package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/internal/atomicfile"
)

// AdaptOptions is one training to run and where to keep it.
type AdaptOptions struct {
	Method adapt.Method
	Remedy adapt.Remedy // nil means none
	Train  adapt.Options

	// Features names the feature files; or Data holds what they would.
	Features []string
	Data     *adapt.Data
	Inputs   Inputs  // where Data came from
	Classes  []Class // names and prompts, where they are known

	// Init, unless empty, is a file of initial values of the trained
	// parameters, under the names an adapter's file has them: residual,
	// classifier, w1, w2, cache_keys.
	Init string

	Out string // folder of the run

	// Log, unless nil, gets a line for every choice made.
	Log func(line string)
}

// Class is a class's name and the prompts its prototype was made of.
type Class struct {
	Name    string   `json:"name"`
	Prompts []string `json:"prompts,omitempty"`
}

// Adapt trains and writes a run. It reports whether it did anything: a
// finished run of the same recipe is left as it is, an unfinished one is
// continued, and a folder with another recipe is an error.
func Adapt(ctx context.Context, o AdaptOptions) (trained bool, err error) {
	if o.Out == "" {
		return false, errors.New("adapt: no folder given for the run (--out)")
	}
	if o.Remedy == nil {
		o.Remedy = adapt.None{}
	}
	if o.Train, err = o.Train.Resolved(); err != nil {
		return false, fmt.Errorf("adapt: %w", err)
	}
	data, err := o.data()
	if err != nil {
		return false, fmt.Errorf("adapt: %w", err)
	}
	if o.Init != "" {
		if o.Train.Init, o.Inputs.InitSHA256, err = readInit(o.Init); err != nil {
			return false, fmt.Errorf("adapt: %w", err)
		}
	}
	recipe, err := newRecipe(o.Method, o.Remedy, o.Train, data, o.Inputs)
	if err != nil {
		return false, fmt.Errorf("adapt: %w", err)
	}
	if o.Log != nil {
		for _, c := range recipe.Choices {
			o.Log(c)
		}
	}
	done, err := existing(o.Out, recipe)
	if err != nil || done {
		return false, err
	}
	o.Train.Checkpoint = filepath.Join(o.Out, checkpointFile)
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return false, fmt.Errorf("adapt: %w", err)
	}
	if err := writeYAML(filepath.Join(o.Out, recipeFile), recipe); err != nil {
		return false, fmt.Errorf("adapt: %w", err)
	}
	a, err := adapt.Train(ctx, o.Method, o.Remedy, data, o.Train)
	if err != nil {
		return false, o.failed(a, err)
	}
	return true, o.write(a, recipe)
}

// data returns the training set, read from the feature files unless given.
func (o *AdaptOptions) data() (adapt.Data, error) {
	if o.Data != nil {
		o.Inputs = o.Inputs.withHash(*o.Data)
		return *o.Data, nil
	}
	f, err := ReadFeatures(o.Features...)
	if err != nil {
		return adapt.Data{}, err
	}
	o.Inputs.Features, o.Inputs.FeaturesSHA256 = o.Features, f.SHA256
	return f.Data, in(o.Features, missing(f.Data, tensorFeatures, tensorLabels, tensorPrototypes))
}

// missing names the first of the tensors that d lacks.
func missing(d adapt.Data, names ...string) error {
	absent := map[string]bool{
		tensorFeatures:   d.Features.Rows == 0,
		tensorLabels:     len(d.Labels) == 0,
		tensorPrototypes: d.Prototypes.Rows == 0,
	}
	for _, n := range names {
		if absent[n] {
			return fmt.Errorf("the feature files hold no %s (want features [N, D], labels [N] and text_features [K, D])", n)
		}
	}
	return nil
}

// existing reports whether dir holds the finished run of a recipe.
func existing(dir string, r Recipe) (bool, error) {
	old, err := ReadRecipe(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("adapt: %w; remove the folder %s or choose another", err, dir)
	}
	if !old.same(r) {
		return false, fmt.Errorf("adapt: %s holds a run of another recipe (%s, remedy %s, seed %d): choose another folder, or remove it",
			dir, old.Method, old.Remedy, old.Seed)
	}
	_, err = os.Stat(filepath.Join(dir, adapterFile))
	return err == nil, nil
}

// failed keeps what a diverged training left, beside the place of a finished
// one. A training that never began leaves nothing that a better one would trip
// over.
func (o AdaptOptions) failed(a *adapt.Adapter, err error) error {
	if a == nil {
		if _, none := os.Stat(o.Train.Checkpoint); none != nil && !errors.Is(err, context.Canceled) {
			os.Remove(filepath.Join(o.Out, recipeFile))
			os.Remove(o.Out) // if it is empty
		}
		return fmt.Errorf("adapt: %w", in(o.Features, err))
	}
	path := filepath.Join(o.Out, "last-good-"+adapterFile)
	if saveErr := a.Save(path); saveErr != nil {
		return errors.Join(err, saveErr)
	}
	return fmt.Errorf("adapt: %w (written to %s)", err, path)
}

// write puts the run's files in place, the adapter last: it marks the end.
func (o AdaptOptions) write(a *adapt.Adapter, r Recipe) error {
	var log strings.Builder
	for _, c := range r.Choices {
		fmt.Fprintln(&log, c)
	}
	for e, l := range a.Losses {
		fmt.Fprintf(&log, "epoch %d of %d: loss %.6g, rate %.6g\n", e+1, r.Epochs, l, o.Train.Schedule.Rate(r.LearningRate, e, r.Epochs))
	}
	if err := atomicfile.WriteBytes(filepath.Join(o.Out, logFile), []byte(log.String())); err != nil {
		return fmt.Errorf("adapt: %w", err)
	}
	if len(o.Classes) > 0 {
		if err := writeJSON(filepath.Join(o.Out, classesFile), o.Classes); err != nil {
			return fmt.Errorf("adapt: %w", err)
		}
	}
	if err := a.Save(filepath.Join(o.Out, adapterFile)); err != nil {
		return fmt.Errorf("adapt: %w", err)
	}
	return nil
}
