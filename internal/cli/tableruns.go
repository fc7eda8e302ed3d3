package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/data/catalog"
	"clipcalib/internal/recipe"
	"clipcalib/internal/run"
	"clipcalib/internal/table"
)

// runDumps lists the results of run folders below a folder, as collect and the
// grids write them, and the zero-shot logits beside those without a remedy. Runs
// say their model and data; what no table could have is skipped and named.
func runDumps(dir string) (dumps []dump, skipped []string, err error) {
	dirs, err := table.Find(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range dirs {
		recipeOf, err := run.ReadRecipe(d)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", d, err)
		}
		model, err := run.ReadModel(d)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", d, err)
		}
		fold, err := run.ValidationFolder(d)
		if err != nil {
			skipped = append(skipped, err.Error())
			fold = ""
		}
		var fit savedResult
		fitName := ""
		if fold != "" {
			t, err := run.ReadTarget(fold)
			if err == nil {
				err = run.Unlearnt(d, fold, t)
			}
			if err != nil {
				return nil, nil, err
			}
			fit.logits, fit.zeroShot, fit.labels = logitsIn(fold)
			fitName = foldOfRuns(t.Inputs.Data)
		}
		for _, name := range run.Finished(d) {
			at := filepath.Join(d, "targets", name)
			t, err := run.ReadTarget(at)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", at, err)
			}
			set := setAt(t.Inputs.Data)
			switch {
			case model.Architecture == "":
				skipped = append(skipped, at+": the run does not say its model")
				continue
			case set == "":
				skipped = append(skipped, fmt.Sprintf("%s: no set of the paper lies at %s", at, t.Inputs.Data))
				continue
			}
			logits, zeroShot, labels := logitsIn(at)
			dumps = append(dumps, dump{model: model.Architecture, method: recipeOf.Method, remedy: t.Remedy, set: set,
				seed: strconv.FormatUint(recipeOf.Seed, 10), logits: logits, labels: labels, zeroShot: zeroShot,
				fit: fit, fitName: fitName, at: at})
			if t.Remedy == "none" {
				dumps = append(dumps, dump{model: model.Architecture, method: recipe.ZeroShotMethod, remedy: "none",
					set:    set,
					logits: zeroShot, labels: labels, fit: savedResult{fit.zeroShot, fit.labels, ""},
					fitName: fitName, at: at})
			}
		}
	}
	return dumps, skipped, nil
}

// foldOfRuns names a validation fold of which every run has logits of its own.
func foldOfRuns(spec string) string {
	return filepath.Base(spec) + ", each run's own logits"
}

// setAt is the paper's set at a path, by the last folder of it that bears the name
// of one; "" for none, and for a validation fold, which is no target.
func setAt(path string) string {
	if strings.Contains(filepath.Base(path), "#") {
		return ""
	}
	parts := strings.Split(filepath.ToSlash(path), "/")
	for _, part := range slices.Backward(parts) {
		for _, s := range catalog.Sets() {
			if s.Called(part) {
				return s.ID
			}
		}
	}
	return ""
}
