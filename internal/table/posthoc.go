package table

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/gate"
	"clipcalib/internal/run"
)

// fieldFittedOn says what a scaler was fitted on. It is of the remedy's settings,
// so that a row is compared with the one without a remedy.
const fieldFittedOn = fieldRemedy + "_settings.fitted_on"

// foldParts is into how many parts a fold is cut to measure on it what is fitted
// on it.
const foldParts = 5

// PostHoc are calibrators as remedies after the training.
type PostHoc struct {
	// Kinds of [calib.CalibratorKinds] are fitted, for every row, on the
	// validation fold of the same run.
	Kinds []string
	// Saved were fitted elsewhere and are applied as they are.
	Saved []Saved
}

// Saved is a calibrator of a file.
type Saved struct {
	Name string // of the file, without folder and extension
	calib.SavedCalibrator
}

// Any says that some calibrator is asked for.
func (p PostHoc) Any() bool { return len(p.Kinds)+len(p.Saved) > 0 }

// Fitted says what the scaler of an evaluation was fitted on.
type Fitted struct {
	Kind        string  `json:"kind"`
	Fold        string  `json:"fold"` // for people
	SHA256      string  `json:"fold_sha256"`
	Samples     int     `json:"samples"`
	Temperature float64 `json:"temperature,omitempty"`
	NLLBefore   float64 `json:"nll_before"`
	NLL         float64 `json:"nll"`
	// Parts says that the evaluation is on the fold itself: each of so many parts
	// was mapped by a fit on the others.
	Parts int `json:"parts,omitempty"`
	// Elsewhere says that it comes from a file and not from the run's own fold.
	Elsewhere bool `json:"elsewhere"`
}

// words are the fitted_on of a row: what all its seeds have alike.
func (f Fitted) words() string {
	w := fmt.Sprintf("%s, %d samples", f.Fold, f.Samples)
	if f.SHA256 != "" {
		w += ", SHA-256 " + short(f.SHA256)
	}
	return w
}

// Add returns the evaluations with one more for every scaler and evaluation that
// it can act on. A fold is never measured by what was fitted on it whole: there
// each part is mapped by a fit on the others. Notes say what was fitted on what,
// and where that could not be.
func (p PostHoc) Add(found []Evaluation) (all []Evaluation, notes []string, err error) {
	w := postHocWork{found: found, fits: map[fitKey]fitted{}, made: map[string]int{}, said: map[string]bool{},
		keys: map[*Evaluation]string{}}
	for i := range found {
		w.keys[&found[i]] = found[i].Fields.key()
	}
	all = found
	for i := range found {
		for _, kind := range p.Kinds {
			made, err := w.onOwnFold(&found[i], kind)
			if err != nil {
				return nil, nil, err
			}
			all = append(all[:len(all):len(all)], made...)
		}
		for _, s := range p.Saved {
			made, err := w.saved(&found[i], s)
			if err != nil {
				return nil, nil, err
			}
			all = append(all[:len(all):len(all)], made...)
		}
	}
	if p.Any() && len(all) == len(found) {
		why := strings.Join(w.notes, "; ")
		return nil, nil, fmt.Errorf("no row has a post-hoc scaler: %s", why)
	}
	return all, append(w.summary(), w.notes...), nil
}

type postHocWork struct {
	found []Evaluation
	keys  map[*Evaluation]string
	fits  map[fitKey]fitted
	made  map[string]int // evaluations by what is said of them
	said  map[string]bool
	notes []string
}

// fitKey is a scaler fitted on an evaluation.
type fitKey struct {
	fold *Evaluation
	kind string
}

type fitted struct {
	calibrator calib.Calibrator
	about      Fitted
}

func (w *postHocWork) say(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !w.said[n] {
		w.said[n], w.notes = true, append(w.notes, n)
	}
}

func (w *postHocWork) summary() (out []string) {
	for _, what := range slices.Sorted(maps.Keys(w.made)) {
		out = append(out, fmt.Sprintf("%s (%d evaluations)", what, w.made[what]))
	}
	return out
}

