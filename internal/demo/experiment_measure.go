package demo

import (
	"context"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/features"
	"clipcalib/internal/lanes"
	"clipcalib/internal/report"
	"clipcalib/internal/run"
)

// measure evaluates a run on every domain. The zero-shot reference is the same
// for all runs and reported with the first.
func (e Experiment) measure(ctx context.Context, l *lanes.Lane, j job, seed uint64, dir string,
	tests []domainSet, first bool) ([]report.Run, error) {
	var out []report.Run
	for i, d := range tests {
		ev, err := e.evaluate(ctx, l, j, dir, d.domain.Name, d)
		if err != nil {
			return nil, err
		}
		row := report.Run{Method: j.method, Remedy: j.remedy.Name(), Seed: int(seed), Target: d.domain.Title,
			Source: i == 0}
		found, err := e.rows(row, ev, first)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// evaluate uses a run on a fold of a domain.
func (e Experiment) evaluate(ctx context.Context, l *lanes.Lane, j job, dir, name string, d domainSet) (run.Evaluation,
	error) {
	o := run.EvalOptions{
		Run: dir, Name: name, Device: l.Device, Bins: calib.Options{Bins: e.Bins},
		Data:   &adapt.Data{Features: d.set.Features, Labels: d.set.Labels},
		Record: d.pictures.Record(d.set.Kept, d.set.Unreadable),
		Inputs: run.Inputs{
			WeightsSHA256: e.Source.Weights, Preprocessing: e.Source.Preprocessing(features.Views{}),
			Data: name, DataSHA256: d.set.Hash,
		},
	}
	if j.target != nil {
		m, err := l.Model(e.Source.Model)
		if err != nil {
			return run.Evaluation{}, err
		}
		o.Prompts = j.target(m, d)
	}
	res, err := run.Eval(ctx, o)
	if err != nil {
		return run.Evaluation{}, err
	}
	return run.ReadEvaluation(res.Dir)
}

// validation is the source's validation fold, which remedies are chosen on; it
// is empty where that is the fold measured on.
func (e Experiment) validation(ctx context.Context, t *Task) ([]domainSet, error) {
	if e.fold() == FoldVal {
		return nil, nil
	}
	e.Fold = FoldVal
	return e.tests(ctx, t, []*Domain{t.Source()})
}

// validate measures a run on the validation fold for its rows. The zero-shot
// reference among them is no remedy's and needs none.
func (e Experiment) validate(ctx context.Context, l *lanes.Lane, j job, dir string, fold []domainSet,
	rows []report.Run) error {
	for _, d := range fold {
		ev, err := e.evaluate(ctx, l, j, dir, d.domain.Name+"#"+string(FoldVal), d)
		if err != nil {
			return err
		}
		p, err := calib.Predict(ev.Logits, ev.Labels)
		if err != nil {
			return err
		}
		m := p.Metrics(calib.Options{Bins: e.Bins})
		for i := range rows {
			if rows[i].Method != report.ZeroShot {
				rows[i].Validation = &m
			}
		}
	}
	return nil
}

// rows measures an evaluation: a row for the method, after one for its
// zero-shot reference if that is wanted.
func (e Experiment) rows(row report.Run, ev run.Evaluation, zeroShot bool) ([]report.Run, error) {
	var out []report.Run
	if zeroShot {
		z := row
		z.Method, z.Remedy = report.ZeroShot, ""
		if err := fill(&z, ev.ZeroShot, ev.Labels, e.Bins); err != nil {
			return nil, err
		}
		out = append(out, z)
	}
	err := fill(&row, ev.Logits, ev.Labels, e.Bins)
	return append(out, row), err
}

func fill(r *report.Run, logits calib.Matrix, labels []int, bins int) error {
	p, err := calib.Predict(logits, labels)
	if err != nil {
		return err
	}
	r.Metrics, r.Reliability = p.Metrics(calib.Options{Bins: bins}), p.Reliability(bins)
	return nil
}
