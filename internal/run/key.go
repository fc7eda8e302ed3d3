package run

import (
	"os"
	"path/filepath"
)

// Key tells a run from others, before it is trained.
type Key struct {
	Recipe string // of everything that decides the run: equal where recipes are the same
	// Parameters is of what decides the parameters where the remedy has no part
	// in training: runs equal in it may be twins.
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
	r.Remedy, r.RemedySettings, r.Choices = "", nil, nil
	k.Parameters = identity(r)
	return k
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
