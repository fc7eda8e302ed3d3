package clipcalib

import (
	"context"
	"fmt"
	"image"
	"path/filepath"
	"slices"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/run"
	"clipcalib/internal/settings"
	"clipcalib/vit"
)

// classifier is what a family of methods does with pictures. It is safe for
// concurrent use.
type classifier interface {
	prepare(img *image.NRGBA) (Prepared, error)
	batch() int // pictures at a time
	logits(ctx context.Context, pictures []Prepared) (logits, error)
	close()
}

// logits are of some pictures, [N, K].
type logits struct{ mapped, adapted, zeroShot adapt.Matrix }

// openers open what a family trained, by the family's name.
var openers = map[string]func(*Run) (classifier, error){
	run.FamilyAdapters: openAdapter,
	run.FamilyPrompts:  openPrompts,
	run.FamilyTestTime: openTuner,
}

// encoding prepares pictures for the image tower and encodes them.
type encoding struct{ images *vit.Encoder }

func (e encoding) prepare(img *image.NRGBA) (p Prepared, err error) {
	p.planes, err = planesOf(e.images.Preprocessor(), img)
	return p, err
}

func (e encoding) batch() int { return max(e.images.Batch(), 1) }

func (encoding) close() {}

func (e encoding) features(ctx context.Context, pictures []Prepared) (adapt.Matrix, error) {
	pre := e.images.Preprocessor()
	inputs := make([][]float32, len(pictures))
	for i, p := range pictures {
		inputs[i] = make([]float32, pre.Len())
		if err := pre.NormalizePlanes(inputs[i], p.planes); err != nil {
			return adapt.Matrix{}, err
		}
	}
	rows, err := e.images.Encode(ctx, inputs)
	if err != nil {
		return adapt.Matrix{}, err
	}
	return adapt.FromRows(rows), nil
}

// adapterKind is an adapter of features.
type adapterKind struct {
	encoding
	adapter *adapt.Adapter
}

func openAdapter(r *Run) (classifier, error) {
	a, err := adapt.Load(filepath.Join(r.dir, run.AdapterFile))
	if err != nil {
		return nil, err
	}
	if err := r.model.CheckTrained(run.AdapterFile, a.Method.Name(), a.Remedy.Name()); err != nil {
		return nil, err
	}
	switch {
	case a.Width() != r.clip.Images.Dim():
		return nil, fmt.Errorf("its adapter takes features %d wide, the model's are %d", a.Width(), r.clip.Images.Dim())
	case a.Classes() != len(r.classes):
		return nil, fmt.Errorf("its adapter has %d classes, classes.json %d", a.Classes(), len(r.classes))
	}
	a.Device = r.clip.Device
	return adapterKind{encoding{r.clip.Images}, a}, nil
}

func (k adapterKind) logits(ctx context.Context, pictures []Prepared) (l logits, err error) {
	f, err := k.features(ctx, pictures)
	if err != nil {
		return l, err
	}
	if l.adapted, err = k.adapter.RawLogits(ctx, f); err != nil {
		return l, err
	}
	if l.zeroShot, err = k.adapter.ZeroShotLogits(ctx, f); err != nil {
		return l, err
	}
	l.mapped, err = mapEach(k.adapter.Remedy, l.adapted, l.zeroShot)
	return l, err
}

// promptKind is learned prompts.
type promptKind struct {
	encoding
	learner *prompt.Learner
}

func openPrompts(r *Run) (classifier, error) {
	l, err := prompt.Load(filepath.Join(r.dir, run.PromptsFile), r.clip, prompt.LoadOptions{})
	if err != nil {
		return nil, err
	}
	if err := r.model.CheckTrained(run.PromptsFile, l.Method.Name(), l.Remedy.Name()); err != nil {
		return nil, err
	}
	if !slices.Equal(l.Classes(), r.classes) {
		if l, err = l.WithClasses(r.classes, adapt.Matrix{}); err != nil {
			return nil, err
		}
	}
	if l, err = l.Frozen(context.Background()); err != nil {
		return nil, err
	}
	return promptKind{encoding{r.clip.Images}, l}, nil
}

