package cli

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/table"
)

// classesOf are the classes of logits by label, where they lie in the folder of an
// evaluation; none elsewhere.
func classesOf(logits string) (map[int]data.Class, error) {
	return data.ReadRowClasses(filepath.Join(filepath.Dir(logits), data.RowsFile))
}

// foldClasses are those in the form that a calibrator keeps.
func foldClasses(logits string) (out []calib.FoldClass, err error) {
	classes, err := classesOf(logits)
	for _, y := range slices.Sorted(maps.Keys(classes)) {
		out = append(out, calib.FoldClass{Label: y, Name: classes[y].Name, Folder: classes[y].Folder})
	}
	return out, err
}

// sameClasses refuses logits of other classes, or of the same in other columns,
// than a fold's; known is false where that cannot be told.
func (f calibrateFlags) sameClasses(fold calib.Fold) (known bool, err error) {
	own, err := classesOf(f.logits)
	if err != nil || len(own) == 0 || len(fold.Classes) == 0 {
		return false, err
	}
	if how := data.Mismatch(table.FoldClasses(fold), own); how != "" {
		return true, fmt.Errorf("it is fitted for single classes, and those of --logits %s are others or in another order: "+
			"%s", f.logits, how)
	}
	return true, nil
}
