package run

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/atomicfile"
	"clipcalib/internal/docfile"
	"clipcalib/text"
)

// TunedOptions is one target of a run of test-time tuning and where to keep it.
type TunedOptions struct {
	Recipe TunedRecipe
	Model  Model // what model.yaml says besides the recipe

	Dir, Name string // folder of the run, and of the target below targets
	Classes   []string
	Labels    []int // of the images
	Inputs    TunedInputs
	Bins      calib.Options

	// Classify tunes on the images from done on, in their order, and hands each
	// image's logits, adapted and zero-shot, to keep.
	Classify func(ctx context.Context, done int, keep func(logits, zeroShot []float32) error) error
	// Progress, unless nil, is told how many of the images are done.
	Progress func(done, total int)
	// Log, unless nil, gets a line for every choice made.
	Log func(line string)
}

// TunedResult is what tuning found on one target.
type TunedResult struct {
	Dir      string // where the logits are
	Metrics  calib.Metrics
	ZeroShot calib.Metrics // of the starting prompt
	Resumed  int           // images that an interrupted run had done
	Reused   bool          // all was there already
}

// PartialFile names what a run has done of a target. It bears the data's hash,
// so that data sets of one name do not take each other's folder.
func PartialFile(dataHash string) string { return "progress-" + ShortHash(dataHash) + ".partial" }

// KeepTuned classifies a target image by image and writes its folder. When ctx
// ends, or an image fails, those done so far are kept: the same call goes on
// behind them and ends with the same files. A target that is finished is not run
// again, and a folder with another recipe is an error.
func KeepTuned(ctx context.Context, o TunedOptions) (TunedResult, error) {
	res := TunedResult{Dir: filepath.Join(o.Dir, "targets", o.Name)}
	rec := o.Recipe
	want := tunedTarget{
		Method: rec.Method, Remedy: rec.Remedy, RecipeSHA256: identity(rec), Inputs: o.Inputs, Samples: len(o.Labels),
		NumberOfClasses: len(o.Classes), ClassesSHA256: identity(o.Classes), Bins: o.Bins.Bins,
		FineBins: o.Bins.FineBins,
	}
	if o.Log != nil {
		for _, c := range rec.Choices {
			o.Log(c)
		}
	}
	reusable := func() bool {
		var old tunedTarget
		return docfile.ReadYAML(filepath.Join(res.Dir, targetFile), &old) == nil &&
			identity(old.withoutPaths()) == identity(want.withoutPaths()) && res.read() == nil
	}
	path := filepath.Join(res.Dir, PartialFile(want.Inputs.DataSHA256))
	_, missing := os.Lstat(path)
	if missing != nil && hasManifest(o.Dir) && hasManifest(res.Dir) && claim(o.Dir, rec) == nil && reusable() {
		res.Reused = true
		return res, nil
	}
	if err := o.begin(ctx); err != nil {
		return res, err
	}
	release, err := hold(ctx, res.Dir, o.Log)
	if err != nil {
		return res, err
	}
	defer release()
	var damage *Damage
	if err := CheckFiles(res.Dir); errors.As(err, &damage) && o.Log != nil {
		o.Log(err.Error() + ": tuning again")
	}
	if reusable() { // a process that was killed at the very end has left its progress
		res.Reused = true
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return res, err
		}
		return res, nil
	}
	p, err := openPartial(path, identity(want.withoutPaths()), len(o.Classes), len(o.Labels))
	if err != nil {
		return res, err
	}
	defer p.close()
	res.Resumed = p.done()
	keep := func(logits, zeroShot []float32) error {
		if err := p.add(logits, zeroShot); err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(p.done(), len(o.Labels))
		}
		return nil
	}
	if err := o.Classify(ctx, p.done(), keep); err != nil {
		return res, err
	}
	if err := res.write(p, o, want); err != nil {
		return res, err
	}
	return res, errors.Join(p.close(), os.Remove(path))
}

// begin writes what the run's targets share, or finds it there. It is held for
// that long only: processes may work on several targets at a time.
func (o TunedOptions) begin(ctx context.Context) error {
	release, err := hold(ctx, o.Dir, o.Log)
	if err != nil {
		return err
	}
	defer release()
	if err := claim(o.Dir, o.Recipe); err != nil {
		return err
	}
	if err := o.Model.writeTo(o.Dir); err != nil {
		return err
	}
	if hasManifest(o.Dir) {
		return CheckFiles(o.Dir)
	}
	return seal(o.Dir)
}

// write measures and puts the files in place, target.yaml last: it marks the end.
func (r *TunedResult) write(p *partial, o TunedOptions, done tunedTarget) (err error) {
	logits := adapt.Matrix{Rows: p.done(), Cols: p.classes, Data: p.logits}
	zs := adapt.Matrix{Rows: p.done(), Cols: p.classes, Data: p.zs}
	if r.Metrics, err = measure(logits, o.Labels, o.Bins); err != nil {
		return err
	}
	if r.ZeroShot, err = measure(zs, o.Labels, o.Bins); err != nil {
		return err
	}
	list := make([]Class, len(o.Classes))
	for i, c := range o.Classes {
		list[i] = Class{Name: c, Prompts: []string{o.Recipe.Context + " " + c + "."}}
	}
	choices := []byte(strings.Join(o.Recipe.Choices, "\n") + "\n")
	e := evaluation{
		logits: logits, zeroShot: zs, labels: o.Labels, metrics: r.Metrics, zeroShotMetrics: r.ZeroShot, target: done,
		facts: NewFacts(o.Name, logits.Rows, logits.Cols, o.Bins, []string{o.Recipe.Context + " " +
			text.ClassPlaceholder + "."}, nil),
	}
	return writeEvaluation(r.Dir, e,
		func() error { return docfile.WriteJSON(filepath.Join(r.Dir, classesFile), list) },
		func() error { return atomicfile.WriteBytes(filepath.Join(r.Dir, logFile), choices) })
}

// read takes the metrics of a target that is there already.
func (r *TunedResult) read() error { return readEvaluation(r.Dir, &r.Metrics, &r.ZeroShot) }
