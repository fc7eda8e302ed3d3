package demo

import (
	"context"
	"fmt"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/data"
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
	Prompts  []func(phrase string) prompt.Method // given the words before the class name
	Remedies []adapt.Remedy
	Seeds    []uint64
	Shots    int  // pictures a class; a class with fewer gives all it has
	Views    int  // augmented views a shot; 0 means the plain picture
	Fold     Fold // measured on; "" means FoldTest. Settings are chosen on FoldVal
	Train    adapt.Options
	Bins     int

	// TestTime methods tune on TestImages pictures of every test fold, other
	// ones for every seed, and need no shots. See [Experiment.TuneTask].
	TestTime   []testtime.Method
	TestImages int

	// Progress, unless nil, is told what is being done and how far it is.
	Progress func(what string, done, total int)
	// Steps, unless nil, is told of steps of training, and of images tuned on,
	// as they are made.
	Steps func(n int)
}

// domainSet is a domain's test fold, and its features.
type domainSet struct {
	domain   *Domain
	pictures *data.Set
	set      features.Set
}

// shotSet is a seed's shots of the source, as features of augmented views.
type shotSet struct {
	seed     uint64
	pictures *data.Set
	views    features.Views
	set      features.Set
	protos   adapt.Matrix
	inputs   run.Inputs
	classes  []run.Class
}

// job is one training, and how its run is used on a target.
type job struct {
	method string
	remedy adapt.Remedy
	train  func(ctx context.Context, dir, twin string) error
	target func(domainSet) *run.PromptTarget // nil for adapters
}

// dir is the folder of a job's run.
func (e Experiment) dir(t *Task, method string, r adapt.Remedy, seed uint64) string {
	return filepath.Join(e.Out, t.Name, fmt.Sprintf("%s-%s-seed%d", method, r.Name(), seed))
}

// twin is the folder of the run that has trained what a job would train: that of
// the first remedy without part in training. It is empty for that run itself
// and for remedies that have a part.
func (e Experiment) twin(t *Task, j job, seed uint64) string {
	if adapt.ActsInTraining(j.remedy) {
		return ""
	}
	for _, r := range e.Remedies {
		if r.Name() == j.remedy.Name() {
			break
		}
		if !adapt.ActsInTraining(r) {
			return e.dir(t, j.method, r, seed)
		}
	}
	return ""
}

// Task runs the experiment on some domains of a task, the source first.
func (e Experiment) Task(ctx context.Context, t *Task, domains []*Domain) ([]report.Run, error) {
	runs, err := e.task(ctx, t, domains)
	if err != nil {
		return nil, fmt.Errorf("demo task %s: %w", t.Name, err)
	}
	return runs, nil
}

func (e Experiment) task(ctx context.Context, t *Task, domains []*Domain) ([]report.Run, error) {
	protos, err := e.Source.Prototypes(ctx, t.Templates, t.Classes, e.Train.Compat)
	if err != nil {
		return nil, err
	}
	tests, err := e.tests(ctx, t, domains)
	if err != nil {
		return nil, err
	}
	validation, err := e.validation(ctx, t)
	if err != nil {
		return nil, err
	}
	var runs []report.Run
	done := 0
	for _, seed := range e.Seeds {
		shots, err := e.shots(ctx, t, seed)
		if err != nil {
			return nil, err
		}
		shots.protos = protos
		jobs := append(e.adapterJobs(shots), e.promptJobs(t, shots)...)
		for _, j := range jobs {
			dir := e.dir(t, j.method, j.remedy, seed)
			if err := j.train(ctx, dir, e.twin(t, j, seed)); err != nil {
				return nil, err
			}
			found, err := e.measure(ctx, j, seed, dir, tests, len(runs) == 0)
			if err != nil {
				return nil, err
			}
			if err := e.validate(ctx, j, dir, validation, found); err != nil {
				return nil, err
			}
			runs = append(runs, found...)
			done++
			e.tell("adapt on "+t.Name, done, len(e.Seeds)*len(jobs))
		}
	}
	return runs, nil
}

func (e Experiment) tell(what string, done, total int) {
	if e.Progress != nil {
		e.Progress(what, done, total)
	}
}

func (e Experiment) made(steps int) {
	if e.Steps != nil {
		e.Steps(steps)
	}
}

