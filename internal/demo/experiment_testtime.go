package demo

import (
	"context"
	"fmt"
	"image"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/clip"
	"clipcalib/internal/data"
	"clipcalib/internal/report"
	"clipcalib/internal/run"
	"clipcalib/text"
)

// TuneTask tunes prompts at test time on some domains of a task, the source
// first, on TestImages pictures of each test fold: evenly spaced ones, other
// ones for every seed, of every domain the same. The zero-shot reference is the
// starting prompt on the same pictures.
func (e Experiment) TuneTask(ctx context.Context, t *Task, domains []*Domain) ([]report.Run, error) {
	var runs []report.Run
	done, total := 0, len(e.Seeds)*len(e.TestTime)*len(e.Remedies)*len(domains)*e.TestImages
	for s, seed := range e.Seeds {
		folds := map[string]*tuningFold{}
		for m, method := range e.TestTime {
			for r, remedy := range e.Remedies {
				found, err := e.tune(ctx, t, domains, tuning{
					method: method, remedy: remedy, seed: seed, offset: s, folds: folds, zeroShot: m == 0 && r == 0,
					progress: func(images int) { e.tell("tune on "+t.Name, done+images, total) },
				})
				if err != nil {
					return nil, fmt.Errorf("demo task %s: %w", t.Name, err)
				}
				runs = append(runs, found...)
				done += len(domains) * e.TestImages
			}
		}
	}
	return runs, nil
}

// tuning is a method under a remedy and a seed.
type tuning struct {
	method   testtime.Method
	remedy   adapt.Remedy
	seed     uint64
	offset   int                    // of the pictures among those that are as far apart
	folds    map[string]*tuningFold // by domain
	zeroShot bool
	progress func(images int)
}

// tuningFold is what the methods and remedies of a seed share on a domain.
type tuningFold struct {
	hash  string                        // of the domain's fold
	views map[int][][]float32           // features of a picture's views, by its number
	tuned map[tuned]testtime.Prediction // under remedies without part in tuning
}

type tuned struct {
	method  string
	picture int
}

// features returns the features of a picture's views, encoded if they are not
// there.
func (f *tuningFold) features(ctx context.Context, t *testtime.Tuner, m *clip.Model, i int,
	it testtime.Item) ([][]float32, error) {
	if f.views[i] == nil {
		img, err := it.Open()
		if err != nil {
			return nil, err
		}
		views, err := t.Views(img, it.Key)
		if err != nil {
			return nil, err
		}
		if f.views[i], err = m.Images.Encode(ctx, views); err != nil {
			return nil, err
		}
	}
	return f.views[i], nil
}

// predict tunes on a picture, unless another remedy without part in tuning has.
func (e Experiment) predict(ctx context.Context, f *tuningFold, t *testtime.Tuner, x tuning, i int,
	it testtime.Item) (testtime.Prediction, error) {
	key, afterwards := tuned{x.method.Name(), i}, !adapt.ActsInTraining(x.remedy)
	if p, ok := f.tuned[key]; ok && afterwards {
		return t.Remedied(p)
	}
	views, err := f.features(ctx, t, e.Source.Model, i, it)
	if err != nil {
		return testtime.Prediction{}, fmt.Errorf("image %s: %w", it.Key, err)
	}
	p, err := t.TuneFeatures(ctx, views, it.Key)
	if err == nil && afterwards {
		f.tuned[key] = p
	}
	e.made(1)
	return p, err
}

func (e Experiment) tune(ctx context.Context, t *Task, domains []*Domain, x tuning) ([]report.Run, error) {
	m := e.Source.Model
	tuner, err := testtime.NewTuner(ctx, m.Images, m.Texts, t.Classes, x.method, x.remedy,
		testtime.Options{Seed: x.seed, Context: t.Phrase(), Compat: e.Train.Compat})
	if err != nil {
		return nil, err
	}
	defer tuner.Close()
	var runs []report.Run
	for i, d := range domains {
		fold, err := d.Set(e.fold())
		if err != nil {
			return nil, err
		}
		shared := x.folds[d.Name]
		if shared == nil {
			shared = &tuningFold{views: map[int][][]float32{}, tuned: map[tuned]testtime.Prediction{}}
			if shared.hash, err = e.Source.Hash(fold); err != nil {
				return nil, err
			}
			x.folds[d.Name] = shared
		}
		items := spread(fold, e.TestImages, x.offset)
		res, err := tuner.Run(ctx, testtime.RunOptions{
			Items: items, Name: d.Name, Bins: calib.Options{Bins: e.Bins},
			Dir:    e.dir(t, x.method.Name(), x.remedy, x.seed),
			Inputs: testtime.Inputs{WeightsSHA256: e.Source.Weights, Data: d.Name, DataSHA256: shared.hash},
			Predict: func(ctx context.Context, i int) (testtime.Prediction, error) {
				return e.predict(ctx, shared, tuner, x, i, items[i])
			},
			Progress: func(done, _ int) { x.progress(i*e.TestImages + done) },
		})
		if err != nil {
			return nil, err
		}
		record := fold.Record(places(items, fold), nil)
		record.Account.NotDrawn = len(fold.Items) - len(items)
		facts := run.NewFacts(d.Name, len(items), len(t.Classes), calib.Options{Bins: e.Bins},
			[]string{t.Phrase() + " " + text.ClassPlaceholder + "."}, record)
		if err := run.KeepFacts(res.Dir, res.Metrics, facts, record); err != nil {
			return nil, err
		}
		ev, err := run.ReadEvaluation(res.Dir)
		if err != nil {
			return nil, err
		}
		row := report.Run{Method: x.method.Name(), Remedy: x.remedy.Name(), Seed: int(x.seed), Target: d.Title,
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
