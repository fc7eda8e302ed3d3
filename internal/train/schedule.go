package train

import (
	"fmt"
	"math"
	"strings"
)

// Schedule gives the learning rate of an epoch.
type Schedule string

const (
	// WarmCosine is Dassl's cosine with one constant warm-up epoch, the
	// paper's: epoch 0 runs at 1e-5 and epoch e at base*(1+cos(pi*(e-1)/T))/2,
	// so that epoch 1 runs at the full base rate and no epoch at 0.
	WarmCosine Schedule = "warm-cosine"
	// StepCosine is base*(1+cos(pi*t/n))/2 at step t of the training's n: the
	// rate falls from step to step, as in the published Tip-Adapter-F.
	StepCosine Schedule = "step-cosine"
	// Cosine is base*(1+cos(pi*e/T))/2, without warm-up.
	Cosine Schedule = "cosine"
	// Constant is the base rate throughout.
	Constant Schedule = "constant"
)

// warmUpRate is the constant rate of the warm-up epoch.
const warmUpRate = 1e-5

// Schedules lists the schedules, the default first.
func Schedules() []Schedule { return []Schedule{WarmCosine, Cosine, StepCosine, Constant} }

// Rate returns the learning rate at the start of an epoch, counted from 0, of
// epochs.
func (s Schedule) Rate(base float64, epoch, epochs int) float64 {
	return s.StepRate(base, epoch, epochs, 0, 1)
}

// StepRate returns the learning rate of a step, counted from 0, of an epoch of
// so many steps. All schedules but [StepCosine] keep an epoch's rate.
func (s Schedule) StepRate(base float64, epoch, epochs, step, steps int) float64 {
	cosine := func(at, of int) float64 {
		return base * (1 + math.Cos(math.Pi*float64(at)/float64(of))) / 2
	}
	switch s {
	case Cosine:
		return cosine(epoch, epochs)
	case StepCosine:
		return cosine(epoch*steps+step, epochs*steps)
	case Constant:
		return base
	}
	if epoch == 0 {
		return warmUpRate
	}
	return cosine(epoch-1, epochs)
}

func (s Schedule) check() error {
	known := make([]string, len(Schedules()))
	for i, k := range Schedules() {
		if s == k {
			return nil
		}
		known[i] = string(k)
	}
	return fmt.Errorf("unknown schedule %q; known are %s", string(s), strings.Join(known, ", "))
}
