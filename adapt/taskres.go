package adapt

import (
	"fmt"

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

func (TaskRes) prepare(t *task) (*state, error) {
	s := newState()
	s.params[nameResidual] = NewMatrix(t.data.classes(), t.data.width())
	return s, nil
}

func (m TaskRes) logits(b *builder) *graph.Node {
	w := ops.Axpby(b.g, 1, b.prototypes(), float32(m.alpha()), b.param(nameResidual))
	return b.cosine(b.unit(), w)
}
