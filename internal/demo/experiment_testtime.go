package demo

import (
	"context"
	"fmt"
	"image"
	"slices"
	"sync"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/clip"
	"clipcalib/internal/data"
	"clipcalib/internal/lanes"
	"clipcalib/internal/report"
	"clipcalib/internal/run"
	"clipcalib/text"
)

// TuneTask tunes prompts at test time on some domains of a task, the source
// first, on TestImages pictures of each test fold: evenly spaced ones, other
// ones for every seed, of every domain the same. The zero-shot reference is the
// starting prompt on the same pictures.
func (e Experiment) TuneTask(ctx context.Context, t *Task, domains []*Domain) ([]report.Run, error) {
	runs, err := e.tuneTask(ctx, t, domains)
	if err != nil {
		return nil, fmt.Errorf("demo task %s: %w", t.Name, err)
	}
	return runs, nil
}

func (e Experiment) tuneTask(ctx context.Context, t *Task, domains []*Domain) ([]report.Run, error) {
	folds, err := e.tuningFolds(t, domains)
	if err != nil {
		return nil, err
	}
	said := e.count("tune on " + t.Name)
	said.of(len(e.Seeds) * len(e.TestTime) * len(e.Remedies) * len(domains) * e.TestImages)
	found := make([][]report.Run, len(e.Seeds)*len(e.TestTime)*len(e.Remedies))
	err = e.each(ctx, func(yield func(lanes.Job) bool) error {
		// Seeds change fastest: runs side by side then encode pictures of their own.
		for m, method := range e.TestTime {
			for r, remedy := range e.Remedies {
				for s, seed := range e.Seeds {
					x := tuning{method: method, remedy: remedy, seed: seed, folds: folds[s], zeroShot: m == 0 && r == 0,
						done: said.done}
					rows := &found[(s*len(e.TestTime)+m)*len(e.Remedies)+r]
					after := ""
					if !adapt.ActsInTraining(remedy) {
						after = fmt.Sprint(method.Name(), " ", seed)
					}
					if !yield(lanes.Job{After: after, Do: func(ctx context.Context, l *lanes.Lane) (err error) {
						*rows, err = e.tune(ctx, l, t, x)
						return err
					}}) {
						return nil
					}
				}
			}
		}
		return nil
	})
	return slices.Concat(found...), err
}

// tuning is a method under a remedy and a seed.
type tuning struct {
	method   testtime.Method
	remedy   adapt.Remedy
	seed     uint64
	folds    []*tuningFold // of the domains
	zeroShot bool
	done     func(images int)
}

// tuningFold is what the methods and remedies of a seed share on a domain.
type tuningFold struct {
	domain *Domain
	fold   *data.Set
	hash   string // of the fold
	items  []testtime.Item
	views  []viewed // of the items

	mu    sync.Mutex
	tuned map[tuned]testtime.Prediction // under remedies without part in tuning
}

// viewed is the features of a picture's views, encoded by whoever comes first.
type viewed struct {
	mu       sync.Mutex
	features [][]float32
}

type tuned struct {
	method  string
	picture int
}

// tuningFolds are the folds of every seed, whose pictures are other ones.
func (e Experiment) tuningFolds(t *Task, domains []*Domain) ([][]*tuningFold, error) {
	out := make([][]*tuningFold, len(e.Seeds))
	for _, d := range domains {
		fold, err := d.Set(e.fold())
		if err != nil {
			return nil, err
		}
		hash, err := e.Source.Hash(fold)
		if err != nil {
			return nil, err
		}
		for s := range e.Seeds {
			items := spread(fold, e.TestImages, s)
			out[s] = append(out[s], &tuningFold{domain: d, fold: fold, hash: hash, items: items,
				views: make([]viewed, len(items)), tuned: map[tuned]testtime.Prediction{}})
		}
	}
	return out, nil
}

// features returns the features of a picture's views, encoded on the lane's model
// if they are not there.
func (f *tuningFold) features(ctx context.Context, l *lanes.Lane, m *clip.Model, t *testtime.Tuner, i int) ([][]float32,
	error) {
	v := &f.views[i]
	l.Lock(&v.mu)
	defer v.mu.Unlock()
	if v.features != nil {
		return v.features, nil
	}
	img, err := f.items[i].Open()
	if err != nil {
		return nil, err
	}
	views, err := t.Views(img, f.items[i].Key)
	if err != nil {
		return nil, err
	}
	v.features, err = m.Images.Encode(ctx, views)
	return v.features, err
}

