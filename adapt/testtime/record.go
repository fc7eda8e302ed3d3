package testtime

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"clipcalib/internal/docfile"

	"go.yaml.in/yaml/v3"
)

// The files of a run, named as those of an adapter's.
const (
	recipeFile          = "recipe.yaml"
	targetFile          = "target.yaml"
	classesFile         = "classes.json"
	logFile             = "log.txt"
	logitsFile          = "logits.npy"
	zeroShotFile        = "zero_shot_logits.npy"
	labelsFile          = "labels.npy"
	metricsFile         = "metrics.json"
	zeroShotMetricsFile = "zero_shot_metrics.json"
)

// progressFile names what a run has done of a target. It bears the data's hash,
// so that data sets of one name do not take each other's folder.
func progressFile(in Inputs) string {
	return "progress-" + in.DataSHA256[:min(8, len(in.DataSHA256))] + ".partial"
}

// Inputs names what a run was made from. Empty fields do not apply; paths are
// told and no part of the run's identity.
type Inputs struct {
	Weights       string `yaml:"weights,omitempty"`
	WeightsSHA256 string `yaml:"weights_sha256,omitempty"`
	// Activation is the model's, with where it was found and where its
	// preprocessing was: told, but no part of what decides a run.
	Activation          string `yaml:"activation,omitempty"`
	ActivationSource    string `yaml:"activation_source,omitempty"`
	PreprocessingSource string `yaml:"preprocessing_source,omitempty"`
	Data                string `yaml:"data,omitempty"`
	DataSHA256          string `yaml:"data_sha256,omitempty"` // of the list of images and labels
}

// recipe is everything that decides a run but its targets.
type recipe struct {
	Family         string         `yaml:"family"`
	Method         string         `yaml:"method"`
	MethodSettings map[string]any `yaml:"method_settings,omitempty"`
	Remedy         string         `yaml:"remedy"`
	RemedySettings map[string]any `yaml:"remedy_settings,omitempty"`
	Compat         string         `yaml:"compat"`
	Context        string         `yaml:"context"`
	Views          int            `yaml:"views"`
	Keep           float64        `yaml:"keep"`
	AugMix         bool           `yaml:"augmix"`
	LearningRate   float64        `yaml:"learning_rate"`
	WeightDecay    float64        `yaml:"weight_decay"`
	Seed           uint64         `yaml:"seed"`
	LogitScale     float64        `yaml:"logit_scale"`
	WeightsSHA256  string         `yaml:"weights_sha256,omitempty"`
	Preprocessing  string         `yaml:"preprocessing"`
	Choices        []string       `yaml:"choices"`
}

// target is what one evaluation is of.
type target struct {
	Method          string `yaml:"method"`
	Remedy          string `yaml:"remedy"`
	RecipeSHA256    string `yaml:"recipe_sha256"`
	Inputs          Inputs `yaml:"inputs"`
	Samples         int    `yaml:"samples"`
	NumberOfClasses int    `yaml:"number_of_classes"`
	ClassesSHA256   string `yaml:"classes_sha256"`
	Bins            int    `yaml:"bins,omitempty"`
	FineBins        int    `yaml:"fine_bins,omitempty"`
}

func (t *Tuner) recipe(in Inputs) recipe {
	o := t.options
	return recipe{
		Family: "test-time", Method: t.method.Name(), MethodSettings: docfile.Settings(t.method),
		Remedy: t.remedy.remedy.Name(), RemedySettings: docfile.Settings(t.remedy.remedy), Compat: string(o.Compat),
		Context: o.Context, Views: o.Views, Keep: o.Keep, AugMix: o.AugMix, LearningRate: o.LR,
		WeightDecay: *o.WeightDecay, Seed: o.Seed, LogitScale: t.scale, WeightsSHA256: in.WeightsSHA256,
		Preprocessing: t.images.Preprocessor().String(), Choices: t.Choices(),
	}
}

// identity is the hash by which two records with the same content are known.
func identity(v any) string {
	raw, err := yaml.Marshal(v)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}

// withoutPaths leaves out what does not decide the numbers.
func (t target) withoutPaths() target {
	t.Inputs.Weights, t.Inputs.Data = "", ""
	t.Inputs.Activation, t.Inputs.ActivationSource, t.Inputs.PreprocessingSource = "", "", ""
	return t
}

// claim writes the recipe into a run's folder, or finds it there. A folder with
// another recipe is an error.
func claim(path string, r recipe) error {
	var old recipe
	err := docfile.ReadYAML(path, &old)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return docfile.WriteYAML(path, r)
	case err != nil:
		return fmt.Errorf("%w; remove the folder or choose another", err)
	case identity(old) != identity(r):
		return fmt.Errorf("%s is of another run (%s, remedy %s, compat %s, seed %d): choose another folder, or remove it",
			path, old.Method, old.Remedy, old.Compat, old.Seed)
	}
	return nil
}
