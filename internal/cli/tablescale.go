package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/logitfile"
	"clipcalib/internal/paper"
	"clipcalib/internal/recipe"
	"clipcalib/internal/table"
)

// scalerRows adds a row for every scaler behind every row of a table.
func scalerRows(t recipe.Table, p table.PostHoc) recipe.Table {
	words := slices.Clone(p.Kinds)
	for _, s := range p.Saved {
		words = append(words, savedWords(s))
	}
	return t.WithScalers(words)
}

func savedWords(s table.Saved) string { return s.Calibrator.Kind + " of " + s.Name }

// savedResult are the files that a saved result is made of. With zero-shot logits
// it is scaled to them (SaLS).
type savedResult struct{ logits, labels, zeroShot string }

func (r savedResult) open(ctx context.Context, role logitfile.Role) (rows calib.Rows, close func(), err error) {
	l, err := logitfile.Open(ctx, r.logits, role)
	if err != nil {
		return nil, nil, err
	}
	if r.zeroShot == "" {
		return l.Rows, func() { l.Close() }, nil
	}
	z, err := logitfile.Open(ctx, r.zeroShot, logitfile.ZeroShot)
	if err != nil {
		l.Close()
		return nil, nil, err
	}
	close = func() { l.Close(); z.Close() }
	_, k := l.Shape()
	if _, zk := z.Shape(); zk != k {
		close()
		return nil, nil, fmt.Errorf("%s has logits of %d classes, %s of %d: both must be of the same classes", r.logits,
			k,
			r.zeroShot, zk)
	}
	if rows, err = calib.SaLSRows(l.Rows, z.Rows); err != nil {
		close()
		return nil, nil, fmt.Errorf("%s scaled to %s: %w", r.logits, r.zeroShot, err)
	}
	return rows, close, nil
}

// takeSaved takes up one saved result in a row, under the row's scaler if it has one.
// It is not done, and why says so, where there is no fold to fit that on.
func (found *paperFound) takeSaved(ctx context.Context, d dump, zeroShot string, row recipe.Row,
	m paper.Measured) (done bool, why string, err error) {
	r := savedResult{d.logits, d.labels, zeroShot}
	rows, closeRows, err := r.open(ctx, logitfile.Logits)
	if err != nil {
		return false, "", err
	}
	defer closeRows()
	if row.Scaler != "" {
		c, on, err := found.scaler(ctx, d, zeroShot != "", row.Scaler, rows)
		if err != nil || on == "" {
			return false, "no fold to fit on (fit_logits and fit_labels in " + indexFile +
				", or a run's evaluation on its " +
				"validation fold)", err
		}
		if rows, err = c.Apply(rows); err != nil {
			return false, "", err
		}
		m.Where += ", " + on
		found.note("%s: %s", row.Label, on)
	}
	if m.Predictions, err = predict(ctx, rows, d.logits, d.labels); err != nil {
		return false, "", err
	}
	if err := found.alike(d, m.Predictions); err != nil {
		return false, "", err
	}
	found.measured = append(found.measured, m)
	return true, "", nil
}

func (found *paperFound) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(found.notes, n) {
		found.notes = append(found.notes, n)
	}
}

// scaler is that of a row for a result, and on what it was fitted; "" where there
// is no fold.
func (found *paperFound) scaler(ctx context.Context, d dump, sals bool, word string,
	measured calib.Rows) (c calib.Calibrator, on string, err error) {
	for _, s := range found.scalers.Saved {
		if word != savedWords(s) {
			continue
		}
		sum, err := logitfile.SHA256(d.logits)
		if err == nil && (sum == s.Fold.LogitsSHA256 || s.Fold.DataSHA256 != "" &&
			s.Fold.DataSHA256 == dataOf(d.logits)) {
			err = fmt.Errorf("%s was fitted on what %s is of: it cannot be measured there", word, d.logits)
		}
		if err != nil {
			return c, "", err
		}
		common, err := fittedOn(s.Fold, d.logits, measured)
		if err == nil && common.Many() {
			err = fmt.Errorf("%s was fitted on %d of the %d samples of %s: it cannot be measured there", word, common.N,
				common.Of, d.logits)
		}
		return s.Calibrator, fmt.Sprintf("fitted elsewhere, on %d samples of %s", s.Fold.Samples, s.Fold.Logits), err
	}
	if d.fit.logits == "" || sals && d.fit.zeroShot == "" {
		return c, "", nil
	}
	fit := d.fit
	if !sals {
		fit.zeroShot = ""
	}
	fold, closeFold, err := fit.open(ctx, logitfile.FitLogits)
	if err != nil {
		return c, "", err
	}
	defer closeFold()
	labels, err := readLabels(ctx, "fit_labels", fit.labels, logitfile.FitLabels, fold)
	if err != nil {
		return c, "", err
	}
	shared, err := sharedSamples(fold, measured, fit.logits, d.logits)
	if n, _ := fold.Shape(); err == nil && 100*shared > n {
		err = fmt.Errorf("%d of the %d rows of %s are also among those of %s: nothing may be fitted on what is "+
			"measured", shared, n, fit.logits, d.logits)
	}
	if err != nil {
		return c, "", err
	}
	c, about, err := calib.FitCalibrator(word, fold, labels, calib.FitOptions{})
	if err != nil {
		return c, "", fmt.Errorf("%s: %w", fit.logits, err)
	}
	n, k := fold.Shape()
	on = fmt.Sprintf("fitted on %d samples of %s", n, fit.logits)
	if doubts := about.Doubts(word, k); len(doubts) > 0 {
		on += " (" + strings.Join(doubts, "; ") + ")"
	}
	return c, on, nil
}
