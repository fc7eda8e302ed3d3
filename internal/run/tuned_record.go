package run

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"clipcalib/internal/docfile"

	"go.yaml.in/yaml/v3"
)

// TunedRecipe is everything that decides a run of test-time tuning but its
// targets. It is a run's recipe.yaml, and what it shares with a [Recipe] has the
// names it has there.
type TunedRecipe struct {
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
	ViewKey        string         `yaml:"view_key,omitempty"` // names a picture in its views' seeds; "" is its path
	Pinned         string         `yaml:"pinned,omitempty"`   // hash of given vectors and views
	FPP            map[string]any `yaml:"fpp,omitempty"`      // settings, where it learned the start
	Truncate       bool           `yaml:"truncate,omitempty"` // prompts of more tokens than CLIP takes
	LogitScale     float64        `yaml:"logit_scale"`
	WeightsSHA256  string         `yaml:"weights_sha256,omitempty"`
	Preprocessing  string         `yaml:"preprocessing"`
	Choices        []string       `yaml:"choices"`
}

// TunedInputs names what an evaluation was made from. Empty fields do not
// apply; paths are told and no part of its identity.
type TunedInputs struct {
	Weights       string     `yaml:"weights,omitempty"`
	WeightsSHA256 string     `yaml:"weights_sha256,omitempty"`
	Model         ModelFacts `yaml:",inline"`
	Data          string     `yaml:"data,omitempty"`
	DataSHA256    string     `yaml:"data_sha256,omitempty"` // of the list of images and labels
}

// tunedTarget is what one evaluation is of.
type tunedTarget struct {
	Method          string      `yaml:"method"`
	Remedy          string      `yaml:"remedy"`
	RecipeSHA256    string      `yaml:"recipe_sha256"`
	Inputs          TunedInputs `yaml:"inputs"`
	Samples         int         `yaml:"samples"`
	NumberOfClasses int         `yaml:"number_of_classes"`
	ClassesSHA256   string      `yaml:"classes_sha256"`
	Bins            int         `yaml:"bins,omitempty"`
	FineBins        int         `yaml:"fine_bins,omitempty"`
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
func (t tunedTarget) withoutPaths() tunedTarget {
	t.Inputs.Weights, t.Inputs.Data = "", ""
	t.Inputs.Model = ModelFacts{}
	return t
}

// claim writes the recipe into a run's folder, or finds it there. A folder with
// another recipe is an error.
func claim(dir string, r TunedRecipe) error {
	var old TunedRecipe
	path := filepath.Join(dir, recipeFile)
	if err := CheckFiles(dir, recipeFile); err != nil {
		return err
	}
	err := docfile.ReadYAML(path, &old)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return docfile.WriteYAML(path, r)
	case err != nil:
		return fmt.Errorf("%w; remove the folder or choose another", err)
	case old.ViewKey != r.ViewKey:
		return fmt.Errorf("%s is of another version of this program, which drew a picture's views by its %s, this "+
			"one by its %s: the folder is still read, but not gone on with; choose another", path,
			inWords(old.ViewKey), inWords(r.ViewKey))
	case identity(old) != identity(r):
		return fmt.Errorf("%s is of another run (%s, remedy %s, compat %s, seed %d): choose another folder, or remove it",
			path, old.Method, old.Remedy, old.Compat, old.Seed)
	}
	return nil
}

// inWords is what a picture's views go by.
func inWords(viewKey string) string { return cmp.Or(viewKey, "path") }
