package run

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/docfile"
)

// IsValidation says that a target is the validation fold of a data set, or a half
// of its classes there.
func (t Target) IsValidation() bool { return IsValidationSpec(t.Inputs.Data) }

// IsValidationSpec says so of a data set as a command line names it.
func IsValidationSpec(spec string) bool {
	part, _ := data.PartAndHalf(spec)
	return part == "val"
}

// FoldOf says that a target is the validation fold of the data set that a run
// learnt from, of the half of its classes that it learnt; source "" is not known,
// and any validation fold is taken.
func (t Target) FoldOf(source string) bool {
	return t.IsValidation() && (source == "" || t.ofSet(source))
}

// ValidationFor says that a target is a validation fold to a run that learnt from
// source: of any data set, but of that one only with the half of its classes.
func (t Target) ValidationFor(source string) bool {
	return t.FoldOf(source) || t.IsValidation() && data.NameOf(source) != data.NameOf(t.Inputs.Data)
}

// ofSet says that a target is of the data set that a spec names, whatever the part, and
// of the same half of its classes.
func (t Target) ofSet(spec string) bool {
	_, a := data.PartAndHalf(spec)
	_, b := data.PartAndHalf(t.Inputs.Data)
	return a == b && data.NameOf(spec) == data.NameOf(t.Inputs.Data)
}

