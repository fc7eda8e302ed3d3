package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/logitfile"
	"clipcalib/internal/named"
	"clipcalib/internal/run"
)

// remedied are logits before and after a remedy, and what that came to.
type remedied struct {
	name     string
	measured calib.Rows // the samples that are measured, before
	labels   []int
	logits   calib.Rows // after
	saved    *calib.SavedCalibrator
	dac      *dacFactors
	notes    []string
}

func (r remedied) changed() bool { return r.name != "none" }

// dacFactors sums up what distance-aware calibration does to the classes.
type dacFactors struct {
	Neighbours int     `json:"neighbours"`
	Least      float64 `json:"least_factor"`
	Mean       float64 `json:"mean_factor"`
	Greatest   float64 `json:"greatest_factor"`
}

// temperature is the fitted one, in the form that JSON has had from the start.
func (r remedied) temperature() *calib.TemperatureFit {
	if r.saved == nil || r.saved.Calibrator.Kind != calib.Temperature {
		return nil
	}
	return &calib.TemperatureFit{T: r.saved.Calibrator.Temperature, NLL: r.saved.Fold.NLL,
		AtBound: r.saved.Fold.AtBound}
}

// words says what the remedy came to, behind its name.
func (r remedied) words() string {
	switch {
	case r.temperature() != nil && r.saved.Fold.AtBound:
		return fmt.Sprintf(", T = %.4f, a bound: the fold has no best temperature", r.saved.Calibrator.Temperature)
	case r.temperature() != nil:
		return fmt.Sprintf(", T = %.4f", r.saved.Calibrator.Temperature)
	case r.dac != nil:
		return fmt.Sprintf(", factors %.4f to %.4f, mean %.4f, of %d neighbours", r.dac.Least, r.dac.Greatest,
			r.dac.Mean, r.dac.Neighbours)
	}
	return ""
}

// fitted reports whether the remedy is fitted on labelled logits.
func (f calibrateFlags) fitted() bool {
	return f.calibrator == "" && slices.Contains(calib.CalibratorKinds(), f.remedy)
}

// checkRemedy refuses flags that the remedy would pass over.
func (f calibrateFlags) checkRemedy() error {
	switch {
	case !slices.Contains(logitRemedies(), f.remedy):
		return usagef("--remedy %s: choose %s (zs-norm and penalty act in training: clipcalib adapt)%s",
			f.remedy, strings.Join(logitRemedies(), ", "), named.Suggestion(f.remedy, logitRemedies()))
	case f.calibrator != "" && f.remedy != "none":
		return usagef("--calibrator and --remedy %s: a calibrator is a remedy of its own; give one of the two",
			f.remedy)
	case f.remedy == "sals" && f.zeroShot == "":
		return usagef("--remedy sals wants the zero-shot logits: --zero-shot FILE")
	case f.zeroShot != "" && f.remedy != "sals":
		return usagef("--zero-shot is used by --remedy sals only, and the remedy is %s", f.remedy)
	case f.remedy == run.RemedyDAC && f.classFeatures == "":
		return usagef("--remedy dac wants the text features of the classes: --class-features FOLDER")
	case f.classFeatures != "" && f.remedy != run.RemedyDAC:
		return usagef("--class-features is used by --remedy dac only, and the remedy is %s", f.remedy)
	case f.l2 != 0 && f.remedy != calib.Vector && f.remedy != calib.FullMatrix:
		return usagef("--l2 is used by --remedy vector and matrix only, and the remedy is %s", f.remedy)
	case f.neighbours < 1:
		return usagef("--neighbours wants at least 1")
	case f.save != "" && !f.fitted():
		return usagef("--save-calibrator keeps what is fitted: give --remedy %s",
			strings.Join(calib.CalibratorKinds(), ", "))
	}
	folds := 0
	for _, given := range []bool{f.fitLogits != "" || f.fitLabels != "", f.fitFraction != 0,
		f.fitOnMeasured && f.fitLogits == "" && f.fitLabels == ""} {
		if given {
			folds++
		}
	}
	switch {
	case !f.fitted() && folds > 0:
		return usagef("--fit-logits, --fit-labels, --fit-fraction and --fit-on-measured are for --remedy %s; the remedy "+
			"is %s",
			strings.Join(calib.CalibratorKinds(), ", "), f.remedy)
	case !f.fitted():
		return nil
	case folds > 1:
		return usagef("--fit-logits, --fit-fraction and --fit-on-measured: give one fold to fit on")
	case folds == 0 || (f.fitLogits == "") != (f.fitLabels == ""):
		return usagef("--remedy %s wants a labelled set to fit on: --fit-logits and --fit-labels, or --fit-fraction",
			f.remedy)
	case f.fitFraction != 0 && !(f.fitFraction > 0 && f.fitFraction < 1):
		return usagef("--fit-fraction %g: want a share between 0 and 1, as 0.2", f.fitFraction)
	case f.fitFraction != 0 && f.out != "":
		return usagef("--out with --fit-fraction would hold some of the rows only; keep the fit with --save-calibrator " +
			"and apply it to all with --calibrator")
	}
	return nil
}

