package adapt

import (
	"fmt"
	"math"

	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// TaskRes trains a residual of the prototypes that starts at zero:
// l_k = s*cos(f, t_k + Alpha*x_k) (Yu et al., 2023, without enhanced base).
type TaskRes struct {
	Alpha float64 // 0 means 0.5
}

// Name is "taskres".
func (TaskRes) Name() string { return "taskres" }

// Choices says in words what the method's own settings are.
func (m TaskRes) Choices() []string {
	return []string{fmt.Sprintf("method: TaskRes, residual scaled by %g, no enhanced base", m.alpha())}
}

func (m TaskRes) alpha() float64 { return orElse(m.Alpha, 0.5) }

func (TaskRes) layout(k, d int) []slot { return []slot{{nameResidual, k, d, true}} }

func (m TaskRes) prepare(t *task) (*state, error) {
	if !(m.alpha() > 0) || math.IsInf(m.alpha(), 0) {
		return nil, fmt.Errorf("taskres: the residual's factor %g must be positive and finite", m.Alpha)
	}
	s := newState()
	s.params[nameResidual] = NewMatrix(t.data.classes(), t.data.width())
	return s, nil
}

// logits uses t/alpha + x, which has the direction of t + alpha*x: the gradient
// then reaches x without another pass over it. For the default, 1/alpha is a
// power of two and the logits are the same to the last bit.
func (m TaskRes) logits(b *builder) *graph.Node {
	w := ops.Axpby(b.g, float32(1/m.alpha()), b.prototypes(), 1, b.param(nameResidual))
	return b.cosine(b.unit(), w)
}
