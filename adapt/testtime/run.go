package testtime

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"path/filepath"

	"clipcalib/calib"
	"clipcalib/internal/docfile"
	"clipcalib/internal/run"
	"clipcalib/internal/settings"
)

// Item is one test image.
type Item struct {
	Key   string // names the image, in errors and in the list of what was classified: its path within the data set
	Label int
	Open  func() (image.Image, error)
}

// Inputs names what a run was made from. Empty fields do not apply; names and
// paths are told and no part of the run's identity.
type Inputs struct {
	Weights string // name of the checkpoint
	// Activation is the model's, with where it was found and where its
	// preprocessing was: told in the record.
	Activation, ActivationSource, PreprocessingSource string
	// By what the checkpoint was opened, as in [weights.Options].
	Prefix        string
	NoConfig      bool
	WeightsFile   string // path of the checkpoint, so that the run finds it again
	WeightsSHA256 string
	Data          string
	// of the list of images and labels; "" takes that of the items
	DataSHA256 string
}

// RunOptions say what is classified and where the results go.
type RunOptions struct {
	Items []Item
	// Dir is the folder of the run; the target's results go to a folder of its
	// Name under targets.
	Dir, Name string
	Inputs    Inputs
	Bins      calib.Options
	// Predict, unless nil, classifies item i in place of opening it: runs on the
	// same items can share the features of its views ([Tuner.TuneFeatures]), or
	// the tuning where the remedies have no part in it ([Tuner.Remedied]).
	Predict func(ctx context.Context, i int) (Prediction, error)
	// Progress, unless nil, is told how many of the images are done.
	Progress func(done, total int)
	// Each, unless nil, is told of every image that is classified, by its index.
	Each func(i int, p Prediction)
	// Log, unless nil, gets a line for every choice made.
	Log func(line string)
}

// Run classifies every item with a prompt of its own and writes
//
//	DIR/recipe.yaml                 what decides the run
//	DIR/model.yaml                  what is needed to use it
//	DIR/targets/NAME/logits.npy     float32 [N, K], after the remedy of inference
//	             .../zero_shot_logits.npy, labels.npy, classes.json
//	             .../metrics.json, zero_shot_metrics.json, log.txt
//	             .../target.yaml    what was evaluated; it marks the end
//
// When ctx ends, or an image cannot be read, the images done so far are kept:
// the same call goes on behind them and ends with the same files. A target that
// is finished is not run again.
func (t *Tuner) Run(ctx context.Context, o RunOptions) (Result, error) {
	r, err := t.run(ctx, o)
	if err != nil {
		return r, fmt.Errorf("%s on %s: %w", t.method.Name(), o.Name, err)
	}
	return r, nil
}

func (t *Tuner) run(ctx context.Context, o RunOptions) (Result, error) {
	if err := t.check(o); err != nil {
		return Result{Dir: filepath.Join(o.Dir, "targets", o.Name)}, err
	}
	if o.Inputs.DataSHA256 == "" {
		o.Inputs.DataSHA256 = itemsHash(o.Items)
	}
	recipe := t.recipe(o.Inputs)
	r, err := run.KeepTuned(ctx, run.TunedOptions{
		Recipe: recipe, Model: t.model(recipe, o), Dir: o.Dir, Name: o.Name, Classes: t.classes,
		Labels: labelsOf(o.Items),
		Inputs: run.TunedInputs{
			Weights: o.Inputs.Weights, WeightsSHA256: o.Inputs.WeightsSHA256,
			Model: run.ModelFacts{Activation: o.Inputs.Activation, ActivationSource: o.Inputs.ActivationSource,
				PreprocessingSource: o.Inputs.PreprocessingSource, Prefix: o.Inputs.Prefix,
				NoConfig: o.Inputs.NoConfig},
			Data: o.Inputs.Data, DataSHA256: o.Inputs.DataSHA256,
		},
		Bins: o.Bins, Progress: o.Progress, Log: o.Log,
		Classify: func(ctx context.Context, done int, keep func(logits, zeroShot []float32) error) error {
			return t.classify(ctx, o, done, func(p Prediction) error {
				err := keep(p.Logits, p.ZeroShot)
				if err == nil && o.Each != nil {
					o.Each(done, p)
				}
				done++
				return err
			})
		},
	})
	return Result(r), err
}

