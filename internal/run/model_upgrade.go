package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/docfile"
	"clipcalib/internal/named"

	"go.yaml.in/yaml/v3"
)

// upgraded makes of an older run's recipe what its model.yaml would say, numbers
// in the types that YAML gives them. The path of the checkpoint is the one that
// was given then.
func upgraded(dir string) (m Model, err error) {
	was, err := fromRecipe(dir)
	if err != nil {
		return m, err
	}
	text, err := yaml.Marshal(was)
	if err != nil {
		return m, err
	}
	return m, yaml.Unmarshal(text, &m)
}

func fromRecipe(dir string) (Model, error) {
	r, err := ReadRecipe(dir)
	if errors.Is(err, os.ErrNotExist) {
		return Model{}, fmt.Errorf("no run here (%s and %s are missing)", modelFile, recipeFile)
	}
	if err != nil {
		return Model{}, err
	}
	if r.Family == FamilyTestTime {
		return upgradedTuning(dir)
	}
	var method named.Thing
	if r.Family == FamilyPrompts {
		method, err = restored(prompt.ParseMethod, r.Method, r.MethodSettings)
	} else {
		method, err = restored(adapt.ParseMethod, r.Method, r.MethodSettings)
	}
	if err != nil {
		return Model{}, fmt.Errorf("%s: method: %w", recipeFile, err)
	}
	remedy, err := restored(adapt.ParseRemedy, r.Remedy, r.RemedySettings)
	if err != nil {
		return Model{}, fmt.Errorf("%s: remedy: %w", recipeFile, err)
	}
	m := NewModel(r.Family, method, remedy, adapt.Compat(r.Compat), r.LogitScale)
	m.setInputs(r.Inputs)
	m.Weights.Path, m.Width = r.Inputs.Weights, r.Width
	return m, nil
}

func upgradedTuning(dir string) (Model, error) {
	var r TunedRecipe
	if err := docfile.ReadYAML(filepath.Join(dir, recipeFile), &r); err != nil {
		return Model{}, err
	}
	remedy, err := restored(adapt.ParseRemedy, r.Remedy, r.RemedySettings)
	if err != nil {
		return Model{}, fmt.Errorf("%s: remedy: %w", recipeFile, err)
	}
	m := NewModel(FamilyTestTime, remedy, remedy, adapt.Compat(r.Compat), r.LogitScale)
	m.Method, m.MethodSettings = r.Method, map[string]any{}
	for field, v := range r.MethodSettings { // those that were not their defaults
		m.MethodSettings[strings.ToLower(field)] = v
	}
	m.Weights.SHA256, m.Preprocessing, m.Truncate = r.WeightsSHA256, r.Preprocessing, r.Truncate
	m.Tuning = &Tuning{Context: r.Context, Views: r.Views, Keep: r.Keep, AugMix: r.AugMix, LearningRate: r.LearningRate,
		WeightDecay: r.WeightDecay, Seed: r.Seed, ViewKey: r.ViewKey}
	return m, nil
}

// restored is the thing of a name with the settings of a recipe, which go by the
// names of their fields.
func restored[T any](parse func(string) (T, error), name string, fields map[string]any) (T, error) {
	v, err := parse(name)
	if err != nil {
		return v, err
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return v, err
	}
	return docfile.WithSettings(v, string(text))
}
