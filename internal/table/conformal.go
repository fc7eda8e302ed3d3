package table

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"clipcalib/calib"
)

// The keys that Conformal adds to an evaluation's values, of sets by LAC; those of
// other ways have the way's name behind "conformal".
const (
	keyCoverage = "conformal_coverage"
	keySetSize  = "conformal_set_size"
	keyClassGap = "conformal_class_gap"
)

// ConfOT is the way of making sets by optimal transport: LAC on the logits of fold
// and target together, scaled to the classes' frequencies in the fold.
const ConfOT = "conf-ot"

// SetKinds are the ways of making sets that logits alone are enough for.
func SetKinds() []string { return append(calib.ConformalScores(), ConfOT) }

// setKey is a key of Conformal's for a way of making sets.
func setKey(key, kind string) string {
	if kind == calib.LAC {
		return key
	}
	return strings.Replace(key, "conformal", "conformal_"+strings.ReplaceAll(kind, "-", "_"), 1)
}

// SetMetrics are the metrics of conformal sets, for tables that show them.
func SetMetrics(kinds ...string) (out []Metric) {
	for _, kind := range kinds {
		title := ""
		if len(kinds) > 1 {
			title = strings.ToUpper(kind) + " "
		}
		out = append(out, Metric{setKey(keyCoverage, kind), title + "cover", 100, 1},
			Metric{setKey(keySetSize, kind), title + "size", 1, 1}, Metric{setKey(keyClassGap, kind), title +
				"class gap", 100, 1})
	}
	return out
}

// Conformal makes sets of classes by split conformal prediction, in the given ways,
// for every target, calibrated on the validation fold of the same run, and adds how
// often they hold the label, how large they are and by how much the classes'
// coverages miss the wanted one. On data drawn as the fold is, they hold the label
// as often as asked for; on drifted data they do not, and these figures show by how
// much. Notes say what was calibrated on what, and where it could not be. A row
// whose scaler was fitted on the fold has none: the fold is used up.
func (t *Table) Conformal(coverage float64, kinds ...string) (notes []string, err error) {
	folds := t.Folds()
	if len(folds) == 0 {
		return nil, nil
	}
	if len(folds) > 1 {
		return []string{fmt.Sprintf("no conformal sets: there are several validation folds to calibrate on (%q)",
			folds)}, nil
	}
	w := setsWork{fold: folds[0], coverage: coverage, kinds: kinds, samples: math.MaxInt, said: map[string]bool{}}
	for _, g := range t.Groups {
		for _, c := range t.Targets {
			if c.Name == w.fold {
				continue
			}
			for i := range g.Cells[c.Name] {
				err := w.make(&g.Cells[c.Name][i], g.Cells[w.fold])
				if errors.Is(err, calib.ErrFewSamples) {
					w.say("no conformal sets: %s: %v", w.fold, err)
					return w.notes, nil
				}
				if err != nil {
					return w.notes, err
				}
			}
		}
	}
	if w.made > 0 {
		how := strings.ToUpper(strings.Join(kinds, ", "))
		note := fmt.Sprintf("sets of %g %% coverage (%s) are calibrated on %d samples of %s: they hold the label "+
			"that often "+
			"where samples are drawn as those are, and not under drift", 100*coverage, how, w.samples, w.fold)
		w.notes = append(w.notes, note)
	}
	if w.without > 0 && w.made > 0 {
		w.say("%d evaluations have no conformal sets: their runs were not evaluated on %s", w.without, w.fold)
	}
	return w.notes, nil
}

// setsWork is what Conformal does, and says.
type setsWork struct {
	fold     string
	coverage float64
	kinds    []string

	made, without int
	samples       int
	said          map[string]bool
	notes         []string
}

func (w *setsWork) say(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !w.said[n] {
		w.said[n], w.notes = true, append(w.notes, n)
	}
}

