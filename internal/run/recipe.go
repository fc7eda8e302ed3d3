package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"clipcalib/adapt"
	"clipcalib/internal/digest"
	"clipcalib/internal/docfile"

	"go.yaml.in/yaml/v3"
)

// Recipe is everything that decides a run, with every default filled in.
type Recipe struct {
	Family         string         `yaml:"family"` // FamilyAdapters or FamilyPrompts
	Method         string         `yaml:"method"`
	MethodSettings map[string]any `yaml:"method_settings,omitempty"`
	Remedy         string         `yaml:"remedy"`
	RemedySettings map[string]any `yaml:"remedy_settings,omitempty"`
	Compat         string         `yaml:"compat"`
	Loss           string         `yaml:"loss"`
	Epochs         int            `yaml:"epochs"`
	LearningRate   float64        `yaml:"learning_rate"`
	Batch          int            `yaml:"batch"`
	WeightDecay    float64        `yaml:"weight_decay"`
	Optimizer      string         `yaml:"optimizer"`
	Epsilon        float64        `yaml:"epsilon,omitempty"` // of AdamW, where it is not 1e-8
	Schedule       string         `yaml:"schedule"`
	LogitScale     float64        `yaml:"logit_scale"`
	Seed           uint64         `yaml:"seed"`
	Inputs         Inputs         `yaml:"inputs"`
	Samples        int            `yaml:"samples"`
	Views          int            `yaml:"views"`
	Classes        int            `yaml:"classes"`
	Width          int            `yaml:"width"`
	Choices        []string       `yaml:"choices"`
	Engine         string         `yaml:"engine"` // told, but no part of the recipe's identity
}

// Inputs names what a run was made from. Empty fields do not apply.
type Inputs struct {
	Features []string `yaml:"features,omitempty"` // files, as given
	// FeaturesSHA256 is of the files, or of the features as they were encoded.
	// Those may differ in their last bits on another machine, so the hash
	// decides only where the fields below do not say how they were made.
	FeaturesSHA256 []string   `yaml:"features_sha256,omitempty"`
	Weights        string     `yaml:"weights,omitempty"`
	WeightsSHA256  string     `yaml:"weights_sha256,omitempty"`
	Preprocessing  string     `yaml:"preprocessing,omitempty"`
	Model          ModelFacts `yaml:",inline"`
	Data           string     `yaml:"data,omitempty"`
	DataSHA256     string     `yaml:"data_sha256,omitempty"` // of the list of images, labels and class names
	Shots          int        `yaml:"shots,omitempty"`
	Drawn          []int      `yaml:"drawn,omitempty,flow"` // pictures of each class, where they are not Shots of each
	Repeat         bool       `yaml:"repeat,omitempty"`     // drawn with repetition where a class has fewer
	DataSeed       uint64     `yaml:"data_seed,omitempty"`
	OrderSHA256    string     `yaml:"order_sha256,omitempty"`    // of the given order of batches
	Picks          string     `yaml:"picks,omitempty"`           // file that shots were taken from; no part of the identity
	AugmentedViews int        `yaml:"augmented_views,omitempty"` // of every shot; 0 means the plain picture
	Templates      []string   `yaml:"templates,omitempty"`
	Truncate       bool       `yaml:"truncate,omitempty"`           // prompts of more tokens than CLIP takes; told
	Float16        bool       `yaml:"float16_prototypes,omitempty"` // text features rounded to float16
	InitSHA256     string     `yaml:"init_sha256,omitempty"`        // of the file of initial values
	BatchImages    int        `yaml:"batch_images,omitempty"`       // encoded at a time; told, but no part of the identity
	Reading        Reading    `yaml:",inline"`
}

// Reading is what was asked for in reading pictures, weights and initial values.
// It is told, so that a run can be repeated: what came of it, hashes say.
type Reading struct {
	ClassNames           string `yaml:"class_names,omitempty"` // file
	ImageRoot            string `yaml:"image_root,omitempty"`
	LabelColumn          string `yaml:"label_column,omitempty"`
	AllowEmptyClasses    bool   `yaml:"allow_empty_classes,omitempty"`
	AllowNumberedClasses bool   `yaml:"allow_numbered_classes,omitempty"`
	Preprocess           string `yaml:"preprocess,omitempty"`
	Init                 string `yaml:"init,omitempty"` // file
}

// ModelFacts are what a checkpoint's tensors do not show, and where it was
// found. What they say is part of WeightsSHA256 and Preprocessing.
type ModelFacts struct {
	Activation          string `yaml:"activation,omitempty" json:"activation,omitempty"`
	ActivationSource    string `yaml:"activation_source,omitempty" json:"activation_source,omitempty"`
	PreprocessingSource string `yaml:"preprocessing_source,omitempty" json:"preprocessing_source,omitempty"`
	// Prefix and NoConfig are by what the checkpoint was opened.
	Prefix   string `yaml:"prefix,omitempty" json:"prefix,omitempty"`
	NoConfig bool   `yaml:"no_config,omitempty" json:"no_config,omitempty"`
}

// identity leaves out what does not tell one run from another: paths, and the
// hash of features where weights, preprocessing and pictures are known.
func (in Inputs) identity() Inputs {
	in.Picks, in.Reading = "", Reading{}
	in.Features, in.Weights, in.Data, in.BatchImages, in.Model, in.Truncate = nil, "", "", 0, ModelFacts{}, false
	if in.WeightsSHA256 != "" && in.Preprocessing != "" && in.DataSHA256 != "" {
		in.FeaturesSHA256 = nil
	}
	return in
}

