package testtime

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"

	"clipcalib/calib"
	"clipcalib/internal/docfile"
)

// Item is one test image.
type Item struct {
	Key   string // names the image in errors and decides its views: its path within the data set
	Label int
	Open  func() (image.Image, error)
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
	// Log, unless nil, gets a line for every choice made.
	Log func(line string)
}

// Run classifies every item with a prompt of its own and writes
//
//	DIR/recipe.yaml                 what decides the run
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
	res := Result{Dir: filepath.Join(o.Dir, "targets", o.Name)}
	if err := t.check(o); err != nil {
		return res, err
	}
	rec := t.recipe(o.Inputs)
	want := target{
		Method: rec.Method, Remedy: rec.Remedy, RecipeSHA256: identity(rec), Inputs: o.Inputs, Samples: len(o.Items),
		NumberOfClasses: len(t.classes), ClassesSHA256: identity(t.classes), Bins: o.Bins.Bins, FineBins: o.Bins.FineBins,
	}
	if want.Inputs.DataSHA256 == "" {
		want.Inputs.DataSHA256 = itemsHash(o.Items)
	}
	if o.Log != nil {
		for _, c := range rec.Choices {
			o.Log(c)
		}
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return res, err
	}
	if err := claim(filepath.Join(o.Dir, recipeFile), rec); err != nil {
		return res, err
	}
	if err := os.MkdirAll(res.Dir, 0o755); err != nil {
		return res, err
	}
	var old target
	if docfile.ReadYAML(res.in(targetFile), &old) == nil && identity(old.withoutPaths()) == identity(want.withoutPaths()) && res.read() == nil {
		res.Reused = true
		return res, nil
	}
	progress := res.in(progressFile(want.Inputs))
	p, err := openProgress(progress, identity(want.withoutPaths()), len(t.classes), len(o.Items))
	if err != nil {
		return res, err
	}
	defer p.close()
	res.Resumed = p.done()
	if err := t.classify(ctx, o, p); err != nil {
		return res, err
	}
	if err := res.measure(p, o); err != nil {
		return res, err
	}
	if err := res.write(p, o, t.classes, rec, want); err != nil {
		return res, err
	}
	return res, errors.Join(p.close(), os.Remove(progress))
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
func (t *Tuner) classify(ctx context.Context, o RunOptions, p *progress) error {
	if o.Predict != nil {
		return o.predict(ctx, p)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	views := func(yield func(Viewed, error) bool) {
		for v := range t.prefetch(ctx, o.Items[p.done():]) {
			if !yield(Viewed{v.key, v.views}, v.err) {
				return
			}
		}
	}
	for r, err := range t.TuneEach(ctx, views) {
		if err := o.take(p, r, err); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// predict is classify where the predictions are given.
func (o RunOptions) predict(ctx context.Context, p *progress) error {
	for p.done() < len(o.Items) {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := o.Predict(ctx, p.done())
		if err := o.take(p, r, err); err != nil {
			return err
		}
	}
	return nil
}

// take keeps an image's prediction.
func (o RunOptions) take(p *progress, r Prediction, err error) error {
	if err == nil {
		err = p.add(r)
	}
	if err == nil && o.Progress != nil {
		o.Progress(p.done(), len(o.Items))
	}
	return err
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
