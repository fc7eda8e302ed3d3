package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/named"
	"clipcalib/internal/regular"
	"clipcalib/internal/run"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

// postHocFlags name the scalers that rows are to be shown under too.
type postHocFlags struct {
	kinds []string
	files []string
}

func (f *postHocFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringSliceVar(&f.kinds, "post-hoc", nil, "rows under these scalers too, each fitted on the run's own "+
		"validation fold: "+strings.Join(calib.CalibratorKinds(), ", "))
	fl.StringArrayVar(&f.files, "calibrator", nil,
		"rows under this calibrator too, which calibrate --save-calibrator wrote; a temperature goes for any classes")
	completesList(c, "post-hoc", calib.CalibratorKinds()...)
}

// open checks the names and reads the files.
func (f postHocFlags) open() (p table.PostHoc, err error) {
	for _, kind := range f.kinds {
		if !slices.Contains(calib.CalibratorKinds(), kind) {
			return p, usagef("--post-hoc %s: choose %s%s", kind, strings.Join(calib.CalibratorKinds(), ", "),
				named.Suggestion(kind, calib.CalibratorKinds()))
		}
		if !slices.Contains(p.Kinds, kind) {
			p.Kinds = append(p.Kinds, kind)
		}
	}
	for _, path := range f.files {
		s, err := readCalibrator(path)
		if err != nil {
			return p, err
		}
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		if slices.ContainsFunc(p.Saved, func(o table.Saved) bool { return o.Name == name }) {
			return p, usagef("--calibrator %s: there are two files of the name %s, and rows bear it: rename "+
				"one", path, name)
		}
		p.Saved = append(p.Saved, table.Saved{Name: name, SavedCalibrator: s})
	}
	return p, nil
}

// checkTargets refuses scalers that no validation fold among the targets could be
// fitted on, before anything is trained.
func (f postHocFlags) checkTargets(flag string, targets []string) error {
	if len(f.kinds)+len(f.files) > 0 && len(targets) == 0 {
		return usagef("--post-hoc and --calibrator are for what is measured: name data sets with %s", flag)
	}
	if len(f.kinds) > 0 && !slices.ContainsFunc(targets, run.IsValidationSpec) {
		return usagef("--post-hoc %s is fitted on a validation fold that the run is evaluated on: name it with %s "+
			"too, as "+
			"pets/#val", strings.Join(f.kinds, ","), flag)
	}
	return nil
}

func readCalibrator(path string) (s calib.SavedCalibrator, err error) {
	file, err := regular.Open(path)
	if err != nil {
		return s, fmt.Errorf("--calibrator: %w", err)
	}
	defer file.Close()
	if s, err = calib.LoadCalibrator(file); err != nil {
		return s, fmt.Errorf("--calibrator %s: %w", path, err)
	}
	return s, nil
}
