package prompt

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// Input is what a learner classifies: the frozen image tower's features, images
// themselves, or both. A method that needs images (see [NeedsImages]) uses
// features for the zero-shot logits only, and saves the frozen tower's work by
// them.
type Input struct {
	Features adapt.Matrix                     // [N, D], not normalised
	Images   int                              // number of images; 0 where there are features only
	Image    func(i int, dst []float32) error // writes the preprocessed pixels of image i, 3 x S x S
}

// Prediction is the logits of N images.
type Prediction struct {
	Raw      adapt.Matrix // [N, K], before the remedy's map of inference
	ZeroShot adapt.Matrix // [N, K], of the frozen model
	Logits   adapt.Matrix // [N, K], after it: the same as Raw but with SaLS
}

// Logits returns the logits [N, K] of images, those of [Learner.Predict].
func (l *Learner) Logits(ctx context.Context, in Input) (adapt.Matrix, error) {
	p, err := l.Predict(ctx, in)
	return p.Logits, err
}

// Predict returns the logits of images, adapted and zero-shot.
func (l *Learner) Predict(ctx context.Context, in Input) (Prediction, error) {
	p, err := l.predict(ctx, in)
	if err != nil {
		return Prediction{}, fmt.Errorf("logits of %s: %w", l.Method.Name(), err)
	}
	return p, nil
}

// imagesAtOnce and nodesAtOnce bound the memory of a prediction: images in the
// image tower, trie nodes where every image has prompts of its own.
const (
	featuresAtOnce = 256
	imagesAtOnce   = 16
	nodesAtOnce    = 8192
)

func (l *Learner) predict(ctx context.Context, in Input) (Prediction, error) {
	if err := in.check(l); err != nil {
		return Prediction{}, err
	}
	protos, err := l.zeroShotPrototypes(ctx)
	if err != nil {
		return Prediction{}, err
	}
	dev := l.model.Device
	var p predictor
	defer device.Later(dev, p.close)
	err = device.Do(ctx, dev, func(e engine.Engine) error { return p.open(ctx, e, l, protos, in) })
	if err != nil {
		return Prediction{}, err
	}
	out := Prediction{Raw: adapt.NewMatrix(in.rows(), p.b.classes()), ZeroShot: adapt.NewMatrix(in.rows(),
		p.b.classes())}
	for from := 0; from < in.rows(); from += p.b.batch {
		n := min(p.b.batch, in.rows()-from)
		err := p.b.fill(n, func(i int, dst []float32) error { copy(dst, in.Features.Row(from+i)); return nil },
			func(i int, dst []float32) error {
				if err := in.Image(from+i, dst); err != nil {
					return fmt.Errorf("image %d: %w", from+i, err)
				}
				return nil
			})
		if err == nil {
			err = device.Do(ctx, dev, func(engine.Engine) error { return p.run(ctx, out, from, n) })
		}
		if err != nil {
			return Prediction{}, err
		}
	}
	out.Logits, err = adapt.Rescale(l.Remedy, out.Raw, out.ZeroShot)
	return out, err
}

// predictor is the compiled program of a prediction, for who holds the device.
type predictor struct {
	params            *onEngine
	b                 *builder
	program           *graph.Program
	zeroShot, adapted *graph.Node
}

func (p *predictor) open(ctx context.Context, e engine.Engine, l *Learner, protos adapt.Matrix, in Input) (err error) {
	if p.params, err = upload(e, l.params); err != nil {
		return err
	}
	p.b = newBuilder(l.model, p.params, l.trie, l.LogitScale, min(l.batch(), in.rows()))
	p.b.protos = protos
	if p.b.texted, err = l.text(ctx, p.b); err != nil {
		return err
	}
	p.zeroShot, p.adapted = l.outputs(p.b, in)
	p.program, err = p.b.g.Compile(p.adapted, p.zeroShot)
	return err
}

// run computes the n rows from on, which fill has read.
func (p *predictor) run(ctx context.Context, out Prediction, from, n int) error {
	if err := p.b.set(); err != nil {
		return err
	}
	if err := p.program.Run(ctx); err != nil {
		return err
	}
	if err := read(p.program, p.adapted, out.Raw, from, n); err != nil {
		return err
	}
	return read(p.program, p.zeroShot, out.ZeroShot, from, n)
}

func (p *predictor) close() {
	if p.program != nil {
		p.program.Close()
	}
	if p.b != nil {
		p.b.g.Close()
	}
	if p.params != nil {
		p.params.close()
	}
}

// text computes the text features once and returns them as a leaf, or nil
// where they differ from image to image.
func (l *Learner) text(ctx context.Context, b *builder) (*graph.Node, error) {
	if _, ok := l.Method.(conditional); ok {
		return nil, nil
	}
	m := l.frozen
	if m.Data == nil {
		var err error
		if m, err = l.textFeatures(ctx, b.params); err != nil {
			return nil, err
		}
	}
	return ops.Constant(b.g, "text features", m.Data, m.Rows, m.Cols), nil
}

// outputs builds the zero-shot and the adapted logits. Where a method needs
// images and the frozen features are there, those are fed beside the pixels.
func (l *Learner) outputs(b *builder, in Input) (zeroShot, adapted *graph.Node) {
	if NeedsImages(l.Method) && in.Features.Data != nil {
		b.frozenImage()
	}
	adapted = l.Method.logits(b)
	return b.zeroShot(), adapted
}

func read(p *graph.Program, n *graph.Node, out adapt.Matrix, from, rows int) error {
	v, err := p.Float32(n)
	if err == nil {
		copy(out.Data[from*out.Cols:(from+rows)*out.Cols], v)
	}
	return err
}

// batch is the number of images computed at once.
func (l *Learner) batch() int {
	if _, ok := l.Method.(conditional); ok {
		return max(1, nodesAtOnce/l.trie.Len())
	}
	if NeedsImages(l.Method) {
		return imagesAtOnce
	}
	return featuresAtOnce
}

func (in Input) rows() int {
	if in.Features.Data != nil {
		return in.Features.Rows
	}
	return in.Images
}

// check reports what makes the input unfit.
func (in Input) check(l *Learner) error {
	need := NeedsImages(l.Method)
	switch {
	case need && (in.Image == nil || in.Images < 1):
		return fmt.Errorf("%s prompts the image tower and needs images, not features", l.Method.Name())
	case !need && in.Features.Data == nil:
		return errors.New("no image features given")
	case in.Features.Data == nil:
		return nil
	}
	if err := in.Features.Check("features"); err != nil {
		return err
	}
	if d := l.model.Config.EmbedDim; in.Features.Cols != d {
		return fmt.Errorf("features are %d wide, the model's %d: they come from different models", in.Features.Cols, d)
	}
	if need && in.Features.Rows != in.Images {
		return fmt.Errorf("%d rows of features for %d images", in.Features.Rows, in.Images)
	}
	return nil
}
