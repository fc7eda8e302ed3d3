package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/named"
	"clipcalib/internal/run"
	"clipcalib/internal/settings"
	"clipcalib/text"

	"github.com/spf13/pflag"
)

// promptFlags are the settings of prompt learners.
type promptFlags struct {
	vectors       int
	context       string
	classSpecific bool
	depth         int
}

func (p *promptFlags) add(fl *pflag.FlagSet) {
	fl.IntVar(&p.vectors, "vectors", 0, "prompts: learned context vectors; 0 is the method's default")
	fl.StringVar(&p.context, "context", "",
		`prompts: phrase that the vectors start from (default: the method's; random for coop)`)
	fl.BoolVar(&p.classSpecific, "class-specific", false, "prompts: vectors of its own for each class (coop)")
	fl.IntVar(&p.depth, "depth", 0, "prompts: blocks with prompts of their own (maple, promptsrc); 0 is 3")
}

// Views of a sample where none are asked for. Features are encoded once and
// their views reused; pictures are cut anew each time, so that there may be
// more views than epochs.
const (
	promptFeatureViews = 20
	promptImageViews   = 1000
)

func promptNames() []string { return named.Names(prompt.Methods()) }

// isPrompt reports whether a method learns prompts.
func isPrompt(method string) bool {
	_, err := prompt.ParseMethod(method)
	return err == nil
}

// promptDefaults says how each method is trained by default.
func promptDefaults() string {
	var out []string
	for _, m := range prompt.Methods() {
		o := prompt.Options{}.Resolved(m, 0)
		out = append(out, fmt.Sprintf("%s %d epochs, rate %g, batch %d", m.Name(), o.Epochs, o.LR, o.Batch))
	}
	return strings.Join(out, "\n              ")
}

// method returns a prompt learner with its settings.
func (p promptFlags) method(name string) (prompt.Method, error) {
	m, err := prompt.ParseMethod(name)
	if err != nil {
		return nil, usageError{err}
	}
	if p.vectors < 0 || p.depth < 0 {
		return nil, usagef("--vectors and --depth want at least 1")
	}
	for _, f := range []struct {
		flag, setting, value string
		given                bool
	}{
		{"--vectors", "vectors", strconv.Itoa(p.vectors), p.vectors > 0},
		{"--context", "context", p.context, p.context != ""},
		{"--class-specific", "class-specific", "true", p.classSpecific},
		{"--depth", "depth", strconv.Itoa(p.depth), p.depth > 0},
	} {
		if !f.given {
			continue
		}
		if !settings.Has(m, f.setting) {
			return nil, usagef("%s is for %s, not for %s", f.flag, strings.Join(having(f.setting), " and "), name)
		}
		if m, err = settings.With(m, f.setting, f.value); err != nil {
			return nil, usagef("%s: %w", f.flag, err)
		}
	}
	return m, nil
}

// having lists the prompt learners that have a setting.
func having(setting string) (names []string) {
	for _, m := range prompt.Methods() {
		if settings.Has(m, setting) {
			names = append(names, m.Name())
		}
	}
	return names
}

