package demo

import (
	"context"
	"fmt"
	"image"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/calib"
	"clipcalib/internal/clip"
	"clipcalib/internal/dataset"
	"clipcalib/internal/features"
	"clipcalib/internal/report"
	"clipcalib/internal/run"
)

// TuneTask tunes prompts at test time on some domains of a task, the source
// first, on TestImages pictures of each test fold: evenly spaced ones, other
// ones for every seed, of every domain the same. The zero-shot reference is the
// starting prompt on the same pictures.
func (e Experiment) TuneTask(ctx context.Context, t *Task, domains []*Domain) ([]report.Run, error) {
	var runs []report.Run
	done, total := 0, len(e.Seeds)*len(e.TestTime)*len(e.Remedies)*len(domains)*e.TestImages
	for s, seed := range e.Seeds {
		views := map[string]*viewFeatures{}
		for m, method := range e.TestTime {
			for r, remedy := range e.Remedies {
				found, err := e.tune(ctx, t, domains, tuning{
					method: method, remedy: remedy, seed: seed, offset: s, views: views, zeroShot: m == 0 && r == 0,
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
	offset   int                      // of the pictures among those that are as far apart
	views    map[string]*viewFeatures // of every domain
	zeroShot bool
	progress func(images int)
}

// viewFeatures are the features of the views of a domain's pictures, by their
// number, which all methods and remedies of a seed share, and the hash of the
// domain's fold.
type viewFeatures struct {
	hash  string
	views map[int][][]float32
}

// of returns the features of a picture's views, encoded if they are not there.
func (v *viewFeatures) of(ctx context.Context, t *testtime.Tuner, m *clip.Model, i int, it testtime.Item) ([][]float32, error) {
	if v.views[i] == nil {
		img, err := it.Open()
		if err != nil {
			return nil, err
		}
		views, err := t.Views(img, it.Key)
		if err != nil {
			return nil, err
		}
		if v.views[i], err = m.Images.Encode(ctx, views); err != nil {
			return nil, err
		}
	}
	return v.views[i], nil
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
		shared := x.views[d.Name]
		if shared == nil {
			shared = &viewFeatures{views: map[int][][]float32{}}
			if shared.hash, err = features.Hash(fold); err != nil {
				return nil, err
			}
			x.views[d.Name] = shared
		}
		items := spread(fold, e.TestImages, x.offset)
		res, err := tuner.Run(ctx, testtime.RunOptions{
			Items: items, Name: d.Name, Bins: calib.Options{Bins: e.Bins},
			Dir:    filepath.Join(e.Out, t.Name, fmt.Sprintf("%s-%s-seed%d", x.method.Name(), x.remedy.Name(), x.seed)),
			Inputs: testtime.Inputs{WeightsSHA256: e.Source.Weights, Data: d.Name, DataSHA256: shared.hash},
			Features: func(ctx context.Context, i int) ([][]float32, error) {
				return shared.of(ctx, tuner, m, i, items[i])
			},
			Progress: func(done, _ int) { x.progress(i*e.TestImages + done) },
		})
		if err != nil {
			return nil, err
		}
		ev, err := run.ReadEvaluation(res.Dir)
		if err != nil {
			return nil, err
		}
		row := report.Run{Method: x.method.Name(), Remedy: x.remedy.Name(), Seed: int(x.seed), Target: d.Title, Source: i == 0}
		found, err := e.rows(row, ev, x.zeroShot)
		if err != nil {
			return nil, err
		}
		runs = append(runs, found...)
	}
	return runs, nil
}

// spread picks at most n pictures of a set, evenly spaced from an offset on,
// which is taken modulo their distance.
func spread(set *dataset.Set, n, offset int) []testtime.Item {
	n = min(n, len(set.Items))
	step := len(set.Items) / n
	out := make([]testtime.Item, n)
	for j := range out {
		i := j*len(set.Items)/n + offset%step
		it := set.Items[i]
		out[j] = testtime.Item{Key: it.Key(set.Root), Label: it.Label, Open: func() (image.Image, error) { return set.Open(i) }}
	}
	return out
}
