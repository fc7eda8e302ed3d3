package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/plan"
	"clipcalib/internal/run"
	"clipcalib/internal/settings"
	"clipcalib/weights"

	"go.yaml.in/yaml/v3"
)

// ofRun reports whether a document is the recipe.yaml of a run, which says more
// than flags do.
func ofRun(doc *yaml.Node) bool {
	has := func(key string) bool {
		for i := 0; i < len(doc.Content); i += 2 {
			if doc.Content[i].Value == key {
				return true
			}
		}
		return false
	}
	return doc.Kind == yaml.MappingNode && has("family") && has("choices")
}

// repeat takes the flags of a run from its recipe. Its paths start, as those
// that were given then, from the current folder.
func (r *recipeFile) repeat(doc *yaml.Node) error {
	raw, err := yaml.Marshal(doc)
	if err != nil {
		return fmt.Errorf("--recipe %s: %w", r.path, err)
	}
	var rec run.Recipe
	if yaml.Unmarshal(raw, &rec) == nil && rec.Family == run.FamilyTestTime {
		return usagef("--recipe %s: it is of a run of test-time tuning: clipcalib tta %s --remedy %s, with what the "+
			"file says, repeats it", r.path, rec.Method, rec.Remedy)
	}
	rec = run.Recipe{}
	dec := yaml.NewDecoder(strings.NewReader(string(raw)))
	dec.KnownFields(true)
	if err := dec.Decode(&rec); err != nil {
		return usagef("--recipe %s: it is the recipe of a run, and not one of this program: %w", r.path, err)
	}
	keys, err := r.repeated(rec)
	if err != nil {
		return usagef("--recipe %s: %w", r.path, err)
	}
	r.asGiven = true
	if err := r.takeAll(node(keys)); err != nil {
		return err
	}
	if !slices.ContainsFunc(given(r.given), func(name string) bool { return !slices.Contains(undeciding, name) }) &&
		len(r.sets) == 0 && (len(r.methods) == 1 && r.methods[0] == rec.Method) {
		r.same = &rec
	}
	return nil
}

// undeciding are the flags of a command line that leave a run's recipe what it
// is: they say where things are now.
var undeciding = []string{"recipe", "out", "bank", "targets", "bins", "strict", "batch-images", "tensorboard",
	"weights", "data", "features", "init", "picks", "image-root", "class-names", "json", "quiet", "device", "threads",
	"precision"}

func given(flags map[string]bool) (names []string) {
	for name := range flags {
		names = append(names, name)
	}
	return names
}

// repeated are the flags that make the run of a recipe again.
func (r *recipeFile) repeated(rec run.Recipe) (plan.Recipe, error) {
	out := plan.Recipe{
		axisMethod: rec.Method, "remedy": rec.Remedy, "compat": rec.Compat, "epochs": rec.Epochs,
		"lr":    rec.LearningRate,
		"batch": rec.Batch, "weight-decay": rec.WeightDecay, "schedule": rec.Schedule, "logit-scale": rec.LogitScale,
		"seed": rec.Seed,
	}
	var method any
	var err error
	if rec.Family == run.FamilyPrompts {
		method, err = prompt.ParseMethod(rec.Method)
		if rec.WeightDecay == 0 {
			out["weight-decay"] = -1
		}
	} else {
		method, err = adapt.ParseMethod(rec.Method)
		out["optimizer"], out["epsilon"] = rec.Optimizer, rec.Epsilon
	}
	if err != nil {
		return nil, err
	}
	remedy, err := adapt.ParseRemedy(rec.Remedy)
	if err != nil {
		return nil, err
	}
	set := map[string]any{}
	take := func(prefix string, v any, fields map[string]any) error {
		all, err := settings.Assignments(v, fields)
		for _, a := range all {
			name, value, _ := strings.Cut(a, "=")
			set[prefix+"."+name] = value
		}
		return err
	}
	if err := errors.Join(take("method", method, rec.MethodSettings),
		take("remedy", remedy, rec.RemedySettings)); err != nil {
		return nil, err
	}
	loss, constants, err := lossOf(rec.Loss)
	if err != nil {
		return nil, err
	}
	out["loss"] = loss
	for name, value := range constants {
		set["loss."+name] = value
	}
	if len(set) > 0 {
		out["set"] = set
	}
	return out, r.inputs(rec, out)
}

