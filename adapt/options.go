package adapt

import (
	"fmt"

	"clipcalib/internal/settings"
	"clipcalib/internal/train"
)

// Options says how to train. The zero value is the paper's recipe: SGD with
// momentum 0.9, rate 0.1, 300 epochs, batches of 256, cosine schedule with one
// warm-up epoch, no weight decay.
type Options struct {
	Compat      Compat    // "" means Textbook
	Loss        Loss      // nil means CrossEntropy
	Epochs      int       // 0 means 300
	LR          float64   // base learning rate; 0 means 0.1 for SGD, 0.001 for AdamW
	Batch       int       // samples in a step; 0 means 256
	WeightDecay float64   // 0 means none
	Optimizer   Optimizer // "" means SGD
	Epsilon     float64   // of AdamW; 0 means 1e-8
	Schedule    Schedule  // "" means WarmCosine
	LogitScale  float64   // factor of the cosine; 0 means that of the Data
	Seed        uint64    // of batches, views and initial values

	// Init holds initial values of trained parameters by name, in place of the
	// method's own.
	Init map[string]Matrix

	// Order, unless nil, says which rows of the features every step takes, one step
	// after the other, in place of drawing them; a Start has one.
	Order []int32
	// Started, unless nil, is told with what training starts.
	Started func(Start)

	// Checkpoint is a file that keeps the state of an unfinished training,
	// written when ctx ends and every CheckpointEvery epochs (0: only when ctx
	// ends). A training that finds its checkpoint continues from it, to the
	// same bytes; it is removed when training is done.
	Checkpoint      string
	CheckpointEvery int

	// Progress, unless nil, is called after every epoch. Ranges makes it tell the
	// logits' range, which costs a look at them once an epoch.
	Progress func(Progress)
	Ranges   bool
	// EachEpoch, unless nil, is given the adapter as it is after every epoch, for the
	// time of the call: to measure it on a validation fold, for instance. What it does
	// changes nothing of the training.
	EachEpoch func(Progress, *Adapter)

	// Device does the work; nil opens the processor, with all its cores, for it.
	Device *Device
}

// Start is what chance decides of a training.
type Start struct {
	Init  map[string]Value // initial values of what trains, by name
	Order []int32          // rows of the features, step after step; row v*N+i is view v of sample i
	Batch int              // rows of a step
}

// Value is a tensor, row by row.
type Value struct {
	Shape []int
	Data  []float32
}

// DefaultLogitScale is the factor of the cosine of OpenAI's models. Others may
// have another: Config.Scale of the checkpoint tells.
const DefaultLogitScale = 100

// Resolved returns the options with their defaults filled in, but for the logit
// scale, or an error that names the option that makes no sense.
func (o Options) Resolved() (Options, error) {
	if o.Compat == "" {
		o.Compat = Textbook
	}
	if o.Loss == nil {
		o.Loss = CrossEntropy{}
	}
	if o.Optimizer == "" {
		o.Optimizer = SGD
	}
	if o.Schedule == "" {
		o.Schedule = WarmCosine
	}
	if o.Epochs == 0 {
		o.Epochs = 300
	}
	if o.LR == 0 {
		o.LR = 0.1
		if o.Optimizer == AdamW {
			o.LR = 1e-3
		}
	}
	if o.Batch == 0 {
		o.Batch = 256
	}
	return o, o.check()
}

func (o Options) check() error {
	if err := o.Compat.check(); err != nil {
		return err
	}
	if err := o.rules().Check(); err != nil {
		return err
	}
	if err := settings.Check(o.Loss); err != nil {
		return fmt.Errorf("loss %s: %w", o.Loss.Name(), err)
	}
	return train.Positive("logit scale", o.LogitScale)
}

// rules are the options of the trainer.
func (o Options) rules() train.Options {
	return train.Options{
		Epochs: o.Epochs, LR: o.LR, Batch: o.Batch, WeightDecay: o.WeightDecay, Optimizer: o.Optimizer,
		Epsilon:  o.Epsilon,
		Schedule: o.Schedule, Seed: o.Seed, Pool: o.Compat == CLIPCalib, Order: o.Order,
		Checkpoint: o.Checkpoint, CheckpointEvery: o.CheckpointEvery, Progress: o.Progress, Ranges: o.Ranges,
	}
}

// Choices says in words, one line each, everything that decides the result of
// a training with these options besides the data.
func Choices(m Method, r Remedy, o Options) ([]string, error) {
	o, err := o.Resolved()
	if err != nil {
		return nil, err
	}
	out := append(m.Choices(), r.Choices()...)
	scale := "the data's logit scale"
	if o.LogitScale > 0 {
		scale = fmt.Sprintf("%g", o.LogitScale)
	}
	out = append(out, fmt.Sprintf("logits: %s times the cosine", scale))
	if trains(m) {
		decay := "no weight decay"
		if o.WeightDecay > 0 {
			decay = fmt.Sprintf("weight decay %g", o.WeightDecay)
		}
		out = append(out,
			"loss: "+o.Loss.String(),
			fmt.Sprintf("optimiser: %s, rate %g, %s", o.rules().Rule(), o.LR, decay),
			fmt.Sprintf("schedule: %s over %d epochs, batches of %d; the last epoch's parameters are kept",
				o.Schedule, o.Epochs, o.Batch),
			fmt.Sprintf("seed: %d", o.Seed),
		)
	}
	return append(out, o.Compat.choices(m.Name())...), nil
}
