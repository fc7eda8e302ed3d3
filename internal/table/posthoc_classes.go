package table

import (
	"path/filepath"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/data"
)

// otherClasses says how the columns of an evaluation's logits are of other classes
// than a fold's, "" where nothing says so. Known is false where nothing says that
// they are the same either.
func otherClasses(fold, e *Evaluation) (how string, known bool, err error) {
	a, err := fold.columnClasses()
	if err != nil {
		return "", false, err
	}
	b, err := e.columnClasses()
	if err != nil {
		return "", false, err
	}
	if len(a) > 0 && len(b) > 0 {
		return data.Mismatch(a, b), true, nil
	}
	if x, y := fold.target, e.target; x.ClassNamesSHA256 != "" && y.ClassNamesSHA256 != "" {
		if x.ClassNamesSHA256 != y.ClassNamesSHA256 {
			return "their names differ", true, nil
		}
		return "", true, nil
	}
	if !slices.Equal(fold.target.Classes, e.target.Classes) {
		return "they are other ones of the run's", true, nil
	}
	return "", fold.target.Prototypes == "run" && e.target.Prototypes == "run", nil
}

// columnClasses are the classes of the evaluation's pictures, by label.
func (e *Evaluation) columnClasses() (map[int]data.Class, error) {
	return data.ReadRowClasses(filepath.Join(e.dir, data.RowsFile))
}

// fitsOwn says whether the columns that a scaler of single classes was fitted on are
// those of an evaluation; where they are not, and where that is not known, it says
// so.
func (w *postHocWork) fitsOwn(fold, e *Evaluation, kind string) (bool, error) {
	if kind == calib.Temperature {
		return true, nil
	}
	how, known, err := otherClasses(fold, e)
	switch {
	case err != nil:
		return false, err
	case how != "":
		w.say("no %s on %s: its classes are not those of %s: %s", kind, e.Target.Name, fold.Target.Name, how)
		return false, nil
	case !known:
		w.say("%s on %s: no names of classes are there, and its columns are taken for those of %s", kind, e.Target.Name,
			fold.Target.Name)
	}
	return true, nil
}

// fitsSaved is fitsOwn for a calibrator from a file.
func (w *postHocWork) fitsSaved(s Saved, e *Evaluation) (bool, error) {
	kind := s.Calibrator.Kind
	if kind == calib.Temperature {
		return true, nil
	}
	own, err := e.columnClasses()
	if err != nil {
		return false, err
	}
	if len(own) == 0 || len(s.Fold.Classes) == 0 {
		w.say("%s of %s on %s: no names of classes are there, and its columns are taken for those of the fit", kind,
			s.Name, e.Target.Name)
		return true, nil
	}
	if how := data.Mismatch(FoldClasses(s.Fold), own); how != "" {
		w.say("no %s of %s on %s: its classes are not those of the fit: %s", kind, s.Name, e.Target.Name, how)
		return false, nil
	}
	return true, nil
}

// FoldClasses are the classes that a calibrator says it was fitted on, by label.
func FoldClasses(f calib.Fold) map[int]data.Class {
	out := map[int]data.Class{}
	for _, c := range f.Classes {
		out[c.Label] = data.Class{Folder: c.Folder, Name: c.Name}
	}
	return out
}
