package adapt

import (
	"fmt"

	"clipcalib/internal/ops"

	"gorgonia.org/gorgonia"
)

// TaskRes trains a residual of the prototypes that starts at zero:
// l_k = s*cos(f, t_k + Alpha*x_k) (Yu et al., 2023, without enhanced base).
type TaskRes struct {
	// Alpha is the residual's factor; 0 means 0.5.
	Alpha float64 `set:"alpha" default:"0.5" range:">0" from:"the paper" help:"factor of the residual"`
}

// Name is "taskres".
func (TaskRes) Name() string { return "taskres" }

// Choices says in words what the method's own settings are.
func (m TaskRes) Choices() []string {
	return []string{fmt.Sprintf("method: TaskRes, residual scaled by %g, no enhanced base", m.alpha())}
}

func (m TaskRes) alpha() float64 { return Resolved(m).Alpha }

func (TaskRes) Layout(k, d int) []Slot {
	return []Slot{{Name: nameResidual, Rows: k, Cols: d, Trained: true, Classes: ByRow}}
}

func (m TaskRes) Start(t *Training) (State, error) {
	s := NewState()
	s.Trained[nameResidual] = NewMatrix(t.data.classes(), t.data.width())
	return s, nil
}

// logits uses t/alpha + x, which has the direction of t + alpha*x: the gradient
// then reaches x without another pass over it. For the default, 1/alpha is a
// power of two and the logits are the same to the last bit.
func (m TaskRes) Logits(b *Batch) *gorgonia.Node {
	w := ops.Axpby(b.g, float32(1/m.alpha()), b.Prototypes(), 1, b.Matrix(nameResidual))
	return b.CosineLogits(b.UnitFeatures(), w)
}
