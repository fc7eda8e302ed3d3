package clipcalib

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/run"
)

// Set is the classes that a picture may be of: split conformal prediction on the
// run's confidence after its remedy.
//
// It holds the right class with the probability asked for, if the picture is
// drawn as the calibration fold's pictures were; it promises nothing of pictures
// that drift from those, nor for each class by itself.
type Set struct {
	Classes []SetClass `json:"classes"` // likeliest first; none where no class is likely enough
	// Assured is false where the run sees that the coverage does not hold: the
	// picture drifts, or is one of the calibration fold. Note says why.
	Assured bool   `json:"assured"`
	Note    string `json:"note"`
}

// SetClass is a class of a [Set].
type SetClass struct {
	Class string `json:"class"`
	Label int    `json:"label"`
}

// Coverage says what the sets of a run rest on.
type Coverage struct {
	Coverage    float64 `json:"coverage"` // wanted
	Score       string  `json:"score"`    // lac, aps or raps
	Threshold   float64 `json:"threshold"`
	Calibration string  `json:"calibration"` // name of the fold
	Samples     int     `json:"calibration_samples"`
	// Unseen are classes without a sample in the fold: the coverage is over all
	// classes together, and says nothing of these.
	Unseen []string `json:"unseen_classes"`
	Note   string   `json:"note"` // the assumption, in words
}

// sets makes the sets of a run.
type sets struct {
	conformal calib.Conformal
	fold      string
	zeroShot  calib.Twins // of the fold
}

// openSets calibrates the sets, nil where none are asked for.
func (r *Run) openSets(o RunOptions) (*sets, error) {
	if o.Coverage == 0 {
		if o.Calibration != "" || o.Score != "" {
			return nil, errors.New("a calibration fold or score is given, but no coverage (RunOptions.Coverage, --coverage)")
		}
		return nil, nil
	}
	if o.Classes != nil && !slices.Equal(o.Classes, classNames(r.model.Classes)) {
		return nil, errors.New("sets are calibrated for the run's own classes: leave out other ones (--classes)")
	}
	ev, err := run.Calibration(r.dir, o.Calibration)
	if err != nil {
		return nil, fmt.Errorf("coverage %g: %w", o.Coverage, err)
	}
	c, err := calib.FitConformal(ev.Logits, ev.Labels, calib.ConformalOptions{Score: o.Score, Coverage: o.Coverage,
		K: 1})
	if err != nil {
		return nil, fmt.Errorf("coverage %g: calibration fold %s: %w", o.Coverage, ev.Dir, err)
	}
	return &sets{conformal: c, fold: filepath.Base(ev.Dir), zeroShot: calib.NewTwins(ev.ZeroShot)}, nil
}

func classNames(classes []run.Class) (names []string) {
	for _, c := range classes {
		names = append(names, c.Name)
	}
	return names
}

// calibrated says that a picture is one of the calibration fold, by its
// zero-shot logits.
func (s *sets) calibrated(zeroShot []float32) bool {
	row := make([]float64, len(zeroShot))
	for k, v := range zeroShot {
		row[k] = float64(v)
	}
	return s.zeroShot.Of(row) >= 0
}

// set is the set of one prediction.
func (r *Run) set(p Prediction) (*Set, error) {
	s := r.sets
	if s == nil {
		return nil, nil
	}
	m, err := calib.FromFloat32(1, len(p.Logits), p.Logits)
	if err != nil {
		return nil, err
	}
	found, err := s.conformal.Sets(m)
	if err != nil {
		return nil, err
	}
	out := &Set{Classes: []SetClass{}, Assured: true}
	for _, k := range found[0] {
		out.Classes = append(out.Classes, SetClass{r.classes[k], k})
	}
	c := s.conformal
	switch {
	case s.calibrated(p.ZeroShot):
		out.Assured, out.Note = false, "No coverage: the picture is one of those that the sets are calibrated on"
	case p.Drift.Drifted:
		out.Assured, out.Note = false, "No coverage: the picture drifts from those that the run knows"
	default:
		out.Note = fmt.Sprintf("Holds the class with %g %%, if the picture is drawn as the %d of the calibration fold",
			100*c.Coverage, c.Samples)
	}
	return out, nil
}

// coverage says what the sets rest on, nil where none are made.
func (r *Run) coverage() *Coverage {
	if r.sets == nil {
		return nil
	}
	c := r.sets.conformal
	out := &Coverage{Coverage: c.Coverage, Score: c.Score, Threshold: c.Threshold, Calibration: r.sets.fold,
		Samples: c.Samples, Unseen: []string{}}
	for _, k := range c.Unassured {
		out.Unseen = append(out.Unseen, r.classes[k])
	}
	out.Note = fmt.Sprintf("sets of %g %% coverage by %s, calibrated on %d pictures (%s): they hold the class "+
		"that often if "+
		"pictures are drawn as those were, and not under drift", 100*c.Coverage, c.Score, c.Samples, r.sets.fold)
	if n := len(out.Unseen); n > 0 {
		out.Note += fmt.Sprintf("; %d of %d classes, such as %s, have no picture in the fold, and the coverage is not for "+
			"them", n, len(r.classes), out.Unseen[0])
	}
	return out
}
