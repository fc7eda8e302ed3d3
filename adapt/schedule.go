package adapt

import "clipcalib/internal/train"

// Schedule gives the learning rate of a step. Its methods are
//
//	Rate(base float64, epoch, epochs int) float64
//	StepRate(base float64, epoch, epochs, step, steps int) float64
//
// the rate at the start of an epoch, and at a step of one, all counted from 0.
type Schedule = train.Schedule

const (
	// WarmCosine is Dassl's cosine with one constant warm-up epoch, the
	// paper's: epoch 0 runs at 1e-5 and epoch e at base*(1+cos(pi*(e-1)/T))/2,
	// so that epoch 1 runs at the full base rate and no epoch at 0.
	WarmCosine Schedule = train.WarmCosine
	// StepCosine is base*(1+cos(pi*t/n))/2 at step t of the training's n: the
	// rate falls from step to step, as in the published Tip-Adapter-F.
	StepCosine Schedule = train.StepCosine
	// Cosine is base*(1+cos(pi*e/T))/2, without warm-up.
	Cosine Schedule = train.Cosine
	// Constant is the base rate throughout.
	Constant Schedule = train.Constant
)

// Schedules lists the schedules, the default first.
func Schedules() []Schedule { return train.Schedules() }

// Optimizer is the update rule.
type Optimizer = train.Optimizer

const (
	// SGD is stochastic gradient descent with momentum 0.9; weight decay is
	// added to the gradient.
	SGD Optimizer = train.SGD
	// AdamW has betas 0.9 and 0.999 and decoupled weight decay.
	AdamW Optimizer = train.AdamW
)

// Progress is where a training stands:
//
//	Epoch, Epochs int     // epochs done, and in all
//	Step, Steps   int     // steps done of the next epoch, and of every epoch
//	Loss          float64 // mean over the epoch's steps, or of the last step
//	LR            float64 // learning rate of the step, or at the epoch's start
//	Range         float64 // with Options.Ranges: mean of largest less smallest logit, in an epoch's last step
//	Notes         []string // with the first epoch: what runs on the host although the device is a GPU
type Progress = train.Progress

// Diverged reports a training whose loss became NaN or infinite. What is
// returned with it holds the last state known to be good. It is an error, by its
// method Error() string, and its fields are
//
//	Epoch, Step int     // counted from 0, the step within its epoch
//	Loss        float64 // NaN or infinite, unless Cause says what else was
//	Good        int     // epochs done by the state that was kept
//	Cause       string  // of the very first step: which part of the loss, or which gradient
type Diverged = train.Diverged
