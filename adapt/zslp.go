package adapt

import (
	"math"

	"gorgonia.org/gorgonia"
)

// ZSLP is the linear probe whose class vectors w_k start at the text
// prototypes: l_k = s*cos(f, w_k).
type ZSLP struct {
	// Random starts at Kaiming-normal numbers, standard deviation sqrt(2/D),
	// instead.
	Random bool `set:"random" default:"false" from:"the paper starts at the prototypes" help:"start at random"`
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

func (ZSLP) Layout(k, d int) []Slot {
	return []Slot{{Name: nameClassifier, Rows: k, Cols: d, Trained: true, Classes: ByRow}}
}

func (m ZSLP) Start(t *Training) (State, error) {
	s := NewState()
	w := t.data.Prototypes.Clone()
	if m.Random {
		r := t.Rand()
		std := math.Sqrt(2 / float64(w.Cols))
		for i := range w.Data {
			w.Data[i] = float32(std * r.Normal())
		}
	}
	s.Trained[nameClassifier] = w
	return s, nil
}

func (ZSLP) Logits(b *Batch) *gorgonia.Node {
	return b.CosineLogits(b.UnitFeatures(), b.Matrix(nameClassifier))
}
