package prompt

import (
	"cmp"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/settings"
	"clipcalib/internal/train"
)

// Options says how to train. The zero value is the recipe of the method's
// authors: SGD with momentum 0.9, weight decay 5e-4, a cosine schedule with one
// warm-up epoch; rate, epochs and batch differ between methods.
type Options struct {
	Loss        adapt.Loss     // nil means cross-entropy
	Epochs      int            // 0 means the method's own
	LR          float64        // base learning rate; 0 means the method's own
	Batch       int            // images in a step; 0 means the method's own
	WeightDecay float64        // 0 means 5e-4; below 0 means none
	Schedule    adapt.Schedule // "" means adapt.WarmCosine
	LogitScale  float64        // factor of the cosine; 0 means the model's
	Seed        uint64         // of batches, views and initial values

	// Init holds initial values of trained tensors by name, in place of the
	// method's own: the parameters of another Learner, for instance.
	Init map[string][]float32

	// Order and Started are those of [adapt.Options].
	Order   []int32
	Started func(adapt.Start)

	// Checkpoint is a file that keeps the state of an unfinished training,
	// written when ctx ends and every CheckpointEvery epochs (0: only when ctx
	// ends). A training that finds its checkpoint continues from it, to the
	// same bytes; it is removed when training is done.
	Checkpoint      string
	CheckpointEvery int

	// Progress, unless nil, is called after every step, with the step's loss. Ranges
	// makes it tell the logits' range with an epoch's last step, at the cost of a
	// look at them.
	Progress func(adapt.Progress)
	Ranges   bool
}

// defaultDecay is the weight decay of every prompt learner's released recipe.
const defaultDecay = 5e-4

// Resolved returns the options with the defaults for a method and a model's
// logit scale filled in.
func (o Options) Resolved(m Method, scale float64) Options {
	r := m.recipe()
	if o.Loss == nil {
		o.Loss = adapt.CrossEntropy{}
	}
	o.Epochs = cmp.Or(o.Epochs, r.epochs)
	o.LR = cmp.Or(o.LR, r.lr)
	o.Batch = cmp.Or(o.Batch, r.batch)
	o.WeightDecay = max(0, cmp.Or(o.WeightDecay, defaultDecay))
	o.Schedule = cmp.Or(o.Schedule, adapt.WarmCosine)
	o.LogitScale = cmp.Or(o.LogitScale, scale)
	return o
}

// inner are the options of the trainer.
func (o Options) inner() train.Options {
	return train.Options{
		Epochs: o.Epochs, LR: o.LR, Batch: o.Batch, WeightDecay: o.WeightDecay, Optimizer: adapt.SGD,
		Schedule: o.Schedule,
		Seed:     o.Seed, Checkpoint: o.Checkpoint, CheckpointEvery: o.CheckpointEvery, Ranges: o.Ranges,
		Order: o.Order,
	}
}

// check names the option, all being set, that makes no sense.
func (o Options) check() error {
	if err := o.inner().Check(); err != nil {
		return err
	}
	if err := settings.Check(o.Loss); err != nil {
		return fmt.Errorf("loss %s: %w", o.Loss.Name(), err)
	}
	return train.Positive("logit scale", o.LogitScale)
}

// Choices says in words, one line each, everything that decides the result of
// a training besides the data; scale is the model's factor of the cosine.
func Choices(m Method, r adapt.Remedy, o Options, scale float64) []string {
	o = o.Resolved(m, scale)
	out := append(m.Choices(), r.Choices()...)
	return append(out,
		fmt.Sprintf("logits: %g times the cosine", o.LogitScale),
		"loss: "+o.Loss.String(),
		fmt.Sprintf("optimiser: %s, rate %g, weight decay %g", o.inner().Rule(), o.LR, o.WeightDecay),
		fmt.Sprintf("schedule: %s over %d epochs, batches of %d; the last epoch's parameters are kept", o.Schedule,
			o.Epochs, o.Batch),
		"zero-shot logits: of the frozen model on the same view",
		fmt.Sprintf("seed: %d", o.Seed),
	)
}
