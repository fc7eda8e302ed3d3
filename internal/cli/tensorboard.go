package cli

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/run"
	"clipcalib/internal/table"
	"clipcalib/internal/tensorboard"

	"github.com/spf13/pflag"
)

func addTensorboard(fl *pflag.FlagSet, dir *string) {
	fl.StringVar(dir, "tensorboard", "", "folder for event files, one below it a run: loss, learning rate, logit range, "+
		"and what the targets say, of adapters after every epoch where a target is a validation fold (#val)")
}

// events is the event file of one run, made with the first thing that there is
// to write; nil writes nothing.
type events struct {
	dir   string
	w     *tensorboard.Writer
	err   error // of making the file
	steps int   // done

	failed error // of measuring after an epoch
}

// newEvents is nil where no folder is asked for. The events go to a folder of
// the run's name below it, which TensorBoard shows as a run.
func newEvents(dir string, name ...string) *events {
	if dir == "" {
		return nil
	}
	return &events{dir: filepath.Join(append([]string{dir}, name...)...)}
}

// writer is nil where the file could not be made.
func (e *events) writer() *tensorboard.Writer {
	if e.w == nil && e.err == nil {
		e.w, e.err = tensorboard.Create(e.dir)
	}
	return e.w
}

// progress notes where a training stands: after epochs, or after steps.
func (e *events) progress(p adapt.Progress) {
	if e == nil {
		return
	}
	w := e.writer()
	if w == nil {
		return
	}
	e.steps = p.Epoch*p.Steps + p.Step
	w.Scalar(e.steps, "train/loss", p.Loss)
	w.Scalar(e.steps, "train/lr", p.LR)
	if p.Range > 0 {
		w.Scalar(e.steps, "train/logit_range", p.Range)
	}
}

// tuned notes every image of test-time tuning: its loss, the rate of its step,
// its ranges, and whether it is right. It is nil where nothing is asked for.
func (e *events) tuned(lr float64, set *data.Set) func(int, testtime.Prediction) {
	if e == nil {
		return nil
	}
	return func(i int, p testtime.Prediction) {
		w := e.writer()
		if w == nil {
			return
		}
		e.steps = i + 1
		correct := 0.0
		if slices.Index(p.Logits, slices.Max(p.Logits)) == set.Items[i].Label {
			correct = 1
		}
		w.Scalar(e.steps, "tuning/loss", p.Loss)
		w.Scalar(e.steps, "tuning/lr", lr)
		w.Scalar(e.steps, "tuning/logit_range", run.LogitRange(p.Logits))
		w.Scalar(e.steps, "tuning/zero_shot_range", run.LogitRange(p.ZeroShot))
		w.Scalar(e.steps, "tuning/correct", correct)
	}
}

// target notes what an evaluation found, at the step where training ended: the
// metrics of metrics.json, and the samples' logit ranges. Source is the data set that
// was learnt from, "" for none.
func (e *events) target(dir, source string) error {
	if e == nil {
		return nil
	}
	ev, err := run.ReadEvaluation(dir)
	if err != nil {
		return err
	}
	w := e.writer()
	if w == nil {
		return nil
	}
	prefix := "test/" + ev.Name + "/"
	if ev.Target.ValidationFor(source) { // by the name that it has during training
		prefix = "val/" + folderName(data.NameOf(ev.Target.Inputs.Data)) + "/"
	}
	for _, of := range []struct {
		name   string
		logits calib.Matrix
	}{{"", ev.Logits}, {"zero_shot_", ev.ZeroShot}} {
		p, err := calib.Predict(of.logits, ev.Labels)
		if err != nil {
			return err
		}
		values := table.Values(p.Metrics(calib.Options{Bins: ev.Target.Bins}))
		for _, key := range slices.Sorted(maps.Keys(values)) {
			w.Scalar(e.steps, prefix+of.name+key, values[key])
		}
		w.Histogram(e.steps, prefix+of.name+"logit_ranges", table.Ranges(of.logits))
	}
	return nil
}

// validate notes what an adapter says after an epoch of the targets that are
// validation folds of the classes it learns. What fails is told with the file.
func (g *grid) validate(ctx context.Context, c *prepared, p adapt.Progress, a *adapt.Adapter) {
	e := c.events
	if e == nil || e.writer() == nil || e.failed != nil {
		return
	}
	f := g.eval
	f.source.keepUnderscores = c.flags.source.keepUnderscores
	in, src, err := g.at(c.lane, false)
	if err != nil {
		e.failed = err
		return
	}
	var sets []*data.Set
	err = in.look(func() (err error) { sets, err = g.targets.of(in, f); return err })
	for _, set := range sets {
		if err != nil || set.Split != "val" || !slices.Equal(set.Classes, g.set.Classes) {
			continue
		}
		var found features.Set
		err = in.look(func() (err error) { found, err = in.images(ctx, src, set, features.Views{}); return err })
		if err == nil {
			err = e.epoch(ctx, "val/"+folderName(set.Name)+"/", c.flags.bins, p, a, found)
		}
	}
	e.failed = err
}

// epoch notes an adapter's metrics on one fold.
func (e *events) epoch(ctx context.Context, prefix string, bins int, p adapt.Progress, a *adapt.Adapter,
	fold features.Set) error {
	logits, err := a.LogitsContext(ctx, fold.Features)
	if err != nil {
		return err
	}
	m, err := calib.FromFloat32(logits.Rows, logits.Cols, logits.Data)
	if err != nil {
		return err
	}
	found, err := calib.Predict(m, fold.Labels)
	if err != nil {
		return err
	}
	values := table.Values(found.Metrics(calib.Options{Bins: bins}))
	for _, key := range []string{"accuracy", "ece", "nll", "logit_range"} {
		e.w.Scalar(p.Epoch*p.Steps, prefix+key, values[key])
	}
	return nil
}

// close ends the file, and says what went wrong with it.
func (e *events) close() error {
	switch {
	case e == nil:
		return nil
	case e.w == nil:
		return e.err
	}
	err := errors.Join(e.failed, e.w.Close())
	e.w = nil
	return err
}
