package adapt

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// CLIPAdapter trains a bottleneck without biases on the raw image feature,
// a(f) = ReLU(W2 ReLU(W1 f)), W1 [D/4, D], W2 [D, D/4], and classifies
// r*a(f) + (1-r)*f (Gao et al., 2021).
type CLIPAdapter struct {
	Ratio     float64 // r; 0 means 0.2
	Reduction int     // D over the width of the bottleneck; 0 means 4
}

// Name is "clip-adapter".
func (CLIPAdapter) Name() string { return "clip-adapter" }

// Choices says in words what the method's own settings are.
func (m CLIPAdapter) Choices() []string {
	return []string{fmt.Sprintf("method: CLIP-Adapter on raw features, ratio %g, reduction %d, no biases", m.ratio(), m.reduction())}
}

func (m CLIPAdapter) ratio() float64 { return orElse(m.Ratio, 0.2) }

func (m CLIPAdapter) reduction() int {
	if m.Reduction == 0 {
		return 4
	}
	return m.Reduction
}

func (m CLIPAdapter) layout(k, d int) []slot {
	hidden := d / max(m.reduction(), 1)
	return []slot{{nameW1, hidden, d, true}, {nameW2, d, hidden, true}}
}

// prepare draws both weights from U(-1/sqrt(in), 1/sqrt(in)), as a PyTorch
// linear layer does.
func (m CLIPAdapter) prepare(t *task) (*state, error) {
	if m.reduction() < 0 {
		return nil, fmt.Errorf("clip-adapter: reduction %d must be positive", m.reduction())
	}
	width := t.data.width()
	hidden := width / m.reduction()
	if hidden < 1 {
		return nil, fmt.Errorf("clip-adapter: features %d wide leave nothing of a bottleneck reduced by %d", width, m.reduction())
	}
	g := newGenerator(t.options.Seed, streamInit)
	draw := func(out, in int) Matrix {
		w := NewMatrix(out, in)
		bound := 1 / math.Sqrt(float64(in))
		for i := range w.Data {
			w.Data[i] = float32(bound * (2*g.uniform() - 1))
		}
		return w
	}
	s := newState()
	s.params[nameW1] = draw(hidden, width)
	s.params[nameW2] = draw(width, hidden)
	return s, nil
}

func (m CLIPAdapter) logits(b *builder) *graph.Node {
	r := float32(m.ratio())
	f := b.raw()
	h := ops.Activate(b.g, ops.Linear(b.g, f, b.param(nameW1), nil, nil, engine.Identity), engine.ReLU)
	a := ops.Activate(b.g, ops.Linear(b.g, h, b.param(nameW2), nil, nil, engine.Identity), engine.ReLU)
	mixed := ops.Axpby(b.g, r, a, 1-r, f)
	return b.cosine(ops.L2Normalize(b.g, mixed), b.unitPrototypes())
}