// inputs adds the flags of what the run was made from.
func (r *recipeFile) inputs(rec run.Recipe, out plan.Recipe) error {
	in := rec.Inputs
	put := func(name string, value any, there bool) {
		if there {
			out[name] = value
		}
	}
	if in.InitSHA256 != "" && in.Reading.Init == "" && !r.given["init"] {
		return fmt.Errorf("the run began with the values of a file (SHA-256 %.12s): name it with --init", in.InitSHA256)
	}
	put("init", in.Reading.Init, in.Reading.Init != "")
	if in.Weights == "" && in.WeightsSHA256 == "" {
		put("features", in.Features, len(in.Features) > 0)
		return nil
	}
	where := in.Weights
	if _, err := os.Stat(where); errors.Is(err, fs.ErrNotExist) { // as from another folder
		dir := filepath.Dir(r.path)
		if m, err := run.ReadModel(dir); err == nil {
			if found, err := m.FindWeights(dir); err == nil {
				where = found
			}
		}
	}
	out["weights"], out["data"], out["template"] = where, in.Data, in.Templates
	if out["views"] = in.AugmentedViews; in.AugmentedViews == 0 {
		out["views"] = -1
	}
	if in.Picks != "" {
		out["picks"] = in.Picks
	} else {
		out["shots"], out["repeat"] = in.Shots, in.Repeat
	}
	put("truncate", true, in.Truncate)
	put("float16-prototypes", true, in.Float16)
	put("prefix", in.Model.Prefix, in.Model.Prefix != "")
	put("no-config", true, in.Model.NoConfig)
	put("activation", in.Model.Activation, in.Model.ActivationSource == weights.AskedFor)
	put("batch-images", in.BatchImages, in.BatchImages > 0)
	put("class-names", in.Reading.ClassNames, in.Reading.ClassNames != "")
	put("image-root", in.Reading.ImageRoot, in.Reading.ImageRoot != "")
	put("label-column", in.Reading.LabelColumn, in.Reading.LabelColumn != "")
	put("allow-empty-classes", true, in.Reading.AllowEmptyClasses)
	put("allow-numbered-classes", true, in.Reading.AllowNumberedClasses)
	put("preprocess", in.Reading.Preprocess, in.Reading.Preprocess != "")
	var image, text int
	if _, rest, ok := strings.Cut(in.WeightsSHA256, ", "); ok {
		if n, _ := fmt.Sscanf(rest, "heads %d and %d", &image, &text); n == 2 {
			out["vision-heads"], out["text-heads"] = image, text
		}
	}
	return nil
}

// reading is what the flags ask for of what is read.
func (f *adaptFlags) reading() run.Reading {
	s := f.source
	return run.Reading{ClassNames: s.names, ImageRoot: s.imageRoot, LabelColumn: s.labelColumn,
		AllowEmptyClasses: s.allowEmpty, AllowNumberedClasses: s.allowNumbers, Preprocess: s.model.preprocess}
}

// checkRepeated reports what tells a run from the one that it is to repeat.
func (f *adaptFlags) checkRepeated(recipe func() (run.Recipe, error)) error {
	if f.repeats == nil {
		return nil
	}
	here, err := recipe()
	if err != nil {
		return err
	}
	if unlike := f.repeats.Unlike(here); len(unlike) > 0 {
		return fmt.Errorf("--recipe %s: what is here does not make that run again: %s (a flag beside it makes a run "+
			"of its own)", f.recipe, strings.Join(unlike, "; "))
	}
	return nil
}

// lossOf is the loss, and its constants, that a recipe has in words.
func lossOf(words string) (name string, constants map[string]string, err error) {
	kind, _, _ := strings.Cut(words, ",")
	for _, l := range adapt.Losses() {
		if of, _, _ := strings.Cut(l.String(), ","); of != kind {
			continue
		}
		constants = map[string]string{}
		for _, s := range settings.Of(l) {
			m := regexp.MustCompile(`\b` + regexp.QuoteMeta(s.Name) + ` ([^ ,]+)`).FindStringSubmatch(words)
			if m == nil {
				continue
			}
			constants[s.Name] = m[1]
			if l, err = settings.With(l, s.Name, m[1]); err != nil {
				return "", nil, fmt.Errorf("loss %q: %w", words, err)
			}
		}
		if l.String() == words {
			return l.Name(), constants, nil
		}
	}
	return "", nil, fmt.Errorf("no loss of this program is %q", words)
}
