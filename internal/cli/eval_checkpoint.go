package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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

// importCheckpoint makes a run, in --out, of what another implementation trained.
// A checkpoint says nothing of classes: they are those of the first target.
func (a *app) importCheckpoint(ctx context.Context, f evalFlags, checkpoint string) error {
	family, kind, err := run.FamilyOf(checkpoint)
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	o := run.ImportOptions{Checkpoint: checkpoint, Out: f.out, Log: func(line string) { a.note("%s", line) }}
	switch {
	case f.out == "":
		return usagef("eval %s: --out is missing: name a folder for the checkpoint's run", checkpoint)
	case family == run.FamilyPrompts && (f.method != "" || len(f.set) > 0):
		return usagef("eval %s: --method and --set are for files of adapters, and it is none", checkpoint)
	case family == run.FamilyPrompts && len(f.data) == 0:
		return usagef("eval %s: a file of learned prompts needs --weights and --data", checkpoint)
	case family == run.FamilyAdapters:
		if o.Method, err = f.foreignMethod(kind.Method, checkpoint); err != nil {
			return err
		}
	}
	if f.remedy == "" {
		f.remedy = adapt.None{}.Name()
	}
	if o.Remedy, err = adapt.ParseRemedy(f.remedy); err != nil {
		return usageError{err}
	}
	if len(f.features) > 0 {
		given, err := run.ReadFeatures(f.features...)
		if err != nil {
			return err
		}
		o.Prototypes = given.Data.Prototypes
		return a.imported(o, run.Import(o))
	}
	return a.importOnPictures(ctx, f, o, family, kind.Compat)
}

// importOnPictures is importCheckpoint with the model and the first target.
func (a *app) importOnPictures(ctx context.Context, f evalFlags, o run.ImportOptions, family string,
	compat adapt.Compat) error {
	if f.source.weights == "" {
		return usagef("eval %s: --weights is missing: name the model that it was trained on", o.Checkpoint)
	}
	f.source.keepUnderscores = compat.KeepsUnderscores()
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
	switch {
	case len(templates) > 0:
	case family == run.FamilyAdapters:
		templates = f.source.prompts(set, compat)
	default:
		templates = []string{text.TemplateDefault}
	}
	if family == run.FamilyAdapters {
		if o.Prototypes, err = src.Prototypes(ctx, templates, set.Classes, compat); err != nil {
			return err
		}
	}
	o.Model, o.Classes = src.Model, features.Classes(templates, set.Keys())
	o.Inputs = run.Inputs{
		Weights: f.source.weights, WeightsSHA256: src.Weights, Model: src.Facts(),
		BatchImages:   src.Model.Images.Batch(),
		Preprocessing: src.Preprocessing(features.Views{}), Templates: templates, Truncate: f.source.truncate,
	}
	return a.imported(o, run.Import(o))
}

func (a *app) imported(o run.ImportOptions, err error) error {
	if err == nil {
		a.note("%s holds what %s has learned", o.Out, filepath.Base(o.Checkpoint))
	}
	return err
}

// foreignMethod is the method of a checkpoint's adapter: the one that the file
// says, or the one that is asked for, with the settings of --set.
func (f evalFlags) foreignMethod(said adapt.Method, checkpoint string) (m adapt.Method, err error) {
	m = said
	switch {
	case f.method == "" && said == nil:
		return nil, usagef("eval %s: it keeps a classifier or a residual under one name: say which with --method taskres, "+
			"zslp or clap", checkpoint)
	case f.method != "":
		if m, err = adapt.ParseMethod(f.method); err != nil {
			return nil, usagef("--method: unknown method %q; known are %s", f.method, strings.Join(methodNames(), ", "))
		}
		if tip, ok := said.(adapt.TipAdapterF); ok && m.Name() == (adapt.TipAdapter{}).Name() {
			m = adapt.TipAdapter{RawKeys: tip.RawKeys}
		} else if said != nil && m.Name() == said.Name() {
			m = said
		}
	}
	return m, set(f.set, owner("method", &m))
}
