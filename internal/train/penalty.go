package train

import (
	"fmt"

	"clipcalib/calib"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/settings"
)

// Penalty adds Lambda * (mean ReLU(l - max) + mean ReLU(min - l)) to the
// training loss, min and max being those of the sample's zero-shot logits and
// the means over batch and classes. The trained model's logits are used as
// they are.
type Penalty struct {
	Lambda float64 `set:"lambda" default:"10" range:">=0" from:"the paper" help:"weight of the mean excess"`
}

// Name is "penalty".
func (Penalty) Name() string { return "penalty" }

// Choices says in words what the remedy does.
func (p Penalty) Choices() []string {
	return []string{fmt.Sprintf("remedy: penalty, in the training loss only; weight %g, mean over batch and classes",
		p.lambda())}
}

// TuningChoice is Choices for test-time tuning.
func (p Penalty) TuningChoice() string {
	return fmt.Sprintf("remedy: penalty, in the tuning loss only; weight %g, mean over kept views and classes",
		p.lambda())
}

func (p Penalty) lambda() float64 { return settings.Resolved(p).Lambda }

// LossTerm is the weighted mean excess over the zero-shot range.
func (p Penalty) LossTerm(logits *graph.Node, zs *Reference) *graph.Node {
	g, _ := graph.Of(logits)
	return ops.RangePenalty(g, logits, zs.Range(), float32(p.lambda()))
}

// LossTermHost is LossTerm on the host. Where the reference is tuned too, an
// entry above its maximum pulls that up as it is pushed down itself.
func (p Penalty) LossTermHost(l, zs, dl, dzs calib.Matrix) (float64, error) {
	zs = spread(zs, l.N)
	extra, d, err := calib.Penalty(l, zs, p.lambda())
	if err != nil {
		return 0, err
	}
	for v := range l.N {
		var dst []float64
		top, bottom := 0, 0
		if dzs.N > 0 {
			dst, top, bottom = shared(dzs, v), calib.ArgMax(zs.Row(v)), argMin(zs.Row(v))
		}
		to := dl.Row(v)
		for k, g := range d.Row(v) {
			to[k] += g
			switch {
			case dst == nil:
			case g > 0:
				dst[top] -= g
			case g < 0:
				dst[bottom] -= g
			}
		}
	}
	return extra, nil
}
