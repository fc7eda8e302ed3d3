package run

import (
	"os"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/internal/docfile"
	"clipcalib/internal/train"
)

// Key tells a run from others, before it is trained.
type Key struct {
	Recipe string // of everything that decides the run: equal where recipes are the same
	// Parameters is of what decides the parameters, of the remedy its part in
	// training alone: runs equal in it may be twins.
	Parameters string
}

// Recipe is that of the run that [Adapt] would make.
func (o AdaptOptions) Recipe() (Recipe, error) {
	t, err := o.training()
	return t.recipe, err
}

// Recipe is that of the run that [LearnPrompts] would make.
func (o PromptOptions) Recipe() (Recipe, error) {
	t, err := o.training()
	return t.recipe, err
}

// Key is the key of the run that [Adapt] would make.
func (o AdaptOptions) Key() (Key, error) {
	r, err := o.Recipe()
	return r.Key(), err
}

// Key is the key of the run that [LearnPrompts] would make.
func (o PromptOptions) Key() (Key, error) {
	r, err := o.Recipe()
	return r.Key(), err
}

// Key is the key of the recipe's run.
func (r Recipe) Key() Key {
	r.Engine, r.Inputs = "", r.Inputs.identity()
	k := Key{Recipe: identity(r)}
	if trained, err := r.asTrained(); err == nil {
		r = trained
	}
	k.Parameters = identity(r)
	return k
}

// asTrained is the recipe with of its remedy only the part in training, and
// without choices in words.
func (r Recipe) asTrained() (Recipe, error) {
	remedy, err := restored(adapt.ParseRemedy, r.Remedy, r.RemedySettings)
	if err != nil {
		return r, err
	}
	part := train.TrainingPart(remedy)
	r.Remedy, r.RemedySettings, r.Choices = part.Name(), docfile.Settings(part), nil
	if !adapt.ActsInTraining(part) {
		r.Remedy = ""
	}
	return r, nil
}

// Below returns a run's folder right below dir, "" where there is none or dir is
// a run itself.
func Below(dir string) string {
	if IsRun(dir) {
		return ""
	}
	entries, _ := os.ReadDir(dir) // nothing to read: no runs
	for _, e := range entries {
		if sub := filepath.Join(dir, e.Name()); e.IsDir() && IsRun(sub) {
			return sub
		}
	}
	return ""
}

// IsRun reports whether dir holds a run, finished or not.
func IsRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, recipeFile))
	return err == nil
}
