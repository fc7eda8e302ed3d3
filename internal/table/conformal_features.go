package table

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/run"
)

// The ways of making sets that adapt text prototypes to features, for the zero-shot
// rows of runs on feature files that are still there.
const (
	SSText        = "ss-text"
	FullConformal = "full"
)

// FeatureSetKinds lists them.
func FeatureSetKinds() []string { return []string{SSText, FullConformal} }

// mostFull bounds the exponentials of full conformal adaptation.
const mostFull = 1e12

// TakeFold takes the evaluations on a target of features for those on a validation
// fold, which only names of data sets say of themselves.
func TakeFold(found []Evaluation, name string) error {
	taken := 0
	for i := range found {
		e := &found[i]
		if e.Target.Name != name {
			continue
		}
		switch {
		case !e.Target.FeaturesOnly:
			return fmt.Errorf("%s is of pictures: a validation fold of those is evaluated as SOURCE#val", name)
		case e.Fields["features"] == e.Target.Hash:
			return fmt.Errorf("%s is what %s learnt from: it is no fold", name, e.Run)
		}
		e.Validation, e.Source = true, true
		taken++
	}
	if taken == 0 {
		return fmt.Errorf("no run was evaluated on %s", name)
	}
	return nil
}

// prototypes are text features and the scale of logits.
type prototypes struct {
	text  calib.Matrix
	scale float64
}

// coverByFeatures makes the sets of a zero-shot row in one way. What a run does not
// say of its features is held to the logits that it keeps.
func (e *Evaluation) coverByFeatures(fold Evaluation, kind string, coverage float64) (f calib.SetFigures, err error) {
	p := prototypes{}
	if p.scale, err = strconv.ParseFloat(e.Fields["logit_scale"], 64); err != nil {
		return f, errors.New("the run does not say its logit scale")
	}
	a, err := adapt.Load(filepath.Join(e.Run, "adapter.safetensors"))
	if err != nil {
		return f, err
	}
	p.text = wide(a.Prototypes())
	of, err := p.featuresOf(fold)
	if err != nil {
		return f, err
	}
	test, err := p.featuresOf(*e)
	if err != nil {
		return f, err
	}
	return MeasureFeatureSets(kind, coverage, p.text, p.scale, Labelled{of, fold.labels}, Labelled{test, e.labels})
}

// MeasureFeatureSets makes conformal sets in one of the [FeatureSetKinds], of
// features in place of logits: prototypes [K, D] that are adapted to the fold, and
// the scale of logits.
func MeasureFeatureSets(kind string, coverage float64, text calib.Matrix, scale float64, fold,
	test Labelled) (f calib.SetFigures, err error) {
	p := prototypes{text, scale}
	o := calib.ConformalOptions{Score: calib.LAC, Coverage: coverage}
	var sets [][]int
	if kind == FullConformal {
		work := float64(fold.Logits.N) * float64(text.N) * float64(text.N) * float64(test.Logits.N)
		if work > mostFull {
			return f, fmt.Errorf("%.0e exponentials are too many", work)
		}
		sets, err = calib.FullConformal(fold.Logits, fold.Labels, text, scale, test.Logits, o)
	} else {
		sets, err = p.ssText(fold, test.Logits, o)
	}
	if err != nil {
		return f, err
	}
	return calib.EvaluateSets(sets, test.Labels, text.N, coverage)
}

// ssText adapts on one half of the fold and calibrates on the other.
func (p prototypes) ssText(fold Labelled, test calib.Matrix, o calib.ConformalOptions) ([][]int, error) {
	first, second, err := calib.SplitStratified(fold.Labels, 0.5, 0)
	if err != nil {
		return nil, err
	}
	adapting, calibrating := fold.pick(first), fold.pick(second)
	w, err := calib.SSText(adapting.Logits, adapting.Labels, p.text, p.scale)
	if err != nil {
		return nil, err
	}
	from, err := calib.CosineLogits(calibrating.Logits, w, p.scale)
	if err != nil {
		return nil, err
	}
	c, err := calib.FitConformal(from, calibrating.Labels, o)
	if err != nil {
		return nil, err
	}
	to, err := calib.CosineLogits(test, w, p.scale)
	if err != nil {
		return nil, err
	}
	return c.Sets(to)
}

// featuresOf reads the features of a zero-shot evaluation and holds them to its
// logits.
func (p prototypes) featuresOf(e Evaluation) (calib.Matrix, error) {
	if len(e.target.Inputs.Features) == 0 {
		return calib.Matrix{},
			errors.New("the run is not on files of features, and keeps none: clipcalib conformal takes such")
	}
	f, err := run.ReadFeatures(e.target.Inputs.Features...)
	if err != nil {
		return calib.Matrix{}, err
	}
	m := wide(f.Data.Features)
	if !slices.Equal(f.SHA256, e.target.Inputs.FeaturesSHA256) || m.N != e.logits.N || m.K != p.text.K {
		return m, fmt.Errorf("%q no longer hold the features of %s", e.target.Inputs.Features, e.Target.Name)
	}
	if err := HoldFeatures(m, p.text, p.scale, e.logits); err != nil {
		return m, fmt.Errorf("%s on %s: %w", e.Run, e.Target.Name, err)
	}
	return m, nil
}

// HoldFeatures refuses features and prototypes that do not give the zero-shot logits
// that are kept of them.
func HoldFeatures(features, text calib.Matrix, scale float64, logits calib.Matrix) error {
	again, err := calib.CosineLogits(features, text, scale)
	if err != nil {
		return err
	}
	if again.N != logits.N || again.K != logits.K {
		return fmt.Errorf("features and prototypes give logits [%d, %d], and those kept are [%d, %d]", again.N, again.K,
			logits.N, logits.K)
	}
	for i, v := range again.Data {
		if !(math.Abs(v-logits.Data[i]) <= 1e-3*max(1, scale/100)) {
			return errors.New("features and prototypes do not give the zero-shot logits that are kept")
		}
	}
	return nil
}

func wide(m adapt.Matrix) calib.Matrix {
	out := calib.NewMatrix(m.Rows, m.Cols)
	for i, v := range m.Data {
		out.Data[i] = float64(v)
	}
	return out
}
