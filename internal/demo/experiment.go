package demo

import (
	"context"
	"fmt"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/features"
	"clipcalib/internal/report"
	"clipcalib/internal/run"
)

// Experiment is what is run on every task: each method under each remedy and
// seed, trained on shots of the source, measured on the test fold of every
// domain. Nothing is chosen by looking at a result.
type Experiment struct {
	Source   *features.Source
	Out      string // folder of the runs; what is there is not repeated
	Methods  []adapt.Method
	Remedies []adapt.Remedy
	Seeds    []uint64
	Shots    int // pictures a class; a class with fewer gives all it has
	Views    int // augmented views a shot
	Train    adapt.Options
	Bins     int

	// Progress, unless nil, is told what is being done and how far it is.
	Progress func(what string, done, total int)
}

// domainSet is a domain's test fold as features.
type domainSet struct {
	domain *Domain
	set    features.Set
}

// Task runs the experiment on some domains of a task, the source first.
func (e Experiment) Task(ctx context.Context, t *Task, domains []*Domain) ([]report.Run, error) {
	protos, err := e.Source.Prototypes(ctx, t.Templates, t.Classes, e.Train.Compat)
	if err != nil {
		return nil, fmt.Errorf("demo task %s: %w", t.Name, err)
	}
	tests, err := e.tests(ctx, t, domains)
	if err != nil {
		return nil, fmt.Errorf("demo task %s: %w", t.Name, err)
	}
	var runs []report.Run
	total := len(e.Seeds) * len(e.Methods) * len(e.Remedies)
	done := 0
	for s, seed := range e.Seeds {
		o, err := e.shots(ctx, t, seed)
		if err != nil {
			return nil, fmt.Errorf("demo task %s: %w", t.Name, err)
		}
		o.Data.Prototypes = protos
		for m, method := range e.Methods {
			for r, remedy := range e.Remedies {
				o.Method, o.Remedy = method, remedy
				o.Out = filepath.Join(e.Out, t.Name, fmt.Sprintf("%s-%s-seed%d", method.Name(), remedy.Name(), seed))
				first := s == 0 && m == 0 && r == 0
				found, err := e.one(ctx, o, tests, first)
				if err != nil {
					return nil, fmt.Errorf("demo task %s: %w", t.Name, err)
				}
				runs = append(runs, found...)
				done++
				e.tell("adapt on "+t.Name, done, total)
			}
		}
	}
	return runs, nil
}

func (e Experiment) tell(what string, done, total int) {
	if e.Progress != nil {
		e.Progress(what, done, total)
	}
}

// tests encodes the test fold of every domain.
func (e Experiment) tests(ctx context.Context, t *Task, domains []*Domain) ([]domainSet, error) {
	var out []domainSet
	for i, d := range domains {
		fold, err := d.Set(FoldTest)
		if err != nil {
			return nil, err
		}
		set, err := e.Source.Images(ctx, fold, features.Views{})
		if err != nil {
			return nil, err
		}
		out = append(out, domainSet{d, set})
		e.tell("encode "+t.Name, i+1, len(domains))
	}
	return out, nil
}

// shots draws a seed's shots of the source and encodes their views.
func (e Experiment) shots(ctx context.Context, t *Task, seed uint64) (run.AdaptOptions, error) {
	var o run.AdaptOptions
	drawn, err := t.Shots(e.Shots, int64(seed))
	if err != nil {
		return o, err
	}
	v := features.Views{Augmented: true, Count: e.Views, Seed: seed}
	set, err := e.Source.Images(ctx, drawn, v)
	if err != nil {
		return o, err
	}
	o.Train = e.Train
	o.Train.Seed = seed
	o.Train.Engine = e.Source.Model.Engine
	o.Data = &adapt.Data{Features: set.Features, Labels: set.Labels, Views: set.Views}
	o.Classes = features.Classes(t.Templates, t.Classes)
	o.Inputs = run.Inputs{
		WeightsSHA256: e.Source.Weights, Preprocessing: e.Source.Preprocessing(v),
		Data: t.Name + "/" + t.Source().Name, DataSHA256: set.Hash, Shots: e.Shots, DataSeed: seed, Templates: t.Templates,
	}
	return o, nil
}

// one trains one run and measures it on every domain. The zero-shot reference
// is the same for all runs and reported with the first.
func (e Experiment) one(ctx context.Context, o run.AdaptOptions, tests []domainSet, first bool) ([]report.Run, error) {
	if _, err := run.Adapt(ctx, o); err != nil {
		return nil, err
	}
	var out []report.Run
	for i, d := range tests {
		res, err := run.Eval(ctx, run.EvalOptions{
			Run: o.Out, Name: d.domain.Name, Engine: e.Source.Model.Engine, Bins: calib.Options{Bins: e.Bins},
			Data:   &adapt.Data{Features: d.set.Features, Labels: d.set.Labels},
			Inputs: run.Inputs{WeightsSHA256: e.Source.Weights, Data: d.domain.Name, DataSHA256: d.set.Hash},
		})
		if err != nil {
			return nil, err
		}
		ev, err := run.ReadEvaluation(res.Dir)
		if err != nil {
			return nil, err
		}
		row := report.Run{Target: d.domain.Title, Source: i == 0}
		if first {
			z := row
			z.Method = report.ZeroShot
			if err := measure(&z, ev.ZeroShot, ev.Labels, e.Bins); err != nil {
				return nil, err
			}
			out = append(out, z)
		}
		row.Method, row.Remedy, row.Seed = o.Method.Name(), o.Remedy.Name(), int(o.Train.Seed)
		if err := measure(&row, ev.Logits, ev.Labels, e.Bins); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

func measure(r *report.Run, logits calib.Matrix, labels []int, bins int) error {
	p, err := calib.Predict(logits, labels)
	if err != nil {
		return err
	}
	r.Metrics, r.Reliability = p.Metrics(calib.Options{Bins: bins}), p.Reliability(bins)
	return nil
}
