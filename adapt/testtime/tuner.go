package testtime

import (
	"context"
	"errors"
	"fmt"
	"image"
	"iter"
	"math"
	"slices"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/named"
	"clipcalib/internal/settings"
	"clipcalib/internal/train"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// Tuner tunes the prompt of a fixed list of classes on one image after another.
// It serves one call at a time; others may use its encoders and their device
// meanwhile.
type Tuner struct {
	images  *vit.Encoder
	classes []string
	method  Method
	remedy  remedied
	options Options
	config  weights.Config
	scale   float64
	cut     []string

	tower *textTower
	start features     // text features of the starting prompt
	term  float64      // the method's term there
	dterm calib.Matrix // its gradient with respect to start.unit; empty for none
}

// Prediction is what tuning on one image gave.
type Prediction struct {
	// Logits [K] are those of the plain image under the tuned prompt, after the
	// remedy where it is one of inference.
	Logits []float32
	// Tuned [K] are the Logits before the remedy.
	Tuned []float64
	// ZeroShot [K] are its logits under the starting prompt.
	ZeroShot []float32
	// Context [M*W] are the tuned context vectors, one after the other.
	Context []float32
	// Kept are the views the loss was computed from, the most confident first;
	// view 0 is the plain image.
	Kept []int
	// Loss is the loss before the step.
	Loss float64
}

// NewTuner compiles the text tower for the classes and computes what all images
// share. The encoders must be of one model; the tuner must be closed before
// they are.
func NewTuner(ctx context.Context, images *vit.Encoder, texts *text.Encoder, classes []string,
	m Method, r adapt.Remedy, o Options,
) (*Tuner, error) {
	t, err := newTuner(ctx, images, texts, classes, m, r, o)
	if err != nil {
		return nil, fmt.Errorf("test-time tuning: %w", err)
	}
	return t, nil
}

func newTuner(ctx context.Context, images *vit.Encoder, texts *text.Encoder, classes []string,
	m Method, r adapt.Remedy, o Options,
) (*Tuner, error) {
	switch {
	case m == nil:
		return nil, errors.New("no method given")
	case images == nil || texts == nil:
		return nil, errors.New("an image encoder and a text encoder are needed")
	}
	if r == nil {
		r = adapt.None{}
	}
	o, err := o.Resolved()
	if err != nil {
		return nil, err
	}
	if err := train.CheckTexts(r, "tuning at test time"); err != nil {
		return nil, err
	}
	for _, v := range []named.Thing{m, r} {
		if err := settings.Check(v); err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name(), err)
		}
	}
	t := &Tuner{images: images, classes: slices.Clone(classes), method: m, options: o,
		config: texts.Config(), scale: texts.Config().Scale()}
	if images.Dim() != texts.Dim() {
		return nil, fmt.Errorf("image features have length %d, text features %d: the encoders are of different models",
			images.Dim(), texts.Dim())
	}
	if o.FPP != nil && o.Start == nil {
		if o.Start, err = LearnStart(ctx, texts, classes, *o.FPP, o, nil); err != nil {
			return nil, err
		}
	}
	t.remedy = newRemedied(m, r, o.Compat, texts.Device())
	p, err := newPrompts(o.Context, classes, texts.Config().Text, o.Truncate)
	if err != nil {
		return nil, err
	}
	t.cut = p.cut
	if t.tower, err = newTextTower(ctx, texts, p, o.Start); err != nil {
		return nil, err
	}
	if t.start, err = t.tower.atStart(ctx); err != nil {
		t.Close()
		return nil, err
	}
	t.term, t.dterm = m.term(t.start.unit)
	return t, nil
}

// Choices says in words everything that decides a prediction.
func (t *Tuner) Choices() []string {
	out := append(append(t.method.Choices(), t.remedy.choices()...), t.options.choices()...)
	if t.options.FPP != nil {
		out = append(out, t.options.FPP.Choices()...)
	}
	return out
}