// setOrder notes the order of batches that was given; nil for a drawn one.
func (in *Inputs) setOrder(rows []int32) {
	if rows == nil {
		return
	}
	h := sha256.New()
	for _, r := range rows {
		fmt.Fprintln(h, r)
	}
	in.OrderSHA256 = hex.EncodeToString(h.Sum(nil))
}

// withHash adds the hash of data at hand, so that a run on other data is never
// taken for this one.
func (in Inputs) withHash(d adapt.Data) Inputs {
	if len(in.FeaturesSHA256) == 0 {
		in.FeaturesSHA256 = []string{hashData(d)}
	}
	return in
}

// hashData hashes features, prototypes and labels.
func hashData(d adapt.Data) string {
	h := sha256.New()
	for _, m := range []adapt.Matrix{d.Features, d.Prototypes} {
		fmt.Fprintln(h, m.Rows, m.Cols)
		digest.Floats(h, m.Data)
	}
	fmt.Fprintln(h, d.Views, d.Labels)
	return hex.EncodeToString(h.Sum(nil))
}

func newRecipe(m adapt.Method, r adapt.Remedy, o adapt.Options, d adapt.Data, in Inputs) (Recipe, error) {
	choices, err := adapt.Choices(m, r, o)
	if err != nil {
		return Recipe{}, err
	}
	views := max(d.Views, 1)
	if in.WeightsSHA256 != "" {
		made := adapt.Encoding{Augmented: in.AugmentedViews, Templates: len(in.Templates), Float16: in.Float16}
		choices = append(choices, adapt.EncodingChoices(m, o.Compat, made)...)
	} else {
		choices = append(choices, fmt.Sprintf("views of a sample: %d", views))
	}
	rec := Recipe{
		Family: FamilyAdapters, Method: m.Name(), MethodSettings: docfile.Settings(m), Remedy: r.Name(),
		RemedySettings: docfile.Settings(r),
		Compat:         string(o.Compat), Loss: o.Loss.String(), Epochs: o.Epochs, LearningRate: o.LR, Batch: o.Batch,
		WeightDecay: o.WeightDecay, Optimizer: string(o.Optimizer), Epsilon: o.Epsilon, Schedule: string(o.Schedule),
		LogitScale: o.LogitScale, Seed: o.Seed, Inputs: in, Samples: d.Features.Rows / views, Views: views,
		Classes: d.Prototypes.Rows, Width: d.Prototypes.Cols, Choices: choices,
	}
	if o.Device != nil {
		rec.Engine = o.Device.Name()
	}
	return rec, nil
}

// same reports whether two recipes lead to the same result, on one engine to
// the last bit.
func (r Recipe) same(other Recipe) bool {
	r.Engine, other.Engine = "", ""
	r.Inputs, other.Inputs = r.Inputs.identity(), other.Inputs.identity()
	a, errA := yaml.Marshal(r)
	b, errB := yaml.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Unlike lists what tells another run from the one of the recipe, as "lr is 0.1,
// here 0.2"; nothing where they lead to the same result.
func (r Recipe) Unlike(here Recipe) (out []string) {
	if r.same(here) {
		return nil
	}
	leaves := func(r Recipe) (all map[string]any) {
		r.Engine, r.Choices, r.Inputs = "", nil, r.Inputs.identity()
		raw, err := yaml.Marshal(r)
		if err == nil {
			err = yaml.Unmarshal(raw, &all)
		}
		if err != nil {
			return nil
		}
		if in, ok := all["inputs"].(map[string]any); ok {
			delete(all, "inputs")
			maps.Copy(all, in)
		}
		return all
	}
	a, b := leaves(r), leaves(here)
	for _, key := range slices.Sorted(maps.Keys(merged(a, b))) {
		if was, is := fmt.Sprint(a[key]), fmt.Sprint(b[key]); was != is {
			out = append(out, fmt.Sprintf("%s is %.60s, here %.60s", key, was, is))
		}
	}
	if out == nil {
		out = []string{"the choices are worded otherwise: it is of another version"}
	}
	return out
}

func merged(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// ReadRecipe reads the recipe of a run.
func ReadRecipe(dir string) (Recipe, error) {
	var r Recipe
	if err := CheckFiles(dir, recipeFile); err != nil {
		return r, err
	}
	return r, docfile.ReadYAML(filepath.Join(dir, recipeFile), &r)
}

// The files of a run's trained parameters.
const (
	AdapterFile = "adapter.safetensors"
	PromptsFile = "prompts.safetensors"
)

// ShotsFile lists the pictures that a run learnt from, where they are known.
const ShotsFile = "shots.csv"

// The files of a run that are not the same wherever it lies, and that mark its
// end.
const (
	ModelFile    = modelFile
	ManifestFile = manifestFile
)

// The files of a run and of an evaluation.
const (
	recipeFile          = "recipe.yaml"
	modelFile           = "model.yaml"
	adapterFile         = AdapterFile
	promptsFile         = PromptsFile
	checkpointFile      = "checkpoint.safetensors"
	classesFile         = "classes.json"
	logFile             = "log.txt"
	logitsFile          = "logits.npy"
	zeroShotFile        = "zero_shot_logits.npy"
	labelsFile          = "labels.npy"
	metricsFile         = "metrics.json"
	zeroShotMetricsFile = "zero_shot_metrics.json"
	targetFile          = "target.yaml"
)
