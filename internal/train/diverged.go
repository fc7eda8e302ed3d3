package train

import (
	"fmt"
	"math"
)

// Diverged reports a training whose loss became NaN or infinite. What is
// returned with it holds the last state known to be good.
type Diverged struct {
	Epoch, Step int     // counted from 0, the step within its epoch
	Loss        float64 // NaN or infinite, unless Cause says what else was
	Good        int     // epochs done by the state that was kept
	Cause       string  // of the very first step: which part of the loss, or which gradient
}

func (e *Diverged) Error() string {
	if e.Cause != "" {
		return fmt.Sprintf("%s in the first step, before anything was trained: it is not the learning rate, "+
			"look at the data and at what computes it", e.Cause)
	}
	return fmt.Sprintf("the loss is %g: training stopped, the parameters after %d epochs are kept; try a lower "+
		"learning rate", e.Loss, e.Good)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// diverged is the error of a step whose loss is no number. In the first step the
// terms of the loss tell whose fault it is.
func (t *trainer) diverged(p Progress) error {
	d := &Diverged{Epoch: p.Epoch, Step: p.Step - 1, Loss: p.Loss, Good: t.goodAt}
	if p.Epoch > 0 || p.Step > 1 {
		return d
	}
	d.Cause = fmt.Sprintf("the loss is %g", p.Loss)
	for _, term := range t.objective.Terms {
		v, err := t.program.Float32(term.Node)
		if err != nil {
			return err
		}
		if loss := float64(v[0]); !finite(loss) {
			d.Cause = fmt.Sprintf("%s is %g", term.What, loss)
			break
		}
	}
	return d
}

// checkGradients reports gradients of the first step that are no numbers, as of
// a square root at 0: the loss would show them a step later only.
func (t *trainer) checkGradients(at Progress) error {
	for i, p := range t.objective.Params {
		values, err := t.download(t.grads[i])
		if err != nil {
			return err
		}
		for _, v := range values {
			if !finite(float64(v)) {
				return &Diverged{Epoch: at.Epoch, Step: at.Step - 1, Loss: float64(v), Good: t.goodAt,
					Cause: fmt.Sprintf("the gradient of %s has a %g", p.Name, v)}
			}
		}
	}
	return nil
}
