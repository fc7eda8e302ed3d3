package cli

import (
	"fmt"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/run"
)

// evaluation is an evaluation with the recipe of its run.
type evaluation struct {
	run.Evaluation
	recipe run.Recipe
	source bool // it is of the data set that the run learnt from
}

// set names the data set of an evaluation: its folder without the hash that
// tells it from another of that name, and the remedy if that is not the run's.
func (e evaluation) set() string {
	name := e.Name
	if hash := e.Target.Inputs.DataSHA256; hash != "" {
		name = strings.TrimSuffix(name, "-"+run.ShortHash(hash))
	}
	if e.Target.Remedy != e.recipe.Remedy {
		name = strings.TrimSuffix(name, "-"+e.Target.Remedy)
	}
	return name
}

// readEvaluations reads the evaluations of the runs in dirs.
func readEvaluations(dirs []string) ([]evaluation, error) {
	var found []evaluation
	for _, d := range dirs {
		recipe, err := run.ReadRecipe(d)
		if err != nil {
			return nil, err
		}
		evals, err := run.Evaluations(d)
		if err != nil {
			return nil, err
		}
		targets := make([]run.Target, len(evals))
		for i, e := range evals {
			targets[i] = e.Target
		}
		source := sources(recipe, targets)
		for i, e := range evals {
			found = append(found, evaluation{e, recipe, source[i]})
		}
	}
	return found, nil
}

// columns heads the evaluations of a report: one heading for one list of
// pictures. A run on part of a target is no row of the same column as one on
// all of it, and data sets that share nothing but the name are none of one.
func columns(found []evaluation) []string {
	hashes := map[string]map[string]bool{}
	for _, e := range found {
		if hashes[e.set()] == nil {
			hashes[e.set()] = map[string]bool{}
		}
		if hash := e.Target.Inputs.DataSHA256; hash != "" {
			hashes[e.set()][hash] = true
		}
	}
	out := make([]string, len(found))
	whole := map[string]int{}
	for i, e := range found {
		out[i] = e.set()
		if len(hashes[e.set()]) > 1 && e.Target.Inputs.DataSHA256 != "" {
			out[i] += " (" + run.ShortHash(e.Target.Inputs.DataSHA256) + ")"
		}
		whole[out[i]] = max(whole[out[i]], len(e.Labels))
	}
	for i, e := range found {
		if n := len(e.Labels); n < whole[out[i]] {
			out[i] = fmt.Sprintf("%s, %d pictures", out[i], n)
		}
	}
	return out
}

// sources tells which of a run's targets are of the data set that it learnt
// from. The name decides, since data sets move; among several sets of that name
// it is the one in the same place.
func sources(r run.Recipe, targets []run.Target) []bool {
	named, placed := make([]bool, len(targets)), make([]bool, len(targets))
	sets, anyPlaced := map[string]bool{}, false
	for i, t := range targets {
		if r.Inputs.Data == "" || t.Inputs.Data == "" || data.NameOf(r.Inputs.Data) != data.NameOf(t.Inputs.Data) {
			continue
		}
		named[i] = true
		placed[i] = data.SamePlace(r.Inputs.Data, t.Inputs.Data)
		sets[t.Inputs.DataSHA256], anyPlaced = true, anyPlaced || placed[i]
	}
	if len(sets) > 1 && anyPlaced {
		return placed
	}
	return named
}