func (e Experiment) fold() Fold {
	if e.Fold == "" {
		return FoldTest
	}
	return e.Fold
}

// tests encodes the fold measured on, of every domain.
func (e Experiment) tests(ctx context.Context, t *Task, domains []*Domain) ([]domainSet, error) {
	var out []domainSet
	for i, d := range domains {
		fold, err := d.Set(e.fold())
		if err != nil {
			return nil, err
		}
		set, err := e.Source.Images(ctx, fold, features.Views{})
		if err != nil {
			return nil, err
		}
		out = append(out, domainSet{d, fold, set})
		e.tell("encode "+t.Name, i+1, len(domains))
	}
	return out, nil
}

// shots draws a seed's shots of the source and encodes their views.
func (e Experiment) shots(ctx context.Context, t *Task, seed uint64) (shotSet, error) {
	s := shotSet{seed: seed, views: features.Views{Augmented: e.Views > 0, Count: e.Views, Seed: seed}}
	var err error
	if s.pictures, err = t.Shots(e.Shots, int64(seed)); err != nil {
		return s, err
	}
	if s.set, err = e.Source.Images(ctx, s.pictures, s.views); err != nil {
		return s, err
	}
	s.classes = features.Classes(t.Templates, s.pictures.Keys())
	s.inputs = run.Inputs{
		WeightsSHA256: e.Source.Weights, Preprocessing: e.Source.Preprocessing(s.views),
		Data: t.Name + "/" + t.Source().Name, DataSHA256: s.set.Hash, Shots: e.Shots, DataSeed: seed,
		AugmentedViews: s.views.Augments(), Templates: t.Templates,
	}
	return s, nil
}

// adapterJobs are every adapter under every remedy.
func (e Experiment) adapterJobs(s shotSet) []job {
	o := run.AdaptOptions{Train: e.Train, Classes: s.classes, Inputs: s.inputs, Config: &e.Source.Model.Config}
	o.Train.Seed, o.Train.Device = s.seed, e.Source.Model.Device
	o.Train.Progress = func(p adapt.Progress) { e.made(p.Steps) }
	o.Data = &adapt.Data{Features: s.set.Features, Labels: s.set.Labels, Views: s.set.Views, Prototypes: s.protos}
	var jobs []job
	for _, m := range e.Methods {
		for _, r := range e.Remedies {
			jobs = append(jobs, job{method: m.Name(), remedy: r, train: func(ctx context.Context, dir, twin string) error {
				o := o
				o.Method, o.Remedy, o.Out, o.Twin = m, r, dir, twin
				_, err := run.Adapt(ctx, o)
				return err
			}})
		}
	}
	return jobs
}

// measure evaluates a run on every domain. The zero-shot reference is the same
// for all runs and reported with the first.
func (e Experiment) measure(ctx context.Context, j job, seed uint64, dir string, tests []domainSet, first bool) ([]report.Run, error) {
	var out []report.Run
	for i, d := range tests {
		ev, err := e.evaluate(ctx, j, dir, d.domain.Name, d)
		if err != nil {
			return nil, err
		}
		row := report.Run{Method: j.method, Remedy: j.remedy.Name(), Seed: int(seed), Target: d.domain.Title, Source: i == 0}
		found, err := e.rows(row, ev, first)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// evaluate uses a run on a fold of a domain.
func (e Experiment) evaluate(ctx context.Context, j job, dir, name string, d domainSet) (run.Evaluation, error) {
	o := run.EvalOptions{
		Run: dir, Name: name, Device: e.Source.Model.Device, Bins: calib.Options{Bins: e.Bins},
		Data:   &adapt.Data{Features: d.set.Features, Labels: d.set.Labels},
		Record: d.pictures.Record(d.set.Kept, d.set.Unreadable),
		Inputs: run.Inputs{
			WeightsSHA256: e.Source.Weights, Preprocessing: e.Source.Preprocessing(features.Views{}),
			Data: name, DataSHA256: d.set.Hash,
		},
	}
	if j.target != nil {
		o.Prompts = j.target(d)
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
func (e Experiment) validate(ctx context.Context, j job, dir string, fold []domainSet, rows []report.Run) error {
	for _, d := range fold {
		ev, err := e.evaluate(ctx, j, dir, d.domain.Name+"#"+string(FoldVal), d)
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
