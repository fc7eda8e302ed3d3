package cli

import (
	"context"
	"errors"
	"image"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/named"
	"clipcalib/internal/run"
	"clipcalib/text"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ttaFlags are the inputs of the tta command.
type ttaFlags struct {
	source sourceFlags
	data   []string
	out    string
	remedy string
	compat string
	start  string
	bins   int
	set    []string
	decay  float64
	tune   testtime.Options
	pins   pinFlags
	recipe string

	tensorboard string
	scalers     postHocFlags // of a grid's table
}

func ttaCommand(a *app) *cobra.Command {
	var f ttaFlags
	c := &cobra.Command{
		Use:   "tta METHOD[,METHOD...] --weights W --data TARGET... --out RUN",
		Short: "Test-time prompt tuning: one step of the prompt for every test image",
		Long: `Tunes the prompt on each test image by itself, from random views of it, and
classifies the image with the tuned prompt. The run folder and its metrics are
those of adapters. An interrupted run goes on behind the last finished image. The
seed and a picture's pixels decide its views, whatever it is called.

Several methods, and several values of --remedy, --seed, --start, --views,
--keep, --lr, --weight-decay and --compat, parted by commas, make a run each, in folders below
--out, on one model. Those that are finished are kept; one that fails does not
stop the others. A setting then counts for the runs that have it. Runs of a small
model go side by side on shares of the threads (--jobs), to the same results. --recipe
reads the flags from a file, as adapt does: what clipcalib recipes show tta/NAME prints
is one.

Methods:  ` + strings.Join(testtimeNames(), ", ") + `
Remedies: ` + strings.Join(tuningRemedyNames(), ", ") + `

` + combinesHelp + `
A constant of which no value is known is required: a-tpt --set sign=maximise (or
minimise), soc --set lambda=L --set delta=D.

--start fpp learns the vectors that tuning starts from of the class names alone, for
any method, and keeps them in the run's folder: 1,000 steps over the text tower.

ZS-Norm and Penalty refer to the plain image's zero-shot logits (the formula);
with --compat clipcalib to those of the most confident view, as released.
` + strings.TrimRight(tuningSettings(), "\n"),
		Example: `  clipcalib tta tpt --remedy sals --weights ViT-B-16.pt --data pets/ --out runs/tpt
  clipcalib tta c-tpt --weights ViT-B-16.pt --data dtd/split_zhou_DescribableTextures.json --augmix --out runs/dtd`,
	}
	varied := f.add(c)
	a.addJobs(c)
	f.pins.add(c.Flags(), "init.safetensors, views.csv")
	c.MarkFlagRequired("data")
	c.MarkFlagRequired("out")
	var methods []string // with the targets behind them
	c.PreRunE = func(c *cobra.Command, args []string) (err error) {
		methods, err = f.takeRecipe(c, varied, args)
		return err
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		args := methods
		if len(args) == 0 {
			return usagef("tta: METHOD is missing; see: clipcalib tta --help")
		}
		if len(args) > 1 && len(f.data) == 0 {
			return usagef("tta: %q is one argument too many", args[1])
		}
		f.data = append(f.data, args[1:]...)
		if err := without(c, "in test-time tuning: the prompt is --context and the class",
			"template").check(c); err != nil {
			return err
		}
		return a.tta(c.Context(), f, args[0], varied)
	}
	return c
}

// tuningRemedies are the remedies that can act on tuning at test time.
func tuningRemedies() []adapt.Remedy { return slices.DeleteFunc(adapt.Remedies(), adapt.NeedsTexts) }

func tuningRemedyNames() []string { return named.Names(tuningRemedies()) }

func testtimeNames() []string { return named.Names(testtime.Methods()) }

// add adds the command's flags, and returns those of several values.
func (f *ttaFlags) add(c *cobra.Command) *varied {
	f.source.add(c)
	f.source.addTruncate(c)
	fl := c.Flags()
	fl.StringArrayVar(&f.data, "data", nil, "target data sets, their test part where they have parts")
	fl.StringVar(&f.out, "out", "", "folder of the run")
	varied := vary(fl, f.addVaried)
	fl.IntVar(&f.bins, "bins", 10, "bins of ECE, MCE and ACE")
	fl.StringVar(&f.tune.Context, "context", "", `phrase whose vectors are tuned (default "a photo of a")`)
	addSet(fl, &f.set)
	fl.BoolVar(&f.tune.AugMix, "augmix", false, "AugMix after the crops, as the reference does for fine-grained sets")
	addTensorboard(fl, &f.tensorboard)
	f.scalers.add(c)
	fl.StringVar(&f.recipe, "recipe", "", "YAML file of these flags by their names, and of method and set; a flag "+
		"given here goes before it")
	completesMethods(c, testtimeNames()...)
	completesList(c, "remedy", tuningRemedyNames()...)
	completesList(c, "start", startPhrase, startFPP)
	completesList(c, "compat", string(adapt.Textbook), string(adapt.CLIPCalib))
	return varied
}

// addVaried adds the flags that decide a run and may have several values.
func (f *ttaFlags) addVaried(fl *pflag.FlagSet) {
	fl.StringVar(&f.remedy, "remedy", "none", strings.Join(tuningRemedyNames(), ", "))
	fl.StringVar(&f.compat, "compat", "textbook", "textbook, or clipcalib for the released code's reference view")
	fl.StringVar(&f.start, "start", startPhrase, "phrase, or fpp: vectors learned of the class names alone (start.steps=...)")
	fl.IntVar(&f.tune.Views, "views", 64, "views of an image, the plain one among them")
	fl.Float64Var(&f.tune.Keep, "keep", 0.1, "share of views kept, those of lowest entropy")
	fl.Float64Var(&f.tune.LR, "lr", 0.005, "rate of the AdamW step")
	fl.Float64Var(&f.decay, "weight-decay", 0.01, "of the AdamW step")
	fl.Uint64Var(&f.tune.Seed, "seed", 0, "seed of the views")
}

// tta tunes one run, or one for every cell of a grid.
func (a *app) tta(ctx context.Context, f ttaFlags, methods string, varied *varied) error {
	if f.bins < 1 {
		return usagef("--bins wants at least 1")
	}
	cells, err := f.cells(methods, varied)
	if err != nil {
		return err
	}
	if err := f.scalers.checkTargets("--data", f.data); err != nil {
		return err
	}
	if err := checkOutputFolder(f.out); err != nil {
		return err
	}
	if f.pins.any() {
		if err := f.pins.alone(max(len(cells), len(f.data))); err != nil {
			return err
		}
		if f.tune.AugMix {
			return usagef("--pin and --record are for boxes and flips, and --augmix draws more than those")
		}
		if err := cells[0].takePins(len(varied.lists["views"].values) > 0); err != nil {
			return err
		}
	}
	grid := len(cells) > 1 || a.alwaysGrid
	scalers, err := f.scalers.open()
	switch {
	case err != nil:
		return err
	case !grid && scalers.Any():
		return usagef("--post-hoc and --calibrator add rows to a grid's table, and this is one run: clipcalib "+
			"report %s has them",
			f.out)
	case !grid && run.Below(f.out) != "":
		return usagef("--out %s: it is a folder of runs, such as %s: name a folder of its own for this one", f.out,
			run.Below(f.out))
	case grid && run.IsRun(f.out):
		return usagef("--out %s: it is a run itself: name another folder, below which the runs of the grid go", f.out)
	}
	var sets []*data.Set
	for _, spec := range f.data {
		set, err := a.load(f.source, spec, "test")
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	src, err := a.openSource(f.source)
	if err != nil {
		return err
	}
	defer src.Model.Close()
	if !grid {
		a.oneJob()
		m, err := a.tune(ctx, src, sets, cells[0], f.out)
		if err != nil {
			return err
		}
		return a.printResults(f.out, m.results, m.names, m.records)
	}
	results, left, err := a.tuneGrid(ctx, src, sets, cells, f.out)
	if err != nil {
		return err
	}
	return a.gridDone(f.bins, results, left, scalers)
}

// tune tunes a run on its targets.
func (a *app) tune(ctx context.Context, src *features.Source, sets []*data.Set, f tuning, dir string) (out measured,
	err error) {
	for i, set := range sets {
		if err := a.tuneOn(ctx, src, set, f, i, dir, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// tuneOn tunes on the i-th target.
func (a *app) tuneOn(ctx context.Context, src *features.Source, set *data.Set, f tuning, i int, dir string,
	out *measured) error {
	options, err := a.learnStart(ctx, src, set.Classes, &f, dir)
	if err != nil {
		return err
	}
	t, err := testtime.NewTuner(ctx, src.Model.Images, src.Model.Texts, set.Classes, f.method, f.withRemedy, options)
	if err != nil {
		return err
	}
	defer t.Close()
	cut := a.truncated()
	for _, p := range t.Cut() {
		cut(p)
	}
	var hash string // of all pictures, so that it is what eval has for the set
	var unreadable []data.LeftOut
	listed := len(set.Items)
	if err := a.look(func() (err error) {
		if hash, err = src.Hash(set); err == nil && !f.source.strict {
			set, unreadable, err = a.readable(ctx, set)
		}
		if err != nil {
			return err
		}
		return a.checkPinned(src, set, f.given)
	}); err != nil {
		return err
	}
	if f.pins.record != "" {
		if err := a.recordTuning(ctx, src, t, set, f.pins.record); err != nil {
			return err
		}
	}
	model := src.Facts()
	name := tunedName(dir, f.data[i], set, hash)
	target := filepath.Base(run.TargetDir(dir, name, hash))
	p := a.progress(f.method.Name()+" on "+target, "images", len(set.Items))
	events := newEvents(f.tensorboard, filepath.Base(dir), target)
	res, err := t.Run(ctx, testtime.RunOptions{
		Items: items(set), Dir: dir, Name: target, Bins: calib.Options{Bins: f.bins},
		Progress: func(done, total int) { p.Update(done, total); a.counts.at(target, done) },
		Inputs: testtime.Inputs{
			Weights: filepath.Base(f.source.weights), WeightsFile: f.source.weights, WeightsSHA256: src.Weights,
			Activation: model.Activation, ActivationSource: model.ActivationSource,
			PreprocessingSource: model.PreprocessingSource, Prefix: model.Prefix, NoConfig: model.NoConfig,
			Data: f.data[i], DataSHA256: hash,
		},
		Each: events.tuned(f.resolved.LR, set),
		Log:  func(line string) { a.note("  %s", line) },
	})
	if err == nil && !res.Reused {
		err = events.target(res.Dir, "")
	}
	if err := errors.Join(err, events.close()); err != nil {
		return err
	}
	p.Done()
	a.noteTarget(name, res.Dir)
	record := set.Record(everyItem(set), unreadable)
	record.Account.Listed = listed
	if err := a.look(func() error { return a.lookAtTarget(src, set, everyItem(set), record, "") }); err != nil {
		return err
	}
	bins := calib.Options{Bins: f.bins}
	facts := run.NewFacts(target, len(set.Items), len(set.Classes), bins,
		[]string{f.resolved.Context + " " + text.ClassPlaceholder + "."}, record)
	if err := run.KeepFacts(res.Dir, res.Metrics, facts, record); err != nil {
		return err
	}
	out.records, out.names = append(out.records, record), append(out.names, target)
	out.results = append(out.results, run.Result{
		Dir: res.Dir, Metrics: res.Metrics, ZeroShot: res.ZeroShot,
		Target: run.Target{Method: f.method.Name(), Remedy: f.withRemedy.Name(), Inputs: run.Inputs{Model: model},
			Samples: len(set.Items), NumberOfClasses: len(set.Classes)},
	})
	return nil
}

// everyItem numbers the items of a set.
func everyItem(set *data.Set) []int {
	all := make([]int, len(set.Items))
	for i := range all {
		all[i] = i
	}
	return all
}

func items(set *data.Set) []testtime.Item {
	out := make([]testtime.Item, len(set.Items))
	for i, it := range set.Items {
		out[i] = testtime.Item{Key: it.Key(set.Root), Label: it.Label,
			Open: func() (image.Image, error) { return set.Open(i) }}
	}
	return out
}