// parsePrompts resolves the names on the command line for a prompt learner.
func (f *adaptFlags) parsePrompts(name string) (o run.PromptOptions, err error) {
	o = run.PromptOptions{Out: f.out, Init: f.init}
	switch {
	case len(f.features) > 0:
		return o, usagef("adapt %s: learned prompts go through the text tower, so features alone will not do: use "+
			"--weights and --data", name)
	case f.data == "":
		return o, usagef("adapt %s: --data SOURCE (with --weights) is missing", name)
	case f.optim != "" && adapt.Optimizer(f.optim) != adapt.SGD:
		return o, usagef("--optimizer %s: prompts are learned by sgd", f.optim)
	case f.train.Epsilon != 0:
		return o, usagef("--epsilon is AdamW's: prompts are learned by sgd")
	case f.source.float16:
		return o, usagef("--float16-prototypes is for adapters under --compat clipcalib, not for %s", name)
	case adapt.Compat(f.compat) != adapt.Textbook:
		return o, usagef("--compat %s: that is for adapters and test-time tuning; learned prompts have one form",
			f.compat)
	}
	if o.Method, err = f.prompts.method(name); err != nil {
		return o, err
	}
	if o.Remedy, err = adapt.ParseRemedy(f.remedy); err != nil {
		return o, usageError{err}
	}
	t := f.train
	o.Train = prompt.Options{
		Epochs: t.Epochs, LR: t.LR, Batch: t.Batch, WeightDecay: t.WeightDecay, LogitScale: t.LogitScale,
		Schedule: adapt.Schedule(f.schedule), Seed: t.Seed, CheckpointEvery: 1,
		Order: t.Order, Started: t.Started,
	}
	if o.Train.Loss, err = adapt.ParseLoss(f.loss); err != nil {
		return o, usageError{err}
	}
	if err = set(f.set, owner("method", &o.Method), owner("remedy", &o.Remedy),
		owner("loss", &o.Train.Loss)); err != nil {
		return o, err
	}
	if _, err := run.CheckPromptOptions(o.Method, o.Train, adapt.DefaultLogitScale); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// promptData makes the training set: features of augmented views, or pictures
// where the method prompts the image tower too.
func (s *session) promptData(
	ctx context.Context, set, shots *data.Set, f *adaptFlags, o *run.PromptOptions,
) (*data.Record, error) {
	a, src := s.a, s.src
	images := prompt.NeedsImages(o.Method)
	usual := promptFeatureViews
	if images {
		usual = promptImageViews
	}
	v := features.Views{Augmented: f.views >= 0, Count: f.countViews(usual), Seed: f.train.Seed, Given: f.given}
	if err := s.checkViews(shots, v, images); err != nil {
		return nil, err
	}
	templates := f.source.templates
	if len(templates) == 0 {
		templates = []string{text.TemplateDefault}
	}
	protos, err := src.Prototypes(ctx, templates, set.Classes, adapt.Textbook)
	if err != nil {
		return nil, err
	}
	encoded := v
	if images {
		encoded = features.Views{} // finds the pictures that cannot be read
	}
	feats, err := a.images(ctx, src, shots, encoded)
	if err != nil {
		return nil, err
	}
	record, err := recordShots(set, shots, feats)
	if err != nil {
		return nil, err
	}
	if _, err := a.lookAt(src, shots, feats.Kept, record); err != nil {
		return nil, err
	}
	o.Model = src.Model
	o.Data = prompt.Data{Classes: set.Classes, Labels: feats.Labels, Views: v.Count, Prototypes: protos}
	if images {
		o.Data.Image = src.Pixels(shots, feats.Kept, v).View
	} else {
		o.Data.Features = feats.Features
	}
	s.learnt = learnt{shots: shots, kept: feats.Kept, views: v, each: images, contents: a.seen.contents[shots],
		data: adapt.Data{Features: o.Data.Features, Labels: feats.Labels, Prototypes: protos, Views: v.Count}}
	o.Classes = features.Classes(templates, set.Keys())
	o.Inputs = run.Inputs{
		Weights: f.source.weights, WeightsSHA256: src.Weights, Model: src.Facts(),
		BatchImages:   src.Model.Images.Batch(),
		Preprocessing: src.Preprocessing(v),
		Data:          f.data, DataSHA256: feats.Hash, Shots: f.shots, Drawn: f.unlike(shots), Repeat: f.repeat,
		DataSeed: f.train.Seed, Picks: f.picks,
		AugmentedViews: v.Augments(), Templates: templates, Truncate: f.source.truncate,
		Reading: f.reading(),
	}
	a.note("%s: %d classes, %s, zero-shot prompts like %q", set.Name, len(set.Classes), f.drawn().Words(set, shots),
		strings.ReplaceAll(templates[0], text.ClassPlaceholder, set.Classes[0]))
	return record, nil
}
