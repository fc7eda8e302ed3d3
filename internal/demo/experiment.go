package demo

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/clip"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/lanes"
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

	// Lanes are where trainings run side by side, on the device of Source's model;
	// nil is one after another.
	Lanes *lanes.Set

	// Progress, unless nil, is told what is being done and how far it is, by one
	// caller at a time.
	Progress func(what string, done, total int)
	// Steps, unless nil, is told of steps of training, and of images tuned on,
	// as they are made, by several callers at a time.
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
	train  func(ctx context.Context, l *lanes.Lane, dir, twin string) error
	target func(*clip.Model, domainSet) *run.PromptTarget // nil for adapters
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
	var found []*[]report.Run // by job
	said := e.count("adapt on " + t.Name)
	err = e.each(ctx, func(yield func(lanes.Job) bool) error {
		for _, seed := range e.Seeds {
			shots, err := e.shots(ctx, t, seed)
			if err != nil {
				return err
			}
			shots.protos = protos
			jobs := append(e.adapterJobs(shots), e.promptJobs(t, shots)...)
			said.of(len(e.Seeds) * len(jobs))
			for _, j := range jobs {
				dir, twin := e.dir(t, j.method, j.remedy, seed), e.twin(t, j, seed)
				rows, first := new([]report.Run), len(found) == 0
				found = append(found, rows)
				if !yield(lanes.Job{After: cmp.Or(twin, dir), Do: func(ctx context.Context, l *lanes.Lane) (err error) {
					if err := j.train(ctx, l, dir, twin); err != nil {
						return err
					}
					if *rows, err = e.measure(ctx, l, j, seed, dir, tests, first); err != nil {
						return err
					}
					err = e.validate(ctx, l, j, dir, validation, *rows)
					said.done(1)
					return err
				}}) {
					return nil
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var runs []report.Run
	for _, rows := range found {
		runs = append(runs, *rows...)
	}
	return runs, nil
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
	o.Train.Seed = s.seed
	o.Train.Progress = func(p adapt.Progress) { e.made(p.Steps) }
	o.Data = &adapt.Data{Features: s.set.Features, Labels: s.set.Labels, Views: s.set.Views, Prototypes: s.protos}
	var jobs []job
	for _, m := range e.Methods {
		for _, r := range e.Remedies {
			train := func(ctx context.Context, l *lanes.Lane, dir, twin string) error {
				o := o
				o.Method, o.Remedy, o.Out, o.Twin, o.Train.Device = m, r, dir, twin, l.Device
				_, err := run.Adapt(ctx, o)
				return err
			}
			jobs = append(jobs, job{method: m.Name(), remedy: r, train: train})
		}
	}
	return jobs
}