// make makes the sets of an evaluation, calibrated on one of the row's on the fold.
func (w *setsWork) make(e *Evaluation, folds []Evaluation) error {
	if e.fitted != nil && !e.fitted.Elsewhere {
		w.say("rows of scalers that are fitted on %s have no conformal sets: no coverage follows from a fold that was "+
			"fitted on", w.fold)
		return nil
	}
	at := slices.IndexFunc(folds, func(f Evaluation) bool { return f.Seed == e.Seed })
	if at < 0 && e.fitted != nil {
		w.say("rows of scalers from files have no conformal sets: they have no row on %s to calibrate on", w.fold)
		return nil
	}
	if at < 0 {
		w.without++
		return nil
	}
	from := folds[at]
	calibrating, ok, err := from.foldFor(e)
	switch {
	case err != nil:
		return err
	case !ok:
		w.say("no conformal sets on %s: it has %d classes, and %s has %d", e.Target.Name, e.logits.K, w.fold,
			from.logits.K)
		return nil
	case len(calibrating.Labels) < len(from.labels):
		w.say("sets on %s are calibrated on those samples and logits of %s that are of its %d classes: %d samples",
			e.Target.Name, w.fold, e.logits.K, len(calibrating.Labels))
	}
	if err := from.unlearnt(); err != nil {
		w.say("no conformal sets on %s: %v", e.Target.Name, err)
		return nil
	}
	if n := shared(from, *e); n > 0 {
		w.say("no conformal sets on %s: %d of its samples are in %s, which they are calibrated on", e.Target.Name, n,
			w.fold)
		return nil
	}
	for _, kind := range w.kinds {
		if slices.Contains(FeatureSetKinds(), kind) {
			if e.Fields[fieldMethod] != ZeroShot || e.fitted != nil {
				continue // their prototypes are not adapted by them
			}
			f, err := e.coverByFeatures(from, kind, w.coverage)
			if err != nil {
				w.say("no sets by %s on %s: %v", kind, e.Target.Name, err)
				continue
			}
			e.setFigures(kind, f)
			continue
		}
		f, err := MeasureSets(kind, w.coverage, calibrating, e.rows())
		if kind == ConfOT && errors.Is(err, calib.ErrFewSamples) && calibrating.Logits.N >= LeastFold(w.coverage) {
			w.say("no sets by %s: %v", kind, err) // a class without a sample
			continue
		}
		if err != nil {
			return fmt.Errorf("conformal sets (%s) of %s on %s: %w", kind, e.Run, e.Target.Name, err)
		}
		e.setFigures(kind, f)
	}
	w.made++
	w.samples = min(w.samples, len(calibrating.Labels))
	return nil
}

// foldFor are the samples of a fold that sets of an evaluation are calibrated on: of
// the evaluation's classes, where it has fewer; ok is false where those are not known
// to be the fold's.
func (e *Evaluation) foldFor(measured *Evaluation) (rows Labelled, ok bool, err error) {
	if e.logits.K == measured.logits.K {
		return e.rows(), true, nil
	}
	of, err := e.columnClasses()
	if err != nil {
		return rows, false, err
	}
	own, err := measured.columnClasses()
	if err != nil {
		return rows, false, err
	}
	columns, ok := JoinColumns(of, own, e.logits.K, measured.logits.K)
	if !ok {
		return rows, false, nil
	}
	return e.rows().OfClasses(columns), true, nil
}

func (e *Evaluation) setFigures(kind string, f calib.SetFigures) {
	if e.sets == nil {
		e.sets = map[string]calib.SetFigures{}
	}
	e.sets[kind] = f
	e.Values[setKey(keyCoverage, kind)], e.Values[setKey(keySetSize, kind)] = f.Coverage, f.MeanSize
	e.Values[setKey(keyClassGap, kind)] = f.ClassGap
}

// LeastFold is the least number of samples that a coverage can be calibrated on.
func LeastFold(coverage float64) int { return int(math.Ceil(coverage/(1-coverage) - 1e-9)) }

// Sets are the figures of the conformal sets by how they were made, nil where there
// are none.
func (e Evaluation) Sets() map[string]calib.SetFigures { return e.sets }

// shared counts the samples of an evaluation that a fold of the same run holds,
// known by their logits.
func shared(fold, e Evaluation) (n int) {
	twins := calib.NewTwins(fold.logits)
	for i := range e.logits.N {
		if twins.Of(e.logits.Row(i)) >= 0 {
			n++
		}
	}
	return n
}