// predict tunes on a picture, unless another remedy without part in tuning has.
func (e Experiment) predict(ctx context.Context, l *lanes.Lane, m *clip.Model, f *tuningFold, t *testtime.Tuner,
	x tuning, i int) (testtime.Prediction, error) {
	key, afterwards := tuned{x.method.Name(), i}, !adapt.ActsInTraining(x.remedy)
	f.mu.Lock()
	p, ok := f.tuned[key]
	f.mu.Unlock()
	if ok && afterwards {
		return t.Remedied(p)
	}
	views, err := f.features(ctx, l, m, t, i)
	if err != nil {
		return testtime.Prediction{}, fmt.Errorf("image %s: %w", f.items[i].Key, err)
	}
	p, err = t.TuneFeatures(ctx, views, f.items[i].Key)
	if err == nil && afterwards {
		f.mu.Lock()
		f.tuned[key] = p
		f.mu.Unlock()
	}
	e.made(1)
	return p, err
}

func (e Experiment) tune(ctx context.Context, l *lanes.Lane, t *Task, x tuning) ([]report.Run, error) {
	m, err := l.Model(e.Source.Model)
	if err != nil {
		return nil, err
	}
	tuner, err := testtime.NewTuner(ctx, m.Images, m.Texts, t.Classes, x.method, x.remedy,
		testtime.Options{Seed: x.seed, Context: t.Phrase(), Compat: e.Train.Compat})
	if err != nil {
		return nil, err
	}
	defer tuner.Close()
	var runs []report.Run
	for i, f := range x.folds {
		told := 0
		res, err := tuner.Run(ctx, testtime.RunOptions{
			Items: f.items, Name: f.domain.Name, Bins: calib.Options{Bins: e.Bins},
			Dir:    e.dir(t, x.method.Name(), x.remedy, x.seed),
			Inputs: testtime.Inputs{WeightsSHA256: e.Source.Weights, Data: f.domain.Name, DataSHA256: f.hash},
			Predict: func(ctx context.Context, i int) (testtime.Prediction, error) {
				return e.predict(ctx, l, m, f, tuner, x, i)
			},
			Progress: func(done, _ int) { x.done(done - told); told = done },
		})
		if err != nil {
			return nil, err
		}
		x.done(e.TestImages - told) // of one that was there, or has fewer
		record := f.fold.Record(places(f.items, f.fold), nil)
		record.Account.NotDrawn = len(f.fold.Items) - len(f.items)
		facts := run.NewFacts(f.domain.Name, len(f.items), len(t.Classes), calib.Options{Bins: e.Bins},
			[]string{t.Phrase() + " " + text.ClassPlaceholder + "."}, record)
		if err := run.KeepFacts(res.Dir, res.Metrics, facts, record); err != nil {
			return nil, err
		}
		ev, err := run.ReadEvaluation(res.Dir)
		if err != nil {
			return nil, err
		}
		row := report.Run{Method: x.method.Name(), Remedy: x.remedy.Name(), Seed: int(x.seed), Target: f.domain.Title,
			Source: i == 0}
		found, err := e.rows(row, ev, x.zeroShot)
		if err != nil {
			return nil, err
		}
		runs = append(runs, found...)
	}
	return runs, nil
}

// places are the numbers of items in the set that they are of.
func places(items []testtime.Item, set *data.Set) []int {
	at := make(map[string]int, len(set.Items))
	for i, it := range set.Items {
		at[it.Key(set.Root)] = i
	}
	out := make([]int, len(items))
	for i, it := range items {
		out[i] = at[it.Key]
	}
	return out
}

// spread picks at most n pictures of a set, evenly spaced from an offset on,
// which is taken modulo their distance.
func spread(set *data.Set, n, offset int) []testtime.Item {
	n = min(n, len(set.Items))
	step := len(set.Items) / n
	out := make([]testtime.Item, n)
	for j := range out {
		i := j*len(set.Items)/n + offset%step
		it := set.Items[i]
		out[j] = testtime.Item{Key: it.Key(set.Root), Label: it.Label,
			Open: func() (image.Image, error) { return set.Open(i) }}
	}
	return out
}