func (k promptKind) logits(ctx context.Context, pictures []Prepared) (l logits, err error) {
	in := prompt.Input{Images: len(pictures)}
	if in.Features, err = k.features(ctx, pictures); err != nil {
		return l, err
	}
	pre := k.images.Preprocessor()
	in.Image = func(i int, dst []float32) error { return pre.NormalizePlanes(dst, pictures[i].planes) }
	p, err := k.learner.Predict(ctx, in)
	if err != nil {
		return l, err
	}
	l.adapted, l.zeroShot = p.Raw, p.ZeroShot
	l.mapped, err = mapEach(k.learner.Remedy, l.adapted, l.zeroShot)
	return l, err
}

// tunerKind tunes a prompt on every picture by itself.
type tunerKind struct {
	tuner *testtime.Tuner
	turn  chan struct{} // the tuner serves one call at a time
}

func openTuner(r *Run) (classifier, error) {
	t := r.model.Tuning
	if t == nil {
		return nil, fmt.Errorf("model.yaml does not say how it is tuned")
	}
	if t.Pinned != "" {
		return nil, fmt.Errorf("its vectors or views were given from files (--pin), which the run does not " +
			"hold: tune without --pin to predict")
	}
	method, err := testtime.ParseMethod(r.model.Method)
	if err == nil {
		method, err = settings.Restore(method, r.model.MethodSettings)
	}
	if err != nil {
		return nil, fmt.Errorf("method: %w", err)
	}
	remedy, err := adapt.ParseRemedy(r.model.Remedy)
	if err != nil {
		return nil, fmt.Errorf("%w; one of a program's own is made known by adapt.RegisterRemedy", err)
	}
	if remedy, err = settings.Restore(remedy, r.model.RemedySettings); err != nil {
		return nil, fmt.Errorf("remedy: %w", err)
	}
	o := testtime.Options{
		Views: t.Views, Keep: t.Keep, Context: t.Context, LR: t.LearningRate, WeightDecay: &t.WeightDecay,
		AugMix: t.AugMix,
		Seed:   t.Seed, Truncate: r.model.Truncate, Compat: adapt.Compat(r.model.Compat),
	}
	if t.FPP != nil {
		fpp, err := settings.Restore(testtime.FPP{}, t.FPP)
		if err != nil {
			return nil, fmt.Errorf("fpp: %w", err)
		}
		o.FPP = &fpp
		// Not there, or of other classes: they are learned again.
		if o.Start, err = testtime.ReadStart(r.dir, testtime.StartKey(r.model.Weights.SHA256, r.classes,
			o)); err != nil {
			return nil, err
		}
	}
	tuner, err := testtime.NewTuner(context.Background(), r.clip.Images, r.clip.Texts, r.classes, method, remedy, o)
	if err != nil {
		return nil, err
	}
	return tunerKind{tuner, make(chan struct{}, 1)}, nil
}

func (tunerKind) prepare(img *image.NRGBA) (Prepared, error) { return Prepared{whole: img}, nil }

func (tunerKind) batch() int { return 1 }

func (k tunerKind) logits(ctx context.Context, pictures []Prepared) (l logits, err error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return l, ctx.Err()
	}
	var mapped, adapted, zeroShot [][]float32
	for _, p := range pictures {
		got, err := k.tuner.Tune(ctx, p.whole, p.name)
		if err != nil {
			return l, fmt.Errorf("picture %s: %w", p.name, err)
		}
		tuned := make([]float32, len(got.Tuned))
		for i, v := range got.Tuned {
			tuned[i] = float32(v)
		}
		mapped, adapted, zeroShot = append(mapped, got.Logits), append(adapted, tuned), append(zeroShot, got.ZeroShot)
	}
	return logits{adapt.FromRows(mapped), adapt.FromRows(adapted), adapt.FromRows(zeroShot)}, nil
}

func (k tunerKind) close() { k.tuner.Close() }
