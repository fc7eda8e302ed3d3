package cli

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/recipe"
	"clipcalib/internal/run"
)

// val marks the validation fold of a set.
const val = "#val"

// needFolds says that results want a fold of their own.
func (s *paperSource) needFolds() bool {
	a := s.sets.asked()
	return len(s.scalers.kinds) > 0 || a != nil && a.Splits == 0
}

// foldsOf are the sets whose validation folds serve a recipe's targets: what the rows
// of the block learn from or, where they learn from nothing, each target itself.
func foldsOf(b recipe.Block, r recipe.Recipe) map[string]string {
	source := r.Source()
	for _, row := range b.Rows {
		for _, name := range row.Recipes {
			if other, err := recipe.Find(name); err == nil && source == "" {
				source = other.Source()
			}
		}
	}
	out := map[string]string{}
	for _, set := range r.Targets() {
		if out[set] = source; source == "" {
			out[set] = set
		}
	}
	return out
}

// foldWork adds validation folds to recipes, and gathers which sets have none.
type foldWork struct {
	app    *app
	work   *paperWork
	counts map[string]recipe.Count // by set and val
	none   map[string]string       // why, by set
}

func (a *app) newFoldWork(w *paperWork) foldWork {
	silent := *a
	silent.quiet = true
	return foldWork{&silent, w, map[string]recipe.Count{}, map[string]string{}}
}

// add evaluates a job on its folds too, and returns the recipe whose targets are named
// so, for its arithmetic.
func (f foldWork) add(j *paperJob) recipe.Recipe {
	named, paths := slices.Clone(j.recipe.Targets()), slices.Clone(j.resolved.Targets())
	for _, set := range j.foldSets() {
		f.look(set, slices.Contains(j.recipe.Targets(), set))
		if f.none[set] == "" {
			named, paths = append(named, set+val), append(paths, f.work.paths[set]+val)
		}
	}
	j.resolved = j.resolved.WithTargets(paths)
	return j.recipe.WithTargets(named)
}

// foldSets are the sets of the job's folds, in order.
func (j *paperJob) foldSets() []string {
	return slices.Compact(slices.Sorted(maps.Values(j.folds)))
}

// look reads a set's validation fold, once.
func (f foldWork) look(set string, measured bool) {
	if _, ok := f.counts[set+val]; ok && !measured || f.none[set] != "" {
		return
	}
	fold, err := f.app.load(sourceFlags{}, f.work.paths[set]+val, "val")
	if err != nil {
		f.none[set] = oneLine(err)
		return
	}
	f.counts[set+val] = recipe.Count{Classes: len(fold.Classes), Test: len(fold.Items)}
	if measured {
		if test, err := f.app.load(sourceFlags{}, f.work.paths[set], "test"); err != nil || test.Split == "val" {
			f.none[set] = "its validation part is what is measured"
		}
	}
	if a := f.work.source.sets.asked(); a != nil && a.Splits == 0 {
		if few := tooFew(a, len(fold.Items)); few != "" {
			f.none[set] = "its validation fold has " + few
		}
	}
}

// refusal names the sets without a fold.
func (f foldWork) refusal() error {
	if len(f.none) == 0 {
		return nil
	}
	var words []string
	for _, set := range slices.Sorted(maps.Keys(f.none)) {
		words = append(words, set+": "+f.none[set])
	}
	return fmt.Errorf("--post-hoc and --sets want a validation fold that is not measured, and there is none of %s. "+
		"Name other sets with --only, or give the sets one (a split file with a part val); --splits makes sets without",
		strings.Join(words, "; "))
}

// foldIn finds the evaluation on the validation fold at a path among a run's.
func (w *paperWork) foldIn(dir, set string, targets []cellTarget) (fit savedResult, name string, err error) {
	for _, t := range targets {
		of, err := run.ReadTarget(t.Dir)
		if err != nil {
			return fit, "", err
		}
		if of.Inputs.Data != w.paths[set]+val {
			continue
		}
		if err := run.Unlearnt(dir, t.Dir, of); err != nil {
			return fit, "", err
		}
		fit.logits, fit.zeroShot, fit.labels = logitsIn(t.Dir)
		return fit, foldOfRuns(filepath.Base(of.Inputs.Data)), nil
	}
	return fit, "", nil
}