// apply returns the logits after the remedy.
func (f calibrateFlags) apply(ctx context.Context, in *rowInput) (r remedied, err error) {
	r = remedied{name: f.remedy, measured: in.logits, logits: in.logits, labels: in.labels}
	switch {
	case f.calibrator != "":
		err = f.load(&r)
	case f.remedy == "sals":
		err = f.sals(ctx, in, &r)
	case f.remedy == run.RemedyDAC:
		err = f.distanceAware(&r)
	case f.fitted():
		err = f.fit(ctx, in, &r)
	}
	return r, err
}

func (f calibrateFlags) sals(ctx context.Context, in *rowInput, r *remedied) error {
	same := f.zeroShot == f.logits
	if !same && logitfile.Path(f.zeroShot) == f.zeroShot && logitfile.Path(f.logits) == f.logits {
		a, err := logitfile.SHA256(f.logits)
		if err != nil {
			return err
		}
		b, err := logitfile.SHA256(f.zeroShot)
		if err != nil {
			return err
		}
		same = a == b
	}
	if same {
		return usagef("--zero-shot %s holds what --logits %s does: SaLS would change nothing; name the zero-shot model's",
			f.zeroShot, f.logits)
	}
	zs, err := f.matrix(ctx, in, "--zero-shot", f.zeroShot, logitfile.ZeroShot)
	if err != nil {
		return err
	}
	n, k := in.logits.Shape()
	if zn, zk := zs.Shape(); zn != n || zk != k {
		return fmt.Errorf("--zero-shot %s: logits [%d, %d], but --logits has [%d, %d]; both must hold the same samples "+
			"and classes", f.zeroShot, zn, zk, n, k)
	}
	r.logits, err = calib.SaLSRows(in.logits, zs)
	return err
}

// fit fits a calibrator on the fold that was asked for.
func (f calibrateFlags) fit(ctx context.Context, in *rowInput, r *remedied) error {
	fold := calib.Fold{Logits: f.logits, Labels: f.labels}
	rows, labels := in.logits, in.labels
	var part []int // of the file's rows, nil for all
	n, k := in.logits.Shape()
	switch {
	case f.fitLogits != "":
		var err error
		if rows, err = f.matrix(ctx, in, "--fit-logits", f.fitLogits, logitfile.FitLogits); err != nil {
			return err
		}
		if m, c := rows.Shape(); c != k {
			return fmt.Errorf("--fit-logits %s: logits [%d, %d] of %d classes, but --logits has %d; both must hold the same "+
				"classes", f.fitLogits, m, c, c, k)
		}
		if labels, err = readLabels(ctx, "--fit-labels", f.fitLabels, logitfile.FitLabels, rows); err != nil {
			return err
		}
		if f.remedy != calib.Temperature {
			classes, err := foldClasses(f.fitLogits)
			if err == nil {
				_, err = f.sameClasses(calib.Fold{Classes: classes})
			}
			if err != nil {
				return fmt.Errorf("--fit-logits %s: %w", f.fitLogits, err)
			}
		}
		err = separate(rows, in.logits, f.fitLogits, f.logits, "--fit-logits", in)
		switch {
		case isOverlap(err) && f.fitOnMeasured:
			r.notes = append(r.notes, fmt.Sprintf("fitted on samples that are measured, as asked: %v", err))
		case isOverlap(err):
			return usagef("%w; fit on other samples, on a share with --fit-fraction, or say --fit-on-measured", err)
		case err != nil:
			return err
		}
		fold.Logits, fold.Labels = f.fitLogits, f.fitLabels
	case f.fitFraction != 0:
		if err := in.parted("--fit-fraction"); err != nil {
			return err
		}
		first, second, err := calib.SplitStratified(in.labels, f.fitFraction, f.seed)
		if err != nil {
			return err
		}
		if len(first) == 0 || len(second) == 0 {
			return usagef("--fit-fraction %g of %d samples leaves a fold empty", f.fitFraction, n)
		}
		part = first
		if rows, labels, err = choose(in, first); err != nil {
			return err
		}
		if r.measured, r.labels, err = choose(in, second); err != nil {
			return err
		}
		fold.Rows = fmt.Sprintf("%d of %d, a share of %g of every class, seed %d; the rest is measured",
			len(first), n, f.fitFraction, f.seed)
	default:
		r.notes = append(r.notes, "fitted on the samples that are measured, as asked: the result after is flattered")
	}
	c, fit, err := calib.FitCalibrator(f.remedy, rows, labels, calib.FitOptions{Bins: f.fineBins, L2: f.l2})
	if err != nil {
		return err
	}
	if f.save != "" {
		if fold.LogitsSHA256, err = logitfile.SHA256(fold.Logits); err != nil {
			return err
		}
		if err := keepSamples(&fold, rows, part, n); err != nil {
			return err
		}
		fold.DataSHA256 = dataOf(fold.Logits)
		if fold.Classes, err = foldClasses(fold.Logits); err != nil {
			return err
		}
	}
	fold.CalibratorFit = fit
	r.saved = &calib.SavedCalibrator{Calibrator: c, Fold: fold}
	r.notes = append(r.notes, fit.Doubts(f.remedy, k)...)
	r.logits, err = c.Apply(r.measured)
	return err
}