// Start returns the context vectors [M*W] that tuning starts from, and their
// number M.
func (t *Tuner) Start() (vectors []float32, count int) {
	return slices.Clone(t.tower.start), len(t.tower.start) / t.tower.width
}

// Cut lists the prompts of more tokens than the text tower takes, which
// [Options].Truncate had cut.
func (t *Tuner) Cut() []string { return slices.Clone(t.cut) }

// Tune classifies an image with a prompt tuned on its views, which the seed and
// the image's pixels decide. Errors name the image.
func (t *Tuner) Tune(ctx context.Context, img image.Image, name string) (Prediction, error) {
	views, err := t.Views(img, name)
	if err != nil {
		return Prediction{}, err
	}
	return t.TuneViews(ctx, views, name)
}

// TuneViews is Tune for views that are there already, the plain image first,
// each as [vit.Preprocessor] makes it.
func (t *Tuner) TuneViews(ctx context.Context, views [][]float32, name string) (Prediction, error) {
	f, err := t.images.Encode(ctx, views)
	if err != nil {
		return Prediction{}, fmt.Errorf("image %s: %w", name, err)
	}
	return t.TuneFeatures(ctx, f, name)
}

// Viewed is an image by its views, as TuneViews takes them.
type Viewed struct {
	Key   string // names it in errors
	Views [][]float32
}

