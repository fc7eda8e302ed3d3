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
	o := calib.ConformalOptions{Score: calib.LAC, Coverage: coverage}
	var sets [][]int
	if kind == FullConformal {
		if work := float64(of.N) * float64(p.text.N) * float64(p.text.N) * float64(test.N); work > mostFull {
			return f, fmt.Errorf("%.0e exponentials are too many", work)
		}
		sets, err = calib.FullConformal(of, fold.labels, p.text, p.scale, test, o)
	} else {
		sets, err = p.ssText(of, fold.labels, test, o)
	}
	if err != nil {
		return f, err
	}
	return calib.EvaluateSets(sets, e.labels, p.text.N, coverage)
}

// ssText adapts on one half of the fold and calibrates on the other.
func (p prototypes) ssText(fold calib.Matrix, labels []int, test calib.Matrix,
	o calib.ConformalOptions) ([][]int, error) {
	first, second, err := calib.SplitStratified(labels, 0.5, 0)
	if err != nil {
		return nil, err
	}
	part := func(index []int) (m calib.Matrix, own []int) {
		m = calib.NewMatrix(len(index), fold.K)
		for j, i := range index {
			copy(m.Row(j), fold.Row(i))
			own = append(own, labels[i])
		}
		return m, own
	}
	adapting, its := part(first)
	calibrating, theirs := part(second)
	w, err := calib.SSText(adapting, its, p.text, p.scale)
	if err != nil {
		return nil, err
	}
	from, err := calib.CosineLogits(calibrating, w, p.scale)
	if err != nil {
		return nil, err
	}
	c, err := calib.FitConformal(from, theirs, o)
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
	again, err := calib.CosineLogits(m, p.text, p.scale)
	if err != nil {
		return m, err
	}
	for i, v := range again.Data {
		if !(math.Abs(v-e.logits.Data[i]) <= 1e-3*max(1, p.scale/100)) {
			return m, fmt.Errorf("the prototypes of %s do not give the zero-shot logits that it keeps of %s", e.Run,
				e.Target.Name)
		}
	}
	return m, nil
}

func wide(m adapt.Matrix) calib.Matrix {
	out := calib.NewMatrix(m.Rows, m.Cols)
	for i, v := range m.Data {
		out.Data[i] = float64(v)
	}
	return out
}
