package train

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// The optimisers' constants.
const (
	momentum = 0.9
	beta1    = 0.9
	beta2    = 0.999
	epsilon  = 1e-8 // where Options name none
)

// optimizer updates parameters; it owns their moments.
type optimizer struct {
	rule    Optimizer
	engine  engine.Engine
	params  []Param
	decay   float32
	epsilon float32
	moments map[string]*tensor.Dense
}

func newOptimizer(e engine.Engine, o Options, params []Param) (*optimizer, error) {
	opt := &optimizer{rule: o.Optimizer, engine: e, params: params, decay: float32(o.WeightDecay),
		epsilon: float32(o.epsilon()), moments: map[string]*tensor.Dense{}}
	for _, p := range params {
		for _, name := range opt.momentNames(p.Name) {
			m, err := e.New(tensor.Float32, p.Value.Shape()...)
			if err != nil {
				opt.close()
				return nil, fmt.Errorf("memory for the optimiser: %w", err)
			}
			opt.moments[name] = m
		}
	}
	return opt, nil
}

// momentNames are the names of a parameter's moments, in checkpoints too.
func (o *optimizer) momentNames(param string) []string {
	if o.rule == AdamW {
		return []string{param + ".first_moment", param + ".second_moment"}
	}
	return []string{param + ".momentum"}
}

// step updates every parameter; gradients are in the order of the parameters,
// and count is the number of this update, from 1.
func (o *optimizer) step(gradients []*tensor.Dense, lr float64, count int) error {
	for i, p := range o.params {
		names := o.momentNames(p.Name)
		var err error
		if o.rule == AdamW {
			err = o.engine.AdamW(p.Value, o.moments[names[0]], o.moments[names[1]], gradients[i],
				engine.AdamW{LR: float32(lr), Beta1: beta1, Beta2: beta2, Eps: o.epsilon, WeightDecay: o.decay}, count)
		} else {
			err = o.engine.SGD(p.Value, o.moments[names[0]], gradients[i], float32(lr), momentum, o.decay)
		}
		if err != nil {
			return fmt.Errorf("update %s: %w", p.Name, err)
		}
	}
	return nil
}

func (o *optimizer) close() {
	for _, m := range o.moments {
		o.engine.Release(m)
	}
}