// onOwnFold fits on the validation fold of the evaluation's run.
func (w *postHocWork) onOwnFold(e *Evaluation, kind string) ([]Evaluation, error) {
	fold, err := w.foldOf(e)
	if err != nil || fold == nil {
		return nil, err
	}
	f, err := w.fit(fold, kind)
	if err != nil {
		return nil, fmt.Errorf("%s of %s on %s: %w", kind, e.Run, fold.Target.Name, err)
	}
	about, logits := f.about, calib.Matrix{}
	if fold == e {
		about.Parts = foldParts
		logits, err = calib.CrossFit(kind, e.logits, e.labels, foldParts, calib.FitOptions{}, 0)
		if errors.Is(err, calib.ErrFewSamples) {
			w.say("%s has no row of %s itself: %v", fold.Target.Name, kind, err)
			return nil, nil
		}
	} else {
		if kind != calib.Temperature && e.logits.K != fold.logits.K {
			w.say("no %s on %s: it has %d classes, and %s has %d", kind, e.Target.Name, e.logits.K, fold.Target.Name,
				fold.logits.K)
			return nil, nil
		}
		if ok, err := w.fitsOwn(fold, e, kind); !ok {
			return nil, err
		}
		if e.Target.Hash == fold.Target.Hash {
			w.say("no scaler on %s: it is %s, which it would be fitted on", e.Target.Name, fold.Target.Name)
			return nil, nil
		}
		if n := shared(*fold, *e); 100*n > e.logits.N {
			w.say("no scaler on %s: %d of its samples are in %s, which it would be fitted on", e.Target.Name, n,
				fold.Target.Name)
			return nil, nil
		} else if n > 0 {
			w.say("%d of the samples of %s are in %s, which scalers are fitted on", n, e.Target.Name, fold.Target.Name)
		}
		logits, err = applied(f.calibrator, e.logits)
	}
	if err != nil {
		return nil, fmt.Errorf("%s of %s on %s: %w", kind, e.Run, e.Target.Name, err)
	}
	made, err := e.scaled(logits, about, about.words())
	if err != nil {
		return nil, err
	}
	what := "rows + %s are fitted on each run's own logits of %s, %d samples that the run did not learn from"
	if fold == e {
		what = "rows + %s on %s itself: each fifth of its %d samples is mapped by a fit on the others"
	}
	w.made[fmt.Sprintf(what, kind, fold.Target.Name, fold.logits.N)]++
	return []Evaluation{made}, nil
}

// foldOf is the validation fold that an evaluation's scaler is fitted on: of the
// data that its run learnt from or, of a run that learnt from none, of the set
// that is measured. It is nil, and that is said, where there is none or where
// several could be meant.
func (w *postHocWork) foldOf(e *Evaluation) (*Evaluation, error) {
	var same, others []*Evaluation
	for i := range w.found {
		f := &w.found[i]
		switch {
		case !f.Validation || f.Seed != e.Seed || w.keys[f] != w.keys[e]:
		case f.learnt != "" && !f.Source:
		case f.learnt == "" && !f.foldBeside(e):
		case f.Run == e.Run:
			same = append(same, f)
		case e.Fields[fieldMethod] == ZeroShot: // whose evaluations runs share
			others = append(others, f)
		}
	}
	if len(same) == 0 {
		same = others
	}
	switch {
	case len(same) == 0:
		if row := "no fold " + e.rowName(); !w.said[row] { // once, of all its runs and targets
			w.said[row] = true
			w.say("no scaler for %s on %s and the like: the run was not evaluated on the validation fold of its data "+
				"(clipcalib eval %s --data SOURCE#val)", e.rowName(), e.Target.Name, e.Run)
		}
		return nil, nil
	case len(same) > 1:
		w.say("no scaler for %s on %s: there are several validation folds (%s, %s)", e.rowName(), e.Target.Name,
			same[0].Target.Name, same[1].Target.Name)
		return nil, nil
	}
	return same[0], same[0].unlearnt()
}

// foldBeside says that a fold of a run that learnt from no data set is of the one that
// is measured, or that both are on files of features.
func (f *Evaluation) foldBeside(e *Evaluation) bool {
	fold, measured := f.target.Inputs.Data, e.target.Inputs.Data
	if fold == "" || measured == "" {
		return fold == measured
	}
	return f.target.FoldOf(measured)
}

func (e *Evaluation) rowName() string {
	name := Display(e.Fields[fieldMethod])
	if r := e.Fields[fieldRemedy]; r != "" && r != "none" {
		name += " + " + Display(r)
	}
	return name
}

func (w *postHocWork) fit(fold *Evaluation, kind string) (fitted, error) {
	key := fitKey{fold, kind}
	if f, ok := w.fits[key]; ok {
		return f, nil
	}
	c, fit, err := calib.FitCalibrator(kind, fold.logits, fold.labels, calib.FitOptions{})
	if err != nil {
		return fitted{}, err
	}
	for _, doubt := range fit.Doubts(kind, fold.logits.K) {
		w.say("%s of %s on %s: %s", kind, fold.rowName(), fold.Target.Name, doubt)
	}
	f := fitted{c, Fitted{Kind: kind, Fold: fold.Target.Name, SHA256: fold.Target.Hash, Samples: fit.Samples,
		Temperature: c.Temperature, NLLBefore: fit.NLLBefore, NLL: fit.NLL}}
	w.fits[key] = f
	return f, nil
}

