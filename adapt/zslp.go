package adapt

import (
	"math"

	"clipcalib/internal/graph"
)

// ZSLP is the linear probe whose class vectors w_k start at the text
// prototypes: l_k = s*cos(f, w_k).
type ZSLP struct {
	// Random starts at Kaiming-normal numbers, standard deviation sqrt(2/D),
	// instead.
	Random bool
}

// Name is "zslp".
func (ZSLP) Name() string { return "zslp" }

// Choices says in words what the method's own settings are.
func (m ZSLP) Choices() []string {
	if m.Random {
		return []string{"method: linear probe, started at random (Kaiming normal)"}
	}
	return []string{"method: linear probe, started at the text prototypes"}
}

func (ZSLP) layout(k, d int) []slot { return []slot{{nameClassifier, k, d, true}} }

func (m ZSLP) prepare(t *task) (*state, error) {
	s := newState()
	w := t.data.Prototypes.Clone()
	if m.Random {
		g := newGenerator(t.options.Seed, streamInit)
		std := math.Sqrt(2 / float64(w.Cols))
		for i := range w.Data {
			w.Data[i] = float32(std * g.normal())
		}
	}
	s.params[nameClassifier] = w
	return s, nil
}

func (ZSLP) logits(b *builder) *graph.Node { return b.cosine(b.unit(), b.param(nameClassifier)) }
