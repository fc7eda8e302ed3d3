package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/run"
)

// measured is what evaluating a run on data sets found.
type measured struct {
	results []run.Result
	names   []string
	records []*data.Record
}

// evalRun evaluates a run on data sets.
func (a *app) evalRun(ctx context.Context, src *features.Source, sets []*data.Set, f evalFlags,
	o run.EvalOptions) (m measured, err error) {
	recipe, err := readRecipe(o.Run)
	if err != nil {
		return m, err
	}
	classes, err := run.ReadClasses(o.Run)
	if err != nil {
		return m, fmt.Errorf("eval %s: %w", o.Run, err)
	}
	if src.Weights != recipe.Inputs.WeightsSHA256 {
		return m, fmt.Errorf("eval %s: %s is not the model of the run: its hash is %.12s (%s), the run's %.12s (%s)",
			o.Run, f.source.weights,
			src.Weights, afterHash(src.Weights), recipe.Inputs.WeightsSHA256, afterHash(recipe.Inputs.WeightsSHA256))
	}
	if o.Device == nil {
		o.Device = src.Model.Device
	}
	seen := map[string]bool{}
	for i, set := range sets {
		o.Name = folderName(partName(f.data[i], set))
		if o.DAC != nil {
			o.Name += "-" + run.RemedyDAC
		}
		o.Classes = nil
		if recipe.Family != run.FamilyPrompts {
			if o.Classes, err = matchClasses(classes, set); err != nil {
				return m, fmt.Errorf("eval %s: %w", o.Run, err)
			}
		}
		if err := a.look(func() error {
			err := a.target(ctx, src, set, f, recipe, &o)
			for _, line := range data.LookAlikes(run.Keys(classes), set.Keys()) {
				if line = set.Name + ": " + line; err == nil {
					o.Record.Doubts = append(o.Record.Doubts, line)
					a.doubt(line)
				}
			}
			return err
		}); err != nil {
			return m, err
		}
		o.Inputs.Data = f.data[i]
		res, err := run.Eval(ctx, o)
		if err != nil {
			return m, err
		}
		if seen[res.Dir] {
			a.note("%s is named twice; it counts once", f.data[i])
			continue
		}
		seen[res.Dir] = true
		a.noteTarget(o.Name, res.Dir)
		m.results, m.names, m.records = append(m.results, res), append(m.names, filepath.Base(res.Dir)),
			append(m.records, o.Record)
	}
	return m, nil
}

// targets reads the target sets, all of them before the first is looked at.
func (a *app) targets(f evalFlags) ([]*data.Set, error) {
	sets := make([]*data.Set, len(f.data))
	for i, spec := range f.data {
		var err error
		if sets[i], err = a.load(f.source, spec, "test"); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// afterHash is what an identity says beside the hash.
func afterHash(identity string) string {
	if i := strings.IndexByte(identity, ' '); i >= 0 {
		return identity[i+1:]
	}
	return ""
}

// target fills in a target's features and prototypes.
func (a *app) target(ctx context.Context, src *features.Source, set *data.Set, f evalFlags, r run.Recipe,
	o *run.EvalOptions) error {
	templates := f.source.templates
	if len(templates) == 0 {
		// The run's own prompts, unless the target's data set has some.
		if templates = r.Inputs.Templates; adapt.Compat(r.Compat) == adapt.CLIPCalib {
			templates = f.source.prompts(set, adapt.Textbook)
		}
	}
	protos, err := src.Prototypes(ctx, templates, set.Classes, adapt.Compat(r.Compat))
	if err != nil {
		return err
	}
	feats, err := a.images(ctx, src, set, features.Views{})
	if err != nil {
		return err
	}
	if r.Family == run.FamilyPrompts {
		o.Prompts = &run.PromptTarget{
			Model: src.Model, Classes: set.Classes, Images: src.Pixels(set, feats.Kept, features.Views{}).InOrder,
		}
	}
	o.Record = set.Record(feats.Kept, feats.Unreadable)
	if err := a.lookAtTarget(src, set, feats.Kept, o.Record, o.Run); err != nil {
		return err
	}
	o.Data = &adapt.Data{Features: feats.Features, Labels: feats.Labels, Prototypes: protos}
	o.Inputs = run.Inputs{
		Weights: f.source.weights, WeightsSHA256: src.Weights, Model: src.Facts(),
		BatchImages:   src.Model.Images.Batch(),
		Preprocessing: src.Preprocessing(features.Views{}),
		DataSHA256:    feats.Hash, Templates: templates, Float16: r.Inputs.Float16,
	}
	return nil
}
