package cuda

import (
	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Act writes act(x) to out.
func (e *Engine) Act(out, x *tensor.Dense, act engine.Act) error {
	n := size(out)
	if err := first(act.Check(), activations(sized{"result", out, n}, sized{"operand", x, n})); err != nil {
		return err
	}
	return e.runs(e.variant("act_forward", x, out), int64(n), out, x, int64(n), int32(act))
}

// ActGrad writes dy * act'(x) to dx.
func (e *Engine) ActGrad(dx, x, dy *tensor.Dense, act engine.Act) error {
	n := size(dx)
	if err := first(act.Check(), activations(sized{"result", dx, n}, sized{"operand", x, n}),
		want(sized{"gradient", dy, n})); err != nil {
		return err
	}
	return e.runs(e.variant("act_backward", x, dx), int64(n), dx, x, dy, int64(n), int32(act))
}