// recipe is everything that decides a run but its targets.
func (t *Tuner) recipe(in Inputs) run.TunedRecipe {
	o := t.options
	var fpp map[string]any
	if o.FPP != nil {
		fpp = settings.Values(*o.FPP)
	}
	return run.TunedRecipe{
		FPP:    fpp,
		Family: run.FamilyTestTime, Method: t.method.Name(), MethodSettings: docfile.Settings(t.method),
		Remedy: t.remedy.remedy.Name(), RemedySettings: docfile.Settings(t.remedy.remedy), Compat: string(o.Compat),
		Context: o.Context, Views: o.Views, Keep: o.Keep, AugMix: o.AugMix, LearningRate: o.LR,
		WeightDecay: *o.WeightDecay, Seed: o.Seed, ViewKey: ViewKey, Pinned: o.Pinned, Truncate: o.Truncate,
		LogitScale: t.scale, WeightsSHA256: in.WeightsSHA256,
		Preprocessing: t.images.Preprocessor().String(), Choices: t.Choices(),
	}
}

// model is what a run's model.yaml says.
func (t *Tuner) model(r run.TunedRecipe, o RunOptions) run.Model {
	m := run.NewModel(run.FamilyTestTime, t.method, t.remedy.remedy, t.options.Compat, t.scale)
	m.Preprocessing = r.Preprocessing
	m.SetWeights(o.Inputs.WeightsFile, o.Inputs.WeightsSHA256)
	m.SetConfig(t.config)
	m.Tuning = &run.Tuning{Context: r.Context, Pinned: r.Pinned, Views: r.Views, Keep: r.Keep, AugMix: r.AugMix,
		LearningRate: r.LearningRate,
		WeightDecay:  r.WeightDecay, Seed: r.Seed, ViewKey: r.ViewKey, FPP: r.FPP}
	m.Truncate, m.Prefix, m.NoConfig = r.Truncate, o.Inputs.Prefix, o.Inputs.NoConfig
	return m
}

func (t *Tuner) check(o RunOptions) error {
	switch {
	case len(o.Items) == 0:
		return errors.New("no images given")
	case o.Dir == "":
		return errors.New("no folder given for the run")
	case o.Name == "" || o.Name != filepath.Base(o.Name):
		return fmt.Errorf("%q is no name for a target's folder", o.Name)
	}
	for i, it := range o.Items {
		if it.Label < 0 || it.Label >= len(t.classes) {
			return fmt.Errorf("image %d (%s) has label %d, want 0 to %d", i, it.Key, it.Label, len(t.classes)-1)
		}
		if it.Open == nil {
			return fmt.Errorf("image %d (%s) cannot be opened: no function for it", i, it.Key)
		}
	}
	return nil
}

// classify tunes on the items that are not done, while the views of the next
// one are being made.
func (t *Tuner) classify(ctx context.Context, o RunOptions, done int, keep func(Prediction) error) error {
	if o.Predict != nil {
		return o.predict(ctx, done, keep)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	views := func(yield func(Viewed, error) bool) {
		for v := range t.prefetch(ctx, o.Items[done:]) {
			if !yield(Viewed{v.key, v.views}, v.err) {
				return
			}
		}
	}
	for r, err := range t.TuneEach(ctx, views) {
		if err == nil {
			err = keep(r)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// predict is classify where the predictions are given.
func (o RunOptions) predict(ctx context.Context, done int, keep func(Prediction) error) error {
	for i := done; i < len(o.Items); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := o.Predict(ctx, i)
		if err == nil {
			err = keep(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepared is an image's views.
type prepared struct {
	key   string
	views [][]float32
	err   error
}

// prefetch makes the views of the items in order, one item ahead, until ctx
// ends or one fails.
func (t *Tuner) prefetch(ctx context.Context, items []Item) <-chan prepared {
	out := make(chan prepared)
	v := viewer{pre: t.images.Preprocessor(), options: t.options}
	go func() {
		defer close(out)
		for _, it := range items {
			p := prepared{key: it.Key}
			img, err := it.Open()
			if err == nil {
				p.views, err = v.views(img, it.Key)
			}
			if err != nil {
				p.err = fmt.Errorf("image %s: %w", it.Key, err)
			}
			select {
			case out <- p:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return out
}

func itemsHash(items []Item) string {
	h := sha256.New()
	for _, it := range items {
		fmt.Fprintf(h, "%q %d\n", it.Key, it.Label)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
