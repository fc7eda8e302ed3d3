package adapt

import (
	"fmt"
	"math"
)

// Options says how to train. The zero value is the paper's recipe: SGD with
// momentum 0.9, rate 0.1, 300 epochs, batches of 256, cosine schedule with one
// warm-up epoch, no weight decay, logits of 100 times the cosine.
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
	LogitScale  float64   // factor of the cosine; 0 means 100
	Seed        uint64    // of batches, views and initial values

	// Init holds initial values of trained parameters by name, in place of the
	// method's own.
	Init map[string]Matrix

	// Checkpoint is a file that keeps the state of an unfinished training,
	// written when ctx ends and every CheckpointEvery epochs (0: only when ctx
	// ends). A training that finds its checkpoint continues from it, to the
	// same bytes; it is removed when training is done.
	Checkpoint      string
	CheckpointEvery int

	// Progress, unless nil, is called after every epoch.
	Progress func(Progress)

	// Device does the work; nil opens the processor, with all its cores, for it.
	Device *Device
}

// Progress is where a training stands.
type Progress struct {
	Epoch, Epochs int     // epochs done, and in all
	Step, Steps   int     // steps done of the next epoch, and of every epoch
	Loss          float64 // mean over the epoch's steps, or of the last step
	LR            float64 // learning rate of the step, or at the epoch's start
}

// Optimizer is the update rule.
type Optimizer string

const (
	// SGD is stochastic gradient descent with momentum 0.9; weight decay is
	// added to the gradient.
	SGD Optimizer = "sgd"
	// AdamW has betas 0.9 and 0.999 and decoupled weight decay.
	AdamW Optimizer = "adamw"
)

// DefaultLogitScale is exp(logit_scale) of OpenAI's models.
const DefaultLogitScale = 100

// Resolved returns the options with their defaults filled in, or an error that
// names the option that makes no sense.
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
	o.LogitScale = orElse(o.LogitScale, DefaultLogitScale)
	return o, o.check()
}

func (o Options) check() error {
	if err := o.Compat.check(); err != nil {
		return err
	}
	if err := o.Schedule.check(); err != nil {
		return err
	}
	if o.Optimizer != SGD && o.Optimizer != AdamW {
		return fmt.Errorf("unknown optimizer %q; known are %s, %s", string(o.Optimizer), SGD, AdamW)
	}
	if o.Epsilon != 0 && o.Optimizer != AdamW {
		return fmt.Errorf("epsilon %g: it is AdamW's, and the optimizer is %s", o.Epsilon, o.Optimizer)
	}
	if o.Epochs < 1 || o.Batch < 1 || o.CheckpointEvery < 0 {
		return fmt.Errorf("epochs %d and batch %d must be at least 1, checkpoint interval %d at least 0", o.Epochs, o.Batch, o.CheckpointEvery)
	}
	for _, v := range []struct {
		name  string
		value float64
	}{{"learning rate", o.LR}, {"weight decay", o.WeightDecay}, {"epsilon", o.Epsilon}, {"logit scale", o.LogitScale}} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) {
			return fmt.Errorf("%s %g must be finite and not negative", v.name, v.value)
		}
	}
	return nil
}

// Choices says in words, one line each, everything that decides the result of
// a training with these options besides the data.
func Choices(m Method, r Remedy, o Options) ([]string, error) {
	o, err := o.Resolved()
	if err != nil {
		return nil, err
	}
	out := append(m.Choices(), r.Choices()...)
	out = append(out, fmt.Sprintf("logits: %g times the cosine", o.LogitScale))
	if _, free := m.(interface{ trainingFree() }); !free {
		decay := "no weight decay"
		if o.WeightDecay > 0 {
			decay = fmt.Sprintf("weight decay %g", o.WeightDecay)
		}
		rule := "SGD, momentum 0.9"
		if o.Optimizer == AdamW {
			rule = fmt.Sprintf("AdamW, betas 0.9 and 0.999, epsilon %g", orElse(o.Epsilon, epsilon))
		}
		out = append(out,
			"loss: "+o.Loss.String(),
			fmt.Sprintf("optimiser: %s, rate %g, %s", rule, o.LR, decay),
			fmt.Sprintf("schedule: %s over %d epochs, batches of %d; the last epoch's parameters are kept", o.Schedule, o.Epochs, o.Batch),
			fmt.Sprintf("seed: %d", o.Seed),
		)
	}
	return append(out, o.Compat.choices(m.Name())...), nil
}
