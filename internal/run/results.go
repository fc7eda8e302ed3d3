package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/docfile"
	"clipcalib/internal/npy"
)

// Evaluation is one finished evaluation, read back from its folder.
type Evaluation struct {
	Name     string // of the target
	Dir      string
	Target   Target
	Logits   calib.Matrix // after the remedy
	ZeroShot calib.Matrix
	Labels   []int
	// Contents is the hash of the pictures whatever their order and names; "" is not
	// known.
	Contents string
}

// Evaluations reads every evaluation below a run's folder, sorted by name.
func Evaluations(dir string) ([]Evaluation, error) {
	root := filepath.Join(dir, "targets")
	entries, err := os.ReadDir(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
	owner, err := ownerOf(dir)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	var out []Evaluation
	for _, e := range entries {
		if !e.IsDir() || unfinished(filepath.Join(root, e.Name())) {
			continue
		}
		ev, err := ReadEvaluation(filepath.Join(root, e.Name()))
		if err == nil {
			err = owner.check(ev)
		}
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", dir, err)
		}
		out = append(out, ev)
	}
	return out, nil
}

// owner is what the evaluations in a run's folder must be of.
type owner struct {
	method     string
	parameters string // SHA-256; "" for none
}

func ownerOf(dir string) (o owner, err error) {
	var recipe struct{ Family, Method string }
	err = docfile.ReadYAML(filepath.Join(dir, recipeFile), &recipe)
	if errors.Is(err, os.ErrNotExist) {
		return o, nil
	}
	o.method = recipe.Method
	if name, ok := parameterFiles[recipe.Family]; ok && err == nil {
		if o.parameters, err = fileSHA256(filepath.Join(dir, name)); errors.Is(err, os.ErrNotExist) {
			err = nil // not trained to its end, or not kept
		}
	}
	return o, err
}

// check refuses an evaluation that came from another run's folder, or is of parameters
// that the run had before.
func (o owner) check(ev Evaluation) error {
	t := ev.Target
	if o.method != "" && t.Method != o.method {
		return fmt.Errorf("%s is of method %s, and the run is of %s: it came from another run", ev.Dir, t.Method, o.method)
	}
	if of := t.ParametersSHA256; of != "" && o.parameters != "" && of != o.parameters {
		return fmt.Errorf("%s is of other parameters than the run's: SHA-256 %.12s, the run's %.12s; remove it and evaluate "+
			"again", ev.Dir, of, o.parameters)
	}
	return nil
}

// Finished names the targets that a run was evaluated on.
func Finished(dir string) (names []string) {
	entries, _ := os.ReadDir(filepath.Join(dir, "targets"))
	for _, e := range entries {
		if e.IsDir() && !unfinished(filepath.Join(dir, "targets", e.Name())) {
			names = append(names, e.Name())
		}
	}
	return names
}

// Unfinished lists the folders of evaluations below a run's folder that have
// begun, and not ended.
func Unfinished(dir string) (dirs []string) {
	entries, _ := os.ReadDir(filepath.Join(dir, "targets"))
	for _, e := range entries {
		if sub := filepath.Join(dir, "targets", e.Name()); e.IsDir() && unfinished(sub) {
			dirs = append(dirs, sub)
		}
	}
	return dirs
}

// unfinished says so of a folder without both files that mark the end.
func unfinished(dir string) bool {
	for _, name := range []string{targetFile, manifestFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return false
		}
	}
	return true
}

// ReadTarget reads what the evaluation in a folder is of, and checks the folder's
// files against their checksums.
func ReadTarget(dir string) (t Target, err error) {
	if err = CheckFiles(dir); err == nil {
		err = docfile.ReadYAML(filepath.Join(dir, targetFile), &t)
	}
	return t, err
}

// ReadEvaluation reads the folder of one evaluation.
func ReadEvaluation(dir string) (Evaluation, error) {
	ev := Evaluation{Name: filepath.Base(dir), Dir: dir}
	if err := CheckFiles(dir); err != nil {
		return ev, err
	}
	if err := docfile.ReadYAML(filepath.Join(dir, targetFile), &ev.Target); err != nil {
		return ev, err
	}
	var err error
	if ev.Logits, err = readLogits(filepath.Join(dir, logitsFile)); err != nil {
		return ev, err
	}
	if ev.ZeroShot, err = readLogits(filepath.Join(dir, zeroShotFile)); err != nil {
		return ev, err
	}
	path := filepath.Join(dir, labelsFile)
	if ev.Labels, err = npy.ReadLabels(path); err != nil {
		return ev, err
	}
	if t := ev.Target; t.Method == "" || t.Samples != ev.Logits.N || t.NumberOfClasses != ev.Logits.K {
		return ev, &Damage{filepath.Join(dir, targetFile), fmt.Sprintf("it says method %q and logits [%d, %d], %s holds "+
			"[%d, %d]",
			t.Method, t.Samples, t.NumberOfClasses, logitsFile, ev.Logits.N, ev.Logits.K)}
	}
	if len(ev.Labels) != ev.Logits.N || ev.ZeroShot.N != ev.Logits.N || ev.ZeroShot.K != ev.Logits.K {
		return ev, fmt.Errorf("%s: logits [%d, %d], zero-shot logits [%d, %d] and %d labels do not fit each other",
			dir, ev.Logits.N, ev.Logits.K, ev.ZeroShot.N, ev.ZeroShot.K, len(ev.Labels))
	}
	var facts Facts
	if err := docfile.ReadJSON(filepath.Join(dir, metricsFile), &facts); err != nil && !errors.Is(err, os.ErrNotExist) {
		return ev, err
	}
	ev.Contents = facts.ContentsSHA256
	return ev, ev.checkRows()
}

// checkRows holds the labels of a folder without a manifest, whose files nothing else
// holds together, to the list of its pictures.
func (ev Evaluation) checkRows() error {
	if hasManifest(ev.Dir) {
		return nil
	}
	path := filepath.Join(ev.Dir, data.RowsFile)
	listed, err := data.ReadRowLabels(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && listed == nil {
		return nil
	}
	if err != nil {
		return err
	}
	if len(listed) != len(ev.Labels) {
		return &Damage{path, fmt.Sprintf("it lists %d pictures, and %s has %d labels", len(listed), labelsFile, len(ev.Labels))}
	}
	for i, y := range listed {
		if y != ev.Labels[i] {
			return &Damage{path, fmt.Sprintf("row %d has label %d, and in %s label %d", i, y, labelsFile, ev.Labels[i])}
		}
	}
	return nil
}

func readLogits(path string) (calib.Matrix, error) {
	n, k, values, err := npy.ReadMatrix(path)
	if err != nil {
		return calib.Matrix{}, err
	}
	m := calib.Matrix{N: n, K: k, Data: values}
	if err := m.Check(); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Keys are the keys of a run's classes.
func Keys(classes []Class) []data.Class {
	keys := make([]data.Class, len(classes))
	for i, c := range classes {
		keys[i] = data.Class{Folder: c.Folder, Name: c.Name}
	}
	return keys
}

// ReadClasses reads a run's class names, nil where they are not known.
func ReadClasses(dir string) ([]Class, error) {
	var classes []Class
	if err := CheckFiles(dir, classesFile); err != nil {
		return nil, err
	}
	err := docfile.ReadJSON(filepath.Join(dir, classesFile), &classes)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return classes, err
}
