package cli

import (
	"context"
	"image"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/named"
	"clipcalib/internal/run"
	"clipcalib/text"

	"github.com/spf13/cobra"
)

// ttaFlags are the inputs of the tta command.
type ttaFlags struct {
	source sourceFlags
	data   []string
	out    string
	remedy string
	compat string
	bins   int
	set    []string
	decay  float64
	tune   testtime.Options
}

func ttaCommand(a *app) *cobra.Command {
	var f ttaFlags
	c := &cobra.Command{
		Use:   "tta METHOD --weights W --data TARGET... --out RUN",
		Short: "Test-time prompt tuning: one step of the prompt for every test image",
		Long: `Tunes the prompt on each test image by itself, from random views of it, and
classifies the image with the tuned prompt. The run folder and its metrics are
those of adapters. An interrupted run goes on behind the last finished image.

Methods:  ` + strings.Join(testtimeNames(), ", ") + `
Remedies: ` + strings.Join(remedyNames(), ", ") + `

ZS-Norm and Penalty refer to the plain image's zero-shot logits (the formula);
with --compat clipcalib to those of the most confident view, as released.
` + strings.TrimRight(tuningSettings(), "\n"),
		Example: `  clipcalib tta tpt --remedy sals --weights ViT-B-16.pt --data pets/ --out runs/tpt
  clipcalib tta c-tpt --weights ViT-B-16.pt --data dtd/split_zhou_DescribableTextures.json --augmix --out runs/dtd`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("tta: METHOD is missing; see: clipcalib tta --help")
			}
			if len(args) > 1 && len(f.data) == 0 {
				return usagef("tta: %q is one argument too many", args[1])
			}
			f.data = append(f.data, args[1:]...)
			return a.tta(c.Context(), f, args[0])
		},
	}
	f.source.add(c)
	fl := c.Flags()
	fl.StringArrayVar(&f.data, "data", nil, "target data sets, their test part where they have parts")
	fl.StringVar(&f.out, "out", "", "folder of the run")
	fl.StringVar(&f.remedy, "remedy", "none", strings.Join(remedyNames(), ", "))
	fl.StringVar(&f.compat, "compat", "textbook", "textbook, or clipcalib for the released code's reference view")
	fl.IntVar(&f.bins, "bins", 10, "bins of ECE, MCE and ACE")
	fl.IntVar(&f.tune.Views, "views", 64, "views of an image, the plain one among them")
	fl.Float64Var(&f.tune.Keep, "keep", 0.1, "share of views kept, those of lowest entropy")
	fl.StringVar(&f.tune.Context, "context", "", `phrase whose vectors are tuned (default "a photo of a")`)
	fl.Float64Var(&f.tune.LR, "lr", 0.005, "rate of the AdamW step")
	fl.Float64Var(&f.decay, "weight-decay", 0.01, "of the AdamW step")
	addSet(fl, &f.set)
	fl.BoolVar(&f.tune.AugMix, "augmix", false, "AugMix after the crops, as the reference does for fine-grained sets")
	fl.Uint64Var(&f.tune.Seed, "seed", 0, "seed of the views")
	c.MarkFlagRequired("data")
	c.MarkFlagRequired("out")
	return c
}

func testtimeNames() []string { return named.Names(testtime.Methods()) }

func (a *app) tta(ctx context.Context, f ttaFlags, name string) error {
	m, err := testtime.ParseMethod(name)
	if err != nil {
		return usageError{err}
	}
	r, err := adapt.ParseRemedy(f.remedy)
	if err != nil {
		return usageError{err}
	}
	if err := set(f.set, owner("method", &m), owner("remedy", &r)); err != nil {
		return err
	}
	if f.bins < 1 {
		return usagef("--bins wants at least 1")
	}
	f.tune.WeightDecay = &f.decay
	f.tune.Compat = adapt.Compat(f.compat)
	tuned, err := f.tune.Resolved()
	if err != nil {
		return usageError{err}
	}
	if err := checkOutputFolder(f.out); err != nil {
		return err
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
	var results []run.Result
	var names []string
	var records []*data.Record
	for i, set := range sets {
		t, err := testtime.NewTuner(ctx, src.Model.Images, src.Model.Texts, set.Classes, m, r, f.tune)
		if err != nil {
			return err
		}
		// Of all pictures, so that it is what eval has for the set.
		hash, err := src.Hash(set)
		if err != nil {
			t.Close()
			return err
		}
		var unreadable []data.LeftOut
		listed := len(set.Items)
		if !f.source.strict {
			if set, unreadable, err = a.readable(ctx, set); err != nil {
				t.Close()
				return err
			}
		}
		facts := src.Facts()
		target := filepath.Base(run.TargetDir(f.out, folderName(set.Name), hash))
		p := a.progress(name+" on "+target, "images", len(set.Items))
		res, err := t.Run(ctx, testtime.RunOptions{
			Items: items(set), Dir: f.out, Name: target, Bins: calib.Options{Bins: f.bins}, Progress: p.Update,
			Inputs: testtime.Inputs{
				Weights: filepath.Base(f.source.weights), WeightsFile: f.source.weights, WeightsSHA256: src.Weights,
				Activation: facts.Activation, ActivationSource: facts.ActivationSource, PreprocessingSource: facts.PreprocessingSource,
				Data: f.data[i], DataSHA256: hash,
			},
			Log: func(line string) { a.note("  %s", line) },
		})
		t.Close()
		if err != nil {
			return err
		}
		p.Done()
		a.noteTarget(folderName(set.Name), res.Dir)
		record := set.Record(everyItem(set), unreadable)
		record.Account.Listed = listed
		bins := calib.Options{Bins: f.bins}
		measured := run.NewFacts(target, len(set.Items), len(set.Classes), bins, []string{tuned.Context + " " + text.ClassSlot + "."}, record)
		if err := run.KeepFacts(res.Dir, res.Metrics, measured, record); err != nil {
			return err
		}
		records = append(records, record)
		names = append(names, target)
		results = append(results, run.Result{
			Dir: res.Dir, Metrics: res.Metrics, ZeroShot: res.ZeroShot,
			Target: run.Target{Method: m.Name(), Remedy: r.Name(), Inputs: run.Inputs{Model: facts},
				Samples: len(set.Items), NumberOfClasses: len(set.Classes)},
		})
	}
	return a.printResults(f.out, results, names, records)
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
		out[i] = testtime.Item{Key: it.Key(set.Root), Label: it.Label, Open: func() (image.Image, error) { return set.Open(i) }}
	}
	return out
}
