package cli

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/calib"
	"clipcalib/internal/logitfile"
	"clipcalib/internal/paper"
	"clipcalib/internal/recipe"
	"clipcalib/internal/table"
)

// ownFeatures are the files that prototypes are adapted by, of a zero-shot result.
type ownFeatures struct {
	features, fold, text string
	scale                float64
}

// scaled is a result under its row's scaler.
type scaledResult struct {
	raw, rows calib.Rows // before and after it
	labels    []int
	sals      bool              // scaled to the zero-shot logits
	elsewhere *calib.Calibrator // fitted on something else than the result's fold
	onFold    bool              // the scaler was fitted on the fold
}

// sets makes the conformal sets of a result, or says why there are none. What would
// promise a coverage that does not follow is an error.
func (found *paperFound) sets(ctx context.Context, d dump, row recipe.Row, r scaledResult, m *paper.Measured) error {
	test := table.Labelled{Labels: r.labels}
	var err error
	if test.Logits, err = calib.Collect(r.rows); err != nil {
		return err
	}
	m.Sets = map[string]paper.MeasuredSets{}
	if found.asked.Splits > 0 {
		return found.overSplits(d, test, m)
	}
	fit, ok := d.foldOf(r.sals)
	switch {
	case r.onFold:
		m.WhyNoSets = "the scaler was fitted on the fold, and no coverage follows from a fold that was fitted on"
		return nil
	case !ok:
		m.WhyNoSets = noFold
		return nil
	}
	fold, err := openFold(ctx, d, fit, r.raw)
	if err != nil {
		return err
	}
	defer fold.close()
	if fold.otherClasses != "" && fold.part == nil {
		m.WhyNoSets = fold.otherClasses
		return nil
	}
	from := table.Labelled{Labels: fold.labels}
	if from.Logits, err = calib.Collect(fold.rows); err != nil {
		return err
	}
	m.CalibratedOn = d.foldWords(len(from.Labels), fit)
	if fold.part != nil {
		from = from.OfClasses(fold.part)
		m.CalibratedOn = fmt.Sprintf("%s, those of its %d classes", d.foldWords(len(from.Labels), fit), len(fold.part))
	}
	if r.elsewhere != nil {
		rows, err := r.elsewhere.Apply(from.Logits)
		if err == nil {
			from.Logits, err = calib.Collect(rows)
		}
		if err != nil {
			return err
		}
	}
	if few := tooFew(found.asked, len(from.Labels)); few != "" {
		return fmt.Errorf("conformal sets of %s: the fold %s has %s; give a larger fold, or a lower --coverage",
			d.logits,
			fit.logits, few)
	}
	found.noteUnassured(from, d.foldName(fit))
	for _, kind := range found.asked.Kinds {
		if byFeatures(kind) {
			if row.Method == recipe.ZeroShotMethod && row.Scaler == "" { // else the prototypes are not adapted by them
				if err := found.featureSets(ctx, d, kind, from, test, m); err != nil {
					return err
				}
			}
			continue
		}
		f, err := table.MeasureSets(kind, found.asked.Coverage, from, test)
		if kind == table.ConfOT && errors.Is(err, calib.ErrFewSamples) {
			m.WhyNoSets = fmt.Sprintf("by %s: %v", kind, err) // a class without a sample
			continue
		}
		if err != nil {
			return fmt.Errorf("conformal sets (%s) of %s on %s: %w", kind, d.logits, fit.logits, err)
		}
		m.Sets[kind] = paper.MeasuredSets{f}
	}
	return nil
}

// overSplits draws the fold from what is measured.
func (found *paperFound) overSplits(d dump, test table.Labelled, m *paper.Measured) error {
	a := found.asked
	m.CalibratedOn = fmt.Sprintf("half of the %d samples of %s, %d times", len(test.Labels), d.set, a.Splits)
	for _, kind := range a.Kinds {
		all, err := table.MeasureSplits(kind, a.Coverage, a.Splits, test)
		if kind == table.ConfOT && errors.Is(err, calib.ErrFewSamples) {
			m.WhyNoSets = fmt.Sprintf("by %s: %v", kind, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("conformal sets (%s) of %s, --splits: %w", kind, d.logits, err)
		}
		m.Sets[kind] = all
	}
	return nil
}

// noteUnassured says which classes the fold has no sample of.
func (found *paperFound) noteUnassured(fold table.Labelled, name string) {
	if none := unlabelled(fold.Labels, fold.Logits.K); len(none) > 0 {
		found.note("%s: %d of %d classes, as class %d, have no calibration sample: the coverage of sets is promised "+
			"over all classes, not for these", name, len(none), fold.Logits.K, none[0])
	}
}

// featureSets makes sets of a zero-shot result by prototypes that are adapted to the
// fold's features, which must be those of the logits.
func (found *paperFound) featureSets(ctx context.Context, d dump, kind string, from, test table.Labelled,
	m *paper.Measured) error {
	o := d.own
	if o.features == "" || from.Logits.K != test.Logits.K {
		m.WhyNoSets = fmt.Sprintf("by %s: there are no features (features, fit_features, text_features and "+
			"logit_scale in %s)", kind, indexFile)
		return nil
	}
	text, err := collectFeatures(ctx, "text_features", o.text, logitfile.Role{"text_features"})
	if err != nil {
		return err
	}
	for _, of := range []struct {
		spec string
		rows *table.Labelled
	}{{o.fold, &from}, {o.features, &test}} {
		features, err := collectFeatures(ctx, "features", of.spec, logitfile.Role{"features"})
		if err != nil {
			return err
		}
		if err := table.HoldFeatures(features, text, o.scale, of.rows.Logits); err != nil {
			return fmt.Errorf("features %s: %w", of.spec, err)
		}
		of.rows.Logits = features
	}
	f, err := table.MeasureFeatureSets(kind, found.asked.Coverage, text, o.scale, from, test)
	if err != nil {
		return fmt.Errorf("conformal sets (%s) of %s: %w", kind, o.features, err)
	}
	m.Sets[kind] = paper.MeasuredSets{f}
	return nil
}

// checkFeatures refuses a line of the index that says half of what sets by features
// need.
func (d dump) checkFeatures() error {
	o := d.own
	n := 0
	for _, v := range []string{o.features, o.fold, o.text} {
		if v != "" {
			n++
		}
	}
	if o.scale != 0 {
		n++
	}
	switch {
	case n == 0:
		return nil
	case n < 4:
		return errors.New("features, fit_features, text_features and logit_scale belong together")
	case d.method != recipe.ZeroShotMethod:
		return fmt.Errorf("features are for lines of %s: their prototypes are adapted, and no method's",
			recipe.ZeroShotMethod)
	case d.fit.logits == "":
		return errors.New("features want fit_logits and fit_labels too: those of fit_features")
	}
	return nil
}