// saved applies a calibrator that was fitted elsewhere.
func (w *postHocWork) saved(e *Evaluation, s Saved) ([]Evaluation, error) {
	c := s.Calibrator
	if c.Kind != calib.Temperature && c.Classes != e.logits.K {
		w.say("no %s of %s on %s: it is of %d classes, and these are %d", c.Kind, s.Name, e.Target.Name, c.Classes,
			e.logits.K)
		return nil, nil
	}
	if ok, err := w.fitsSaved(s, e); !ok {
		return nil, err
	}
	if sum, err := e.logitsSHA256(); err != nil {
		return nil, err
	} else if sum == s.Fold.LogitsSHA256 {
		w.say("no %s of %s on %s of %s: it was fitted on this very file", c.Kind, s.Name, e.Target.Name, e.Run)
		return nil, nil
	}
	if s.Fold.DataSHA256 != "" && s.Fold.DataSHA256 == e.Target.Hash {
		w.say("no %s of %s on %s: it was fitted on the labels of these very pictures", c.Kind, s.Name, e.Target.Name)
		return nil, nil
	}
	common, err := e.fittedBy(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s of %s on %s: %w", c.Kind, s.Name, e.Target.Name, err)
	case common.Many():
		w.say("no %s of %s on %s: it was fitted on %d of its %d samples", c.Kind, s.Name, e.Target.Name, common.N, common.Of)
		return nil, nil
	case common.N > 0:
		w.say("%d of the samples of %s are among those that %s of %s was fitted on", common.N, e.Target.Name, c.Kind, s.Name)
	case !common.ByPicture:
		w.say("rows + %s of %s: whether single samples are also among those of the fit was not checked by their pictures, "+
			"only by whole files, lists of pictures and logits", c.Kind, s.Name)
	}
	logits, err := applied(c, e.logits)
	if err != nil {
		return nil, fmt.Errorf("%s of %s on %s: %w", c.Kind, s.Name, e.Target.Name, err)
	}
	about := Fitted{Kind: c.Kind, Fold: s.Fold.Logits, SHA256: s.Fold.LogitsSHA256, Samples: s.Fold.Samples,
		Temperature: c.Temperature, NLLBefore: s.Fold.NLLBefore, NLL: s.Fold.NLL, Elsewhere: true}
	made, err := e.scaled(logits, about, about.words())
	if err != nil {
		return nil, err
	}
	made.Fields[fieldRemedy] = with(e.Fields[fieldRemedy], c.Kind+" of "+s.Name)
	what := fmt.Sprintf("rows + %s of %s were fitted elsewhere, on %s", c.Kind, s.Name, about.words())
	if c.Kind == calib.Temperature {
		what += fmt.Sprintf(": T = %.4g", c.Temperature)
	}
	w.made[what]++
	return []Evaluation{made}, nil
}

// fittedBy counts the samples that a calibrator was fitted on, by their pictures where
// both are known, and by their logits.
func (e *Evaluation) fittedBy(s Saved) (gate.Common, error) {
	fold, err := gate.SamplesOf(s.Fold)
	if err != nil {
		return gate.Common{}, err
	}
	var own gate.Samples
	pictures, err := data.ReadRowHashes(filepath.Join(e.dir, data.RowsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return gate.Common{}, err
	}
	if len(pictures) == e.logits.N {
		own.Pictures = pictures
	}
	own.Rows, err = gate.SketchOf(e.logits)
	return fold.Common(own), err
}

// logitsSHA256 is the hash of the file that the evaluation's logits were read
// from.
func (e *Evaluation) logitsSHA256() (string, error) {
	if e.Fields[fieldMethod] == ZeroShot {
		return run.ZeroShotSHA256(e.dir)
	}
	return run.LogitsSHA256(e.dir)
}

func applied(c calib.Calibrator, logits calib.Matrix) (calib.Matrix, error) {
	rows, err := c.Apply(logits)
	if err != nil {
		return calib.Matrix{}, err
	}
	return calib.Collect(rows)
}

// with adds a scaler to the name of a remedy.
func with(remedy, kind string) string {
	if remedy == "" || remedy == "none" {
		return kind
	}
	return remedy + "+" + kind
}

// scaled is the evaluation with other logits, under a scaler.
func (e *Evaluation) scaled(logits calib.Matrix, about Fitted, on string) (Evaluation, error) {
	out := *e
	out.Fields = maps.Clone(e.Fields)
	out.Fields[fieldRemedy], out.Fields[fieldFittedOn] = with(e.Fields[fieldRemedy], about.Kind), on
	out.fitted, out.resampled, out.sets, out.overSplits = &about, nil, nil, nil
	return out, out.measure(logits, e.labels)
}

// FittedOn says what the evaluation's scaler was fitted on, nil where it has none.
func (e Evaluation) FittedOn() *Fitted { return e.fitted }

// fittedOn is that of a row, "" without a scaler.
func (g Group) fittedOn() string { return g.Fields[fieldFittedOn] }

// anyFitted says that a row of the table has a scaler.
func (t *Table) anyFitted() bool {
	return slices.ContainsFunc(t.Groups, func(g Group) bool { return g.fittedOn() != "" })
}
