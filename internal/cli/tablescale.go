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

// noFold is why a result has no scaler and no sets.
const noFold = "no fold to fit or calibrate on (fit_logits and fit_labels in " + indexFile +
	", or a run's evaluation on its validation fold)"

// takeSaved takes up one saved result in a row, under the row's scaler if it has one,
// with conformal sets where they are asked for. It is not done, and why says so, where
// there is no fold to fit the scaler on.
func (found *paperFound) takeSaved(ctx context.Context, d dump, zeroShot string, row recipe.Row,
	m paper.Measured) (done bool, why string, err error) {
	r := savedResult{d.logits, d.labels, zeroShot}
	rows, closeRows, err := r.open(ctx, logitfile.Logits)
	if err != nil {
		return false, "", err
	}
	defer closeRows()
	result := scaledResult{raw: rows, rows: rows, sals: zeroShot != ""}
	if row.Scaler != "" {
		s, err := found.scaler(ctx, d, zeroShot != "", row.Scaler, rows)
		if err != nil || s.why != "" {
			return false, s.why, err
		}
		if result.rows, err = s.calibrator.Apply(rows); err != nil {
			return false, "", err
		}
		if result.onFold = s.onFold; !s.onFold {
			result.elsewhere = &s.calibrator
		}
		m.Where += ", " + s.on
		found.note("%s: %s", row.Label, s.on)
	}
	if m.Predictions, result.labels, err = predict(ctx, result.rows, d.logits, d.labels); err != nil {
		return false, "", err
	}
	if err := found.alike(d, m.Predictions); err != nil {
		return false, "", err
	}
	if found.asked != nil {
		if err := found.sets(ctx, d, row, result, &m); err != nil {
			return false, "", err
		}
	}
	found.measured = append(found.measured, m)
	return true, "", nil
}

func (found *paperFound) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(found.notes, n) {
		found.notes = append(found.notes, n)
	}
}

// rowScaler is the scaler of a row for a result, or why there is none.
type rowScaler struct {
	calibrator calib.Calibrator
	on, why    string
	onFold     bool // fitted on the result's own fold
}

func (found *paperFound) scaler(ctx context.Context, d dump, sals bool, word string,
	measured calib.Rows) (out rowScaler, err error) {
	for _, s := range found.scalers.Saved {
		if word != savedWords(s) {
			continue
		}
		out = rowScaler{s.Calibrator, fmt.Sprintf("fitted elsewhere, on %d samples of %s", s.Fold.Samples,
			s.Fold.Logits), "", false}
		if _, k := measured.Shape(); s.Calibrator.Kind != calib.Temperature && s.Calibrator.Classes != k {
			out.why = fmt.Sprintf("%s is of %d classes, and these are %d", word, s.Calibrator.Classes, k)
			return out, nil
		}
		sum, err := logitfile.SHA256(d.logits)
		if err == nil && (sum == s.Fold.LogitsSHA256 || s.Fold.DataSHA256 != "" &&
			s.Fold.DataSHA256 == dataOf(d.logits)) {
			err = fmt.Errorf("%s was fitted on what %s is of: it cannot be measured there", word, d.logits)
		}
		if err != nil {
			return out, err
		}
		common, err := fittedOn(s.Fold, d.logits, measured)
		if err == nil && common.Many() {
			err = fmt.Errorf("%s was fitted on %d of the %d samples of %s: it cannot be measured there", word, common.N,
				common.Of, d.logits)
		}
		if fit, ok := d.foldOf(sals); ok && err == nil {
			sum, err = logitfile.SHA256(fit.logits)
			out.onFold = sum == s.Fold.LogitsSHA256 || s.Fold.DataSHA256 != "" &&
				s.Fold.DataSHA256 == dataOf(fit.logits)
		}
		return out, err
	}
	fit, ok := d.foldOf(sals)
	if !ok {
		return rowScaler{why: noFold}, nil
	}
	fold, err := openFold(ctx, d, fit, measured)
	if err != nil {
		return out, err
	}
	defer fold.close()
	if fold.otherClasses != "" && word != calib.Temperature {
		return rowScaler{why: fold.otherClasses}, nil
	}
	c, about, err := calib.FitCalibrator(word, fold.rows, fold.labels, calib.FitOptions{})
	if err != nil {
		return out, fmt.Errorf("%s: %w", fit.logits, err)
	}
	n, k := fold.rows.Shape()
	out = rowScaler{calibrator: c, on: "fitted on " + d.foldWords(n, fit), onFold: true}
	if doubts := about.Doubts(word, k); len(doubts) > 0 {
		out.on += " (" + strings.Join(doubts, "; ") + ")"
	}
	return out, nil
}
