package cli

import (
	"os"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/internal/features"
	"clipcalib/internal/run"
	"clipcalib/text"
)

// isCheckpoint reports whether eval is given a file in place of a run.
func isCheckpoint(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// importPrompts makes a run, in --out, of a checkpoint of prompts that were
// learned elsewhere. Where the checkpoint says nothing of classes, they are
// those of the first target.
func (a *app) importPrompts(f evalFlags, checkpoint string) error {
	switch {
	case f.source.weights == "":
		return usagef("eval %s: --weights is missing: learned prompts need the model they were learned for", checkpoint)
	case f.out == "":
		return usagef("eval %s: --out is missing: name a folder for the checkpoint's run", checkpoint)
	}
	if f.remedy == "" {
		f.remedy = adapt.None{}.Name()
	}
	remedy, err := adapt.ParseRemedy(f.remedy)
	if err != nil {
		return usageError{err}
	}
	set, err := a.load(f.source, f.data[0], "test")
	if err != nil {
		return err
	}
	src, err := a.openSource(f.source)
	if err != nil {
		return err
	}
	defer src.Model.Close()
	templates := f.source.templates
	if len(templates) == 0 {
		templates = []string{text.TemplateDefault}
	}
	o := run.ImportOptions{
		Checkpoint: checkpoint, Model: src.Model, Remedy: remedy, Classes: set.Classes, Out: f.out,
		Inputs: run.Inputs{
			Weights: f.source.weights, WeightsSHA256: src.Weights, Model: src.Facts(), BatchImages: src.Model.Images.Batch(),
			Preprocessing: src.Preprocessing(features.Views{}),
			Templates:     templates, Truncate: f.source.truncate,
		},
	}
	if err := run.Import(o); err != nil {
		return err
	}
	a.note("%s holds the prompts of %s", f.out, filepath.Base(checkpoint))
	return nil
}