// TuneEach is TuneViews for one image after another: while the host works on
// one, a device encodes the views of the next. An error comes last, after the
// predictions of all images before it.
func (t *Tuner) TuneEach(ctx context.Context, images iter.Seq2[Viewed, error]) iter.Seq2[Prediction, error] {
	return func(yield func(Prediction, error) bool) {
		var keys []string // of the images under way
		var failed error  // of images
		groups := func(yield func([][]float32, error) bool) {
			for v, err := range images {
				if failed = err; err == nil {
					keys = append(keys, v.Key)
				}
				if !yield(v.Views, err) || err != nil {
					return
				}
			}
		}
		for f, err := range t.images.EncodeGroups(ctx, groups) {
			var p Prediction
			switch {
			case err == nil:
				p, err = t.TuneFeatures(ctx, f, keys[0])
				keys = keys[1:]
			case failed == nil && len(keys) > 0:
				err = fmt.Errorf("image %s: %w", keys[0], err)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// TuneFeatures is TuneViews for the views' image features, of length Dim each,
// as the image tower gives them.
func (t *Tuner) TuneFeatures(ctx context.Context, views [][]float32, name string) (Prediction, error) {
	p, err := t.tune(ctx, views)
	if err != nil {
		return Prediction{}, fmt.Errorf("image %s: %w", name, err)
	}
	return p, nil
}

func (t *Tuner) tune(ctx context.Context, views [][]float32) (Prediction, error) {
	if t.tower == nil {
		return Prediction{}, errors.New("the tuner is closed")
	}
	f, err := t.viewFeatures(views)
	if err != nil {
		return Prediction{}, err
	}
	p, grad, err := t.differentiate(ctx, f)
	if err != nil {
		return p, err
	}
	p.Context = t.options.firstAdamW(t.tower.start, grad)
	tuned, err := t.tower.features(ctx, p.Context)
	if err != nil {
		return p, err
	}
	plain := calib.Matrix{N: 1, K: f.K, Data: f.Row(0)}
	p.Tuned = product(t.scale, plain, tuned.unit, false, true).Data
	return t.remedied(p)
}

// differentiate returns the loss for the unit features of an image's views and
// its gradient [M*W] with respect to the context vectors, both at the starting
// prompt, whose text features are known: no text is encoded.
func (t *Tuner) differentiate(ctx context.Context, f calib.Matrix) (Prediction, []float32, error) {
	logits := product(t.scale, f, t.start.unit, false, true)
	zeroShot := logits.Row(0)
	p := Prediction{ZeroShot: narrow(zeroShot), Kept: mostConfident(logits, t.options.kept(f.N))}

	loss, dlogits, err := t.remedy.loss(ctx, take(logits, p.Kept), zeroShot)
	if err != nil {
		return p, nil, err
	}
	if p.Loss = loss + t.term; math.IsNaN(p.Loss) || math.IsInf(p.Loss, 0) {
		return p, nil, fmt.Errorf("the loss is %v", p.Loss)
	}
	dunit := product(t.scale, dlogits, take(f, p.Kept), true, false)
	for i, g := range t.dterm.Data {
		dunit.Data[i] += g
	}
	grad, err := t.tower.gradient(ctx, t.start.raw(dunit))
	if err != nil {
		return p, nil, err
	}
	if i := notFinite(grad); i >= 0 {
		return p, nil, fmt.Errorf("gradient %d of %d is %v", i, len(grad), grad[i])
	}
	return p, grad, nil
}

// Remedied returns what t would have predicted, given the prediction of a tuner
// that differs from it in the remedy alone, neither remedy having a part in
// tuning: None and SaLS have none.
func (t *Tuner) Remedied(p Prediction) (Prediction, error) {
	if adapt.ActsInTraining(t.remedy.remedy) {
		return p, fmt.Errorf("remedy %s acts in tuning, not on finished logits", t.remedy.remedy.Name())
	}
	return t.remedied(p)
}

// remedied fills in the logits, after the remedy where it maps finished ones.
func (t *Tuner) remedied(p Prediction) (Prediction, error) {
	logits := calib.Matrix{N: 1, K: len(p.Tuned), Data: p.Tuned}
	if m, ok := train.Inference(t.remedy.remedy); ok {
		zs, err := calib.FromFloat32(1, len(p.ZeroShot), p.ZeroShot)
		if err != nil {
			return p, err
		}
		if logits, err = m.MapInference(logits, zs); err != nil {
			return p, fmt.Errorf("remedy %s: %w", t.remedy.remedy.Name(), err)
		}
		if logits.N != 1 || logits.K != len(p.Tuned) || len(logits.Data) != logits.K {
			return p, fmt.Errorf("remedy %s: maps %d logits to [%d, %d]: the shape must stay", t.remedy.remedy.Name(),
				len(p.Tuned), logits.N, logits.K)
		}
	}
	p.Logits = narrow(logits.Data)
	if i := notFinite(p.Logits); i >= 0 {
		return p, fmt.Errorf("the tuned logit of class %d is %v", i, p.Logits[i])
	}
	return p, nil
}

// viewFeatures returns the views' features with unit length.
func (t *Tuner) viewFeatures(views [][]float32) (calib.Matrix, error) {
	if len(views) == 0 {
		return calib.Matrix{}, errors.New("no views given")
	}
	dim := t.start.unit.K
	flat := make([]float32, 0, len(views)*dim)
	for v, f := range views {
		if len(f) != dim {
			return calib.Matrix{}, fmt.Errorf("view %d has a feature of length %d, want %d", v, len(f), dim)
		}
		if i := notFinite(f); i >= 0 {
			return calib.Matrix{}, fmt.Errorf("view %d: the image feature's value %d is %v", v, i, f[i])
		}
		flat = append(flat, f...)
	}
	f, err := newFeatures(len(views), flat)
	return f.unit, err
}

// Close gives the text tower's memory back.
func (t *Tuner) Close() {
	if t.remedy.host != nil {
		t.remedy.host.Close()
	}
	if t.tower != nil {
		t.tower.Close()
		t.tower = nil
	}
}

// take returns the rows idx, copied.
func take(m calib.Matrix, idx []int) calib.Matrix {
	out := calib.NewMatrix(len(idx), m.K)
	for i, r := range idx {
		copy(out.Row(i), m.Row(r))
	}
	return out
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// notFinite returns the place of the first NaN or infinity, -1 if there is none.
func notFinite(x []float32) int {
	for i, v := range x {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return i
		}
	}
	return -1
}
