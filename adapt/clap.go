package adapt

import (
	"fmt"
	"math"
	"slices"

	"clipcalib/internal/device"
	"clipcalib/internal/ops"

	"gorgonia.org/gorgonia"
)

// Constraint is how CLAP weighs the classes' distance from their prototypes.
type Constraint string

// The constraints of CLAP's code; the zero value means PerClass.
const (
	PerClass  Constraint = "class"     // alpha_k: mean zero-shot probability of the right class
	Corrected Constraint = "corrected" // alpha_k divided by their mean
	Mean      Constraint = "constant"  // the mean of alpha_k for every class
	Balanced  Constraint = "balanced"  // 1 for every class
	Adaptive  Constraint = "adaptive"  // alpha_k, raised after every epoch by an augmented Lagrangian rule
)

// CLAP is [ZSLP] with a class-adaptive constraint: the loss gains
// (1/K) * sum_k alpha_k |w_k - t_k|^2 (Silva-Rodriguez et al., 2024). Alpha_k
// is the mean zero-shot probability of class k over its own training features;
// a class without any takes the mean of the others.
type CLAP struct {
	Constraint Constraint `set:"constraint" default:"class" range:"class|corrected|constant|balanced|adaptive" from:"its code" help:"weights"`
}

// Name is "clap".
func (CLAP) Name() string { return "clap" }

// Choices says in words what the method's own settings are.
func (m CLAP) Choices() []string {
	return []string{fmt.Sprintf("method: CLAP, constraint %q, squared distance to the text prototypes", m.constraint())}
}

func (m CLAP) constraint() Constraint { return Resolved(m).Constraint }

func (CLAP) Layout(k, d int) []Slot {
	return []Slot{
		{Name: nameClassifier, Rows: k, Cols: d, Trained: true, Classes: ByRow},
		{Name: nameConstraint, Rows: 1, Cols: k, Classes: ByColumn},
	}
}

func (m CLAP) Start(t *Training) (State, error) {
	s := NewState()
	s.Trained[nameClassifier] = t.data.Prototypes.Clone()
	alpha, err := m.weights(t)
	if err != nil {
		return s, err
	}
	s.Fixed[nameConstraint] = alpha
	if m.constraint() == Adaptive {
		s.Fixed[nameMomentum] = NewMatrix(1, t.data.classes())
	}
	return s, nil
}

func (m CLAP) weights(t *Training) (Matrix, error) {
	alpha := NewMatrix(1, t.data.classes())
	if m.constraint() == Balanced {
		for k := range alpha.Data {
			alpha.Data[k] = 1
		}
		return alpha, nil
	}
	trust, err := zeroShotTrust(t)
	if err != nil {
		return alpha, err
	}
	mean := 0.0
	for _, a := range trust {
		mean += a / float64(len(trust))
	}
	for k, a := range trust {
		switch m.constraint() {
		case Corrected:
			if mean > 0 {
				a /= mean
			}
		case Mean:
			a = mean
		}
		alpha.Data[k] = float32(a)
	}
	return alpha, nil
}

// zeroShotTrust returns, for every class, the mean zero-shot probability of
// the right answer over the class's features.
func zeroShotTrust(t *Training) ([]float64, error) {
	d := t.data
	sum, count := make([]float64, d.classes()), make([]float64, d.classes())
	o := t.options
	e := device.Engine(o.Device) // held by run
	err := eachZeroShot(t.ctx, e, t.UnitFeatures(), d.Prototypes, o.Batch, o.LogitScale, func(from int, logits Matrix) {
		for i := range logits.Rows {
			y := d.label(from + i)
			sum[y] += probability(logits.Row(i), y)
			count[y]++
		}
	})
	if err != nil {
		return nil, err
	}
	mean, present := 0.0, 0.0
	for k := range sum {
		if count[k] > 0 {
			sum[k] /= count[k]
			mean += sum[k]
			present++
		}
	}
	for k := range sum {
		if count[k] == 0 {
			sum[k] = mean / present
		}
	}
	return sum, nil
}

// probability is the softmax of a row at y.
func probability(row []float32, y int) float64 {
	top := slices.Max(row)
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(float64(v - top))
	}
	return math.Exp(float64(row[y]-top)) / sum
}

func (CLAP) Logits(b *Batch) *gorgonia.Node {
	return b.CosineLogits(b.UnitFeatures(), b.Matrix(nameClassifier))
}

func (CLAP) Regulariser(b *Batch) *gorgonia.Node {
	d := ops.SquareDistance(b.g, b.Matrix(nameClassifier), b.Prototypes(), b.Matrix(nameConstraint))
	return ops.Axpby(b.g, 1/float32(b.Classes()), d, 0, nil)
}

func (m CLAP) changing() []string {
	if m.constraint() == Adaptive {
		return []string{nameConstraint, nameMomentum}
	}
	return nil
}

// endEpoch applies the rule of the adaptive constraint: with the violation
// h_k = |w_k - t_k|^2, alpha grows by rho*h and rho becomes h; rho starts at 0.
func (m CLAP) endEpoch(s *State) {
	alpha, rho := s.Fixed[nameConstraint].Data, s.Fixed[nameMomentum].Data
	w, t := s.Trained[nameClassifier], s.Fixed[namePrototypes]
	for k := range alpha {
		h := 0.0
		for j, v := range w.Row(k) {
			diff := float64(v) - float64(t.Row(k)[j])
			h += diff * diff
		}
		alpha[k] = float32(max(0, float64(alpha[k])+float64(rho[k])*h))
		rho[k] = float32(h)
	}
}
