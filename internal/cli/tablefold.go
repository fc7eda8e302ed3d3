package cli

import (
	"context"
	"fmt"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/logitfile"
	"clipcalib/internal/table"
)

// foldOf are the files of a result's own fold.
func (d dump) foldOf(sals bool) (fit savedResult, ok bool) {
	fit = d.fit
	if fit.logits == "" || sals && fit.zeroShot == "" {
		return fit, false
	}
	if !sals {
		fit.zeroShot = ""
	}
	return fit, true
}

// foldName is the fold's for people.
func (d dump) foldName(fit savedResult) string { return or(d.fitName, fit.logits) }

func (d dump) foldWords(n int, fit savedResult) string {
	return fmt.Sprintf("%d samples of %s", n, d.foldName(fit))
}

// openedFold is a result's own fold.
type openedFold struct {
	rows   calib.Rows
	labels []int
	close  func()
	// part are its columns of the result's classes where that has fewer of them, nil
	// where it has not, or where they are not known.
	part []int
	// otherClasses says how its columns are of other classes than the result's, "" where
	// they are not, or nothing says so.
	otherClasses string
}

// openFold opens the fold of a result, and refuses one that holds what is measured.
func openFold(ctx context.Context, d dump, fit savedResult, measured calib.Rows) (f openedFold, err error) {
	if f.rows, f.close, err = fit.open(ctx, logitfile.FitLogits); err != nil {
		return f, err
	}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.labels, err = readLabels(ctx, "fit_labels", fit.labels, logitfile.FitLabels, f.rows); err != nil {
		return f, err
	}
	shared, err := sharedSamples(f.rows, measured, fit.logits, d.logits)
	if err != nil {
		return f, err
	}
	n, k := f.rows.Shape()
	if 100*shared > n {
		return f, fmt.Errorf("%d of the %d rows of %s are also among those of %s: nothing may be fitted or calibrated "+
			"on what is measured", shared, n, fit.logits, d.logits)
	}
	if pictures := dataOf(d.logits); pictures != "" && pictures == dataOf(fit.logits) {
		return f, fmt.Errorf("%s and %s are of the same pictures (data_sha256 in target.yaml): nothing may be fitted "+
			"or calibrated on what is measured", fit.logits, d.logits)
	}
	ofFold, err := classesOf(fit.logits)
	if err != nil {
		return f, err
	}
	ofResult, err := classesOf(d.logits)
	if err != nil {
		return f, err
	}
	if _, own := measured.Shape(); own != k {
		f.otherClasses = fmt.Sprintf("it is of %d classes, and its fold of %d", own, k)
		f.part, _ = table.JoinColumns(ofFold, ofResult, k, own)
		return f, nil
	}
	if len(ofFold) > 0 && len(ofResult) > 0 {
		if how := data.Mismatch(ofFold, ofResult); how != "" {
			f.otherClasses = "its classes are not those of its fold: " + how
		}
	}
	return f, nil
}