// ValidationFolder finds a run's evaluation on the validation fold of the data
// set it learnt from; "" without one. Where several could be meant, the error
// names them.
func ValidationFolder(dir string) (string, error) {
	var recipe struct {
		Remedy string `yaml:"remedy"`
		Inputs struct {
			Data string `yaml:"data"`
		} `yaml:"inputs"`
	}
	if err := docfile.ReadYAML(filepath.Join(dir, recipeFile), &recipe); err != nil {
		return "", fmt.Errorf("run %s: %w", dir, err)
	}
	var found []string
	for _, name := range Finished(dir) {
		sub := filepath.Join(dir, "targets", name)
		var t Target
		if err := docfile.ReadYAML(filepath.Join(sub, targetFile), &t); err != nil {
			return "", fmt.Errorf("run %s: %w", dir, err)
		}
		if t.FoldOf(recipe.Inputs.Data) && t.Remedy == recipe.Remedy {
			found = append(found, sub)
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("run %s has several evaluations on validation folds (%s): name one with --calibration",
		dir, strings.Join(found, ", "))
}

// Calibration reads the evaluation that sets of classes are calibrated on: the
// one named, or the run's on its validation fold. It must be of this run, on all
// of its classes, and on pictures that the run did not learn from.
func Calibration(dir, named string) (Evaluation, error) {
	ev, err := calibration(dir, named)
	if err != nil {
		return ev, err
	}
	return ev, ofRun(dir, ev)
}

func calibration(dir, named string) (Evaluation, error) {
	if named != "" {
		ev, err := ReadEvaluation(named)
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("--calibration %s: no evaluation of a run is there: name a folder that clipcalib eval wrote, "+
				"such as RUN/targets/NAME", named)
		}
		return ev, err
	}
	fold, err := ValidationFolder(dir)
	if err == nil && fold == "" {
		err = fmt.Errorf("run %s has no evaluation on a validation fold to calibrate on: clipcalib eval %s "+
			"--data SOURCE#val makes one, or name another evaluation with --calibration", dir, dir)
	}
	if err != nil {
		return Evaluation{}, err
	}
	return ReadEvaluation(fold)
}

// ofRun refuses an evaluation that says nothing of what the run will predict.
func ofRun(dir string, ev Evaluation) error {
	m, err := ReadModel(dir)
	if err != nil {
		return err
	}
	t := ev.Target
	other := func(what string) error {
		return fmt.Errorf("the calibration fold %s is of another run than %s: %s", ev.Dir, dir, what)
	}
	if t.Method != m.Method || t.Remedy != m.Remedy {
		return other(fmt.Sprintf("%s with remedy %s, not %s with remedy %s", t.Method, t.Remedy, m.Method, m.Remedy))
	}
	if file, ok := parameterFiles[m.Family]; ok {
		sum, err := fileSHA256(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		if sum != t.ParametersSHA256 {
			return other(fmt.Sprintf("its parameters have SHA-256 %.12s, the run's %.12s", t.ParametersSHA256, sum))
		}
	} else if !inside(dir, ev.Dir) {
		return other("it is not below the run's folder")
	}
	if len(t.Classes) > 0 {
		return fmt.Errorf("the calibration fold %s has %d of the run's classes: want all", ev.Dir, ev.Logits.K)
	}
	names := make([]string, len(m.Classes))
	for i, c := range m.Classes {
		names[i] = c.Name
	}
	if len(names) != ev.Logits.K || t.ClassNamesSHA256 != "" && t.ClassNamesSHA256 != hashNames(names) {
		return fmt.Errorf("the calibration fold %s has other classes than the run (%d and %d, or other names)", ev.Dir,
			ev.Logits.K, len(names))
	}
	if err := Unlearnt(dir, ev.Dir, ev.Target); err != nil {
		return fmt.Errorf("calibration %w: no coverage follows from it", err)
	}
	return nil
}

// inside says that a folder lies below another.
func inside(dir, sub string) bool {
	a, errA := filepath.Abs(dir)
	b, errB := filepath.Abs(sub)
	if errA != nil || errB != nil {
		return false
	}
	rel, err := filepath.Rel(a, b)
	return err == nil && filepath.IsLocal(rel)
}

// Unlearnt refuses an evaluation, of that folder and target, as a fold of its run:
// where the run learnt from pictures of it, by what they hold or by their names in
// the lists of both. A few of many that hold the same may be true duplicates.
func Unlearnt(dir, evaluation string, t Target) error {
	recipe, err := ReadRecipe(dir)
	if err != nil {
		return err
	}
	if recipe.Inputs.DataSHA256 != "" && recipe.Inputs.DataSHA256 == t.Inputs.DataSHA256 {
		return fmt.Errorf("fold %s: it is what the run learnt from", evaluation)
	}
	var facts struct {
		Doubts []string `json:"doubts"`
	}
	err = docfile.ReadJSON(filepath.Join(evaluation, metricsFile), &facts)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if n, of := data.Learnt(facts.Doubts); 100*n > of {
		return fmt.Errorf("fold %s: %d of its %d pictures are among those that the run learnt from", evaluation, n, of)
	}
	source, target := recipe.Inputs.Data, t.Inputs.Data
	if !data.SamePlace(source, target) {
		return nil
	}
	// Names start from the folder of the part: those of other parts are no
	// others' names.
	a, knownA := data.PartRead(source, "train")
	b, knownB := data.PartRead(target, "test")
	known := knownA && knownB
	if known && a != b {
		return nil
	}
	learnt, err := fileColumn(filepath.Join(dir, ShotsFile))
	if err != nil {
		return err
	}
	fold, err := fileColumn(filepath.Join(evaluation, data.RowsFile))
	if err != nil {
		return err
	}
	both, first := 0, ""
	for name := range fold {
		if learnt[name] {
			both++
			if first == "" || name < first {
				first = name
			}
		}
	}
	// Where the set is gone, only a fold that has every one is taken for the same.
	if both > 0 && (known || both == len(learnt)) {
		return fmt.Errorf("fold %s: %d pictures of it, such as %s, are among those that the run learnt from",
			evaluation,
			both, first)
	}
	return nil
}

// fileColumn is the column "file" of a list of pictures, nothing where there is
// no list.
func fileColumn(path string) (map[string]bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, &Damage{path, fmt.Sprintf("it is no list of pictures: %v", err)}
	}
	out := map[string]bool{}
	for at, name := range rows[0] {
		if name != "file" {
			continue
		}
		for _, row := range rows[1:] {
			out[row[at]] = true
		}
	}
	return out, nil
}
