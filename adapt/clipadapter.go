package adapt

import (
	"fmt"
	"math"

	"clipcalib/internal/engine"
	"clipcalib/internal/ops"

	"gorgonia.org/gorgonia"
)

// CLIPAdapter trains a bottleneck without biases on the raw image feature,
// a(f) = ReLU(W2 ReLU(W1 f)), W1 [D/4, D], W2 [D, D/4], and classifies
// r*a(f) + (1-r)*f (Gao et al., 2021).
type CLIPAdapter struct {
	// Ratio is r; 0 means 0.2.
	Ratio float64 `set:"ratio" default:"0.2" range:"0..1" from:"the paper" help:"share of the adapted feature"`
	// Reduction is D over the width of the bottleneck; 0 means 4.
	Reduction int `set:"reduction" default:"4" range:">=1" from:"the paper" help:"feature width over the bottleneck's"`
}

// Name is "clip-adapter".
func (CLIPAdapter) Name() string { return "clip-adapter" }

// Choices says in words what the method's own settings are.
func (m CLIPAdapter) Choices() []string {
	return []string{fmt.Sprintf("method: CLIP-Adapter on raw features, ratio %g, reduction %d, no biases",
		m.ratio(), m.reduction())}
}

func (m CLIPAdapter) ratio() float64 { return Resolved(m).Ratio }
func (m CLIPAdapter) reduction() int { return Resolved(m).Reduction }

func (m CLIPAdapter) Layout(k, d int) []Slot {
	hidden := d / max(m.reduction(), 1)
	return []Slot{
		{Name: nameW1, Rows: hidden, Cols: d, Trained: true},
		{Name: nameW2, Rows: d, Cols: hidden, Trained: true},
	}
}

// prepare draws both weights from U(-1/sqrt(in), 1/sqrt(in)), as a PyTorch
// linear layer does.
func (m CLIPAdapter) Start(t *Training) (State, error) {
	width := t.data.width()
	hidden := width / m.reduction()
	if hidden < 1 {
		return State{}, fmt.Errorf("clip-adapter: features %d wide leave nothing of a bottleneck reduced by %d",
			width, m.reduction())
	}
	r := t.Rand()
	draw := func(out, in int) Matrix {
		w := NewMatrix(out, in)
		bound := 1 / math.Sqrt(float64(in))
		for i := range w.Data {
			w.Data[i] = float32(bound * (2*r.Uniform() - 1))
		}
		return w
	}
	s := NewState()
	s.Trained[nameW1] = draw(hidden, width)
	s.Trained[nameW2] = draw(width, hidden)
	return s, nil
}

func (m CLIPAdapter) Logits(b *Batch) *gorgonia.Node {
	r := float32(m.ratio())
	f := b.Features()
	h := ops.Activate(b.g, ops.Linear(b.g, f, b.Matrix(nameW1), nil, nil, engine.Identity), engine.ReLU)
	a := ops.Activate(b.g, ops.Linear(b.g, h, b.Matrix(nameW2), nil, nil, engine.Identity), engine.ReLU)
	mixed := ops.Axpby(b.g, r, a, 1-r, f)
	return b.CosineLogits(ops.L2Normalize(b.g, mixed), b.UnitPrototypes())
}
