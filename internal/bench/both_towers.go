package bench

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/data"
	"clipcalib/internal/pairs"
	"clipcalib/internal/pretrain"
	"clipcalib/weights"
)

// What trains through both towers.
const (
	maPLeBatch    = 4  // pictures a step, as its authors take them
	pretrainBatch = 64 // pairs a step
)

// maPLe measures steps of MaPLe by its authors' recipe, on Classes class names and
// pictures that lie in the host's memory: both towers forward and back, loss and
// update, as a training takes them.
func (m *meter) maPLe(name string, ck *weights.Checkpoint) error {
	if ck.Config.Vision.ResNet() {
		m.Note(name + ": no MaPLe: it prompts vision transformers alone")
		return nil
	}
	m.Note(fmt.Sprintf("%s %s: MaPLe, %d classes", m.run.Precision, name, m.Classes))
	names, err := classNames(m.Classes)
	if err != nil {
		return err
	}
	model, err := m.model(ck, maPLeBatch)
	if err != nil {
		return err
	}
	defer model.Close()
	c := ck.Config
	method := prompt.MaPLe{Depth: min(adapt.Resolved(prompt.MaPLe{}).Depth, c.Vision.Layers, c.Text.Layers)}
	pixels := noise(9, maPLeBatch*model.Images.Preprocessor().Len())
	samples := prompt.Data{Classes: names, Prototypes: adapt.NewMatrix(len(names), ck.Config.EmbedDim),
		Image: func(sample, _ int, dst []float32) error {
			copy(dst, pixels[sample%maPLeBatch*len(dst):])
			return nil
		}}
	copy(samples.Prototypes.Data, noise(7, len(samples.Prototypes.Data)))
	for i := range shots * len(names) {
		samples.Labels = append(samples.Labels, i%len(names))
	}
	t, err := m.stepsOf(func(ctx context.Context, step func()) error {
		_, err := prompt.Train(ctx, model, method, adapt.None{}, samples,
			prompt.Options{Batch: maPLeBatch, Epochs: 1000, Progress: func(adapt.Progress) { step() }})
		return err
	})
	if err != nil {
		return err
	}
	_, trie, err := classPrompts(names)
	if err != nil {
		return err
	}
	vectors := adapt.Resolved(method).Contexts
	w := promptedWork(ck.Config, maPLeBatch, vectors).andBack().plus(trieWork(ck.Config, trie).andBack())
	m.add(Figure{What: fmt.Sprintf("MaPLe step, depth %d, %d classes", method.Depth, len(names)), Model: name,
		Batch: maPLeBatch, Unit: "steps/s"}, t, 1, w.flop(), m.bytes(w))
	return nil
}

// pretrain measures steps of training a model of this size from nothing, in batches
// of 64 pairs whose captions are class prompts. Pictures are augmented on the host
// meanwhile, as a training has it.
func (m *meter) pretrain(name string, ck *weights.Checkpoint) error {
	c := ck.Config
	if c.Vision.ResNet() {
		m.Note(name + ": no pretraining: that is of vision transformers alone")
		return nil
	}
	m.Note(fmt.Sprintf("%s %s: pretraining, %d pairs a step", m.run.Precision, name, pretrainBatch))
	captions, err := classNames(bankClasses)
	if err != nil {
		return err
	}
	r := pretrain.DefaultRecipe()
	r.Batch, r.Steps, r.Coloured = pretrainBatch, 1<<20, 1
	r.ImageSize, r.Patch, r.EmbedDim = c.Vision.ImageSize, c.Vision.Patch, c.EmbedDim
	r.VisionWidth, r.VisionLayers, r.VisionHeads = c.Vision.Width, c.Vision.Layers, c.Vision.Heads
	r.TextWidth, r.TextLayers, r.TextHeads = c.Text.Width, c.Text.Layers, c.Text.Heads
	trainer, err := pretrain.New(m.e, noisePairs{r.ImageSize, captions}, r)
	if err != nil {
		return err
	}
	defer trainer.Close()
	nodes, seen := 0, 0
	t, err := m.stepsOf(func(ctx context.Context, step func()) error {
		return trainer.Run(ctx, func(p pretrain.Point) error {
			nodes, seen = nodes+p.Nodes, seen+1
			step()
			return nil
		})
	})
	if err != nil {
		return err
	}
	w := promptedWork(c, pretrainBatch, 0).plus(textWork(c, nodes/seen, 8*nodes/seen, pretrainBatch)).trained()
	m.add(Figure{What: "pretraining step", Model: name, Batch: pretrainBatch, Unit: "steps/s"}, t, 1, w.flop(),
		m.bytes(w))
	return nil
}

// stepsOf times the steps of a training that runs until ctx ends.
func (m *meter) stepsOf(train func(ctx context.Context, step func()) error) (Timing, error) {
	ctx, stop := context.WithCancel(m.ctx)
	defer stop()
	s := steps{stop: stop, sample: m.newSample(), begin: m.startWatch}
	if err := train(ctx, s.step); err != nil && (m.ctx.Err() != nil || !errors.Is(err, context.Canceled)) {
		return Timing{}, err
	}
	m.seen = s.watch.stop(s.watched)
	return s.timing()
}

// noisePairs is a picture of noise for each of some class names.
type noisePairs struct {
	side  int
	names []string
}

func (p noisePairs) Len() int                { return len(p.names) }
func (p noisePairs) Size() int               { return p.side }
func (p noisePairs) Kind(int) pairs.Kind     { return pairs.Coloured }
func (p noisePairs) Ignored() []data.LeftOut { return nil }
func (p noisePairs) Close() error            { return nil }

func (p noisePairs) Captions(i int) ([]string, error) {
	return []string{"a photo of a " + p.names[i] + "."}, nil
}

func (p noisePairs) Image(i int, dst []byte) error {
	x := uint32(i + 1)
	for j := range dst {
		x = x*1664525 + 1013904223
		dst[j] = byte(x >> 24)
	}
	return nil
}