func choose(in *rowInput, index []int) (calib.Rows, []int, error) {
	labels := make([]int, len(index))
	for j, i := range index {
		labels[j] = in.labels[i]
	}
	rows, err := calib.SelectRows(in.logits, index)
	return rows, labels, err
}

// load takes a calibrator from a file.
func (f calibrateFlags) load(r *remedied) error {
	s, err := readCalibrator(f.calibrator)
	if err != nil {
		return err
	}
	r.saved, r.name = &s, s.Calibrator.Kind
	if r.logits, err = s.Calibrator.Apply(r.measured); err != nil {
		return fmt.Errorf("--calibrator %s: %w", f.calibrator, err)
	}
	if s.Calibrator.Kind != calib.Temperature {
		switch known, err := f.sameClasses(s.Fold); {
		case err != nil:
			return fmt.Errorf("--calibrator %s: %w", f.calibrator, err)
		case !known:
			r.notes = append(r.notes, "no names of classes are there: the columns are taken for those that the "+
				"calibrator was fitted on")
		}
	}
	sum, err := logitfile.SHA256(f.logits)
	if err != nil {
		return err
	}
	common, err := fittedOn(s.Fold, f.logits, r.measured)
	switch {
	case err != nil:
		return fmt.Errorf("--calibrator %s: %w", f.calibrator, err)
	case sum == s.Fold.LogitsSHA256 && s.Fold.Rows == "":
		r.notes = append(r.notes, "the calibrator was fitted on this very file: the result after is flattered")
	case sum == s.Fold.LogitsSHA256:
		r.notes = append(r.notes, fmt.Sprintf("the calibrator was fitted on rows of this very file (%s): the result after "+
			"is flattered", s.Fold.Rows))
	case s.Fold.DataSHA256 != "" && s.Fold.DataSHA256 == dataOf(f.logits):
		r.notes = append(r.notes, "the calibrator was fitted on the labels of these very pictures: the result after is "+
			"flattered")
	case common.Many():
		r.notes = append(r.notes, fmt.Sprintf("the calibrator was fitted on %d of the %d samples measured: the result after "+
			"is flattered", common.N, common.Of))
	case common.N > 0:
		r.notes = append(r.notes, fmt.Sprintf("%d of the %d samples measured are among those that the calibrator was "+
			"fitted on", common.N, common.Of))
	case !common.ByPicture && !common.ByLogits:
		r.notes = append(r.notes, "whether samples measured are among those that the calibrator was fitted on is not "+
			"known: neither pictures nor logits of as many classes can be compared")
	}
	if n, k := r.measured.Shape(); k != s.Calibrator.Classes {
		r.notes = append(r.notes, fmt.Sprintf("the temperature was fitted on logits of %d classes, and these %d are of %d",
			s.Calibrator.Classes, n, k))
	}
	return nil
}

// dataOf is the hash of the pictures that logits are of, where they lie in the
// folder of a run's evaluation; "" elsewhere.
func dataOf(logits string) string {
	t, err := run.ReadTarget(filepath.Dir(logits))
	if err != nil {
		return ""
	}
	return t.Inputs.DataHash()
}

func (f calibrateFlags) distanceAware(r *remedied) error {
	features, err := run.ReadClassFeatures(f.classFeatures)
	if err != nil {
		return fmt.Errorf("--class-features: %w", err)
	}
	factors, err := calib.DACFactors(features, f.neighbours)
	if err != nil {
		return fmt.Errorf("--class-features %s: %w", f.classFeatures, err)
	}
	if _, k := r.measured.Shape(); len(factors) != k {
		return fmt.Errorf("--class-features %s: %d new classes, but --logits has %d columns", f.classFeatures,
			len(factors), k)
	}
	r.dac = &dacFactors{Neighbours: f.neighbours, Least: slices.Min(factors), Greatest: slices.Max(factors)}
	for _, v := range factors {
		r.dac.Mean += v / float64(len(factors))
	}
	r.logits = calib.MapRows(r.measured, func(_ int, row []float64) {
		by := factors[calib.ArgMax(row)]
		for k := range row {
			row[k] *= by
		}
	})
	return nil
}
