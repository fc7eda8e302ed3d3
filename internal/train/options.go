package train

import (
	"fmt"
	"math"
)

// Options says how an objective is trained. All fields but the last five decide
// the result; none has a default here.
type Options struct {
	Epochs      int
	LR          float64
	Batch       int // rows in a step
	WeightDecay float64
	Optimizer   Optimizer
	Epsilon     float64 // of AdamW; 0 means 1e-8
	Schedule    Schedule
	Seed        uint64 // of batches and views
	// Pool makes an epoch of batches of all views of all samples, as the
	// reference implementation does.
	Pool bool
	// Order, unless nil, is the row of every place of every batch, one batch after
	// the other, in place of drawing them: what [Order] gives.
	Order []int32

	// Checkpoint is a file that keeps the state of an unfinished training,
	// written when the context ends and every CheckpointEvery epochs (0: only
	// then). It is removed when training is done.
	Checkpoint      string
	CheckpointEvery int
	// Progress, unless nil, is called after every epoch.
	Progress func(Progress)
	// Ranges makes Progress tell the logits' range, which is read from the device
	// once an epoch.
	Ranges bool
}

// Progress is where a training stands.
type Progress struct {
	Epoch, Epochs int     // epochs done, and in all
	Step, Steps   int     // steps done of the next epoch, and of every epoch
	Loss          float64 // mean over the epoch's steps, or of the last step
	LR            float64 // learning rate of the step, or at the epoch's start
	// Range is the mean range of the adapted logits in the epoch's last step, as
	// they are ahead of the remedy; 0 where it was not asked for, and within epochs.
	Range float64
	// Notes say in words what of the training runs on the host although the
	// device is a GPU. They come with the first epoch alone.
	Notes []string
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

// Check names the option that makes no sense.
func (o Options) Check() error {
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
		return fmt.Errorf("epochs %d and batch %d must be at least 1, checkpoint interval %d at least 0",
			o.Epochs, o.Batch, o.CheckpointEvery)
	}
	for _, v := range []struct {
		name  string
		value float64
	}{{"learning rate", o.LR}, {"weight decay", o.WeightDecay}, {"epsilon", o.Epsilon}} {
		if err := Positive(v.name, v.value); err != nil {
			return err
		}
	}
	return nil
}

// Positive refuses what is no finite number of 0 or more.
func Positive(name string, v float64) error {
	if !(v >= 0) || math.IsInf(v, 0) {
		return fmt.Errorf("%s %g must be finite and not negative", name, v)
	}
	return nil
}

// Rule words the update rule, for a record of choices.
func (o Options) Rule() string {
	if o.Optimizer == AdamW {
		return fmt.Sprintf("AdamW, betas %g and %g, epsilon %g", beta1, beta2, o.epsilon())
	}
	return fmt.Sprintf("SGD, momentum %g", momentum)
}

func (o Options) epsilon() float64 {
	if o.Epsilon == 0 {
		return epsilon
	}
	return o.Epsilon
}
