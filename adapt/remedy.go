package adapt

import (
	"fmt"

	"clipcalib/calib"
	"clipcalib/internal/graph"
	"clipcalib/internal/named"
	"clipcalib/internal/ops"
)

// Remedy keeps adapted logits in the range of the zero-shot ones. A remedy is
// independent of the method: it sees the node of the adapted logits, whatever
// graph they come out of, and the node of the zero-shot ranges of the same
// samples.
type Remedy interface {
	// Name is the remedy's name on the command line.
	Name() string
	// Choices says in words what the remedy does.
	Choices() []string

	// usesRange reports whether training needs the zero-shot ranges.
	usesRange() bool
	// inside returns what the loss sees of the logits [B, K].
	inside(g *graph.Graph, logits, zsRange *graph.Node) *graph.Node
	// beside returns a term to add to the loss, or nil.
	beside(g *graph.Graph, logits, zsRange *graph.Node) *graph.Node
	// after maps the logits of a trained model; nil changes nothing.
	after() func(adapted, zeroShot calib.Matrix) (calib.Matrix, error)
}

// Remedies lists the remedies, in the order of the paper.
func Remedies() []Remedy { return []Remedy{None{}, ZSNorm{}, Penalty{}, SaLS{}} }

// ParseRemedy returns the remedy of a name.
func ParseRemedy(name string) (Remedy, error) {
	return named.Find("remedy", name, Remedies())
}

// plain is the part of a remedy that does nothing.
type plain struct{}

func (plain) usesRange() bool                                          { return false }
func (plain) inside(_ *graph.Graph, logits, _ *graph.Node) *graph.Node { return logits }
func (plain) beside(_ *graph.Graph, _, _ *graph.Node) *graph.Node      { return nil }
func (plain) after() func(adapted, zeroShot calib.Matrix) (calib.Matrix, error) {
	return nil
}

// None leaves the logits alone.
type None struct{ plain }

// Name is "none".
func (None) Name() string { return "none" }

// Choices says in words what the remedy does.
func (None) Choices() []string { return []string{"remedy: none"} }

// ZSNorm maps the logits to the zero-shot range inside the training loss, the
// extremes not detached. The trained model's logits are used as they are.
type ZSNorm struct{ plain }

// Name is "zs-norm".
func (ZSNorm) Name() string { return "zs-norm" }

// Choices says in words what the remedy does.
func (ZSNorm) Choices() []string {
	return []string{"remedy: zs-norm, in the training loss only; extremes of the adapted logits not detached"}
}

func (ZSNorm) usesRange() bool { return true }

func (ZSNorm) inside(g *graph.Graph, logits, zsRange *graph.Node) *graph.Node {
	return ops.RangeMap(g, logits, zsRange)
}

// Penalty adds Lambda * (mean ReLU(l - max) + mean ReLU(min - l)) to the
// training loss, min and max being those of the sample's zero-shot logits and
// the means over batch and classes. The trained model's logits are used as
// they are.
type Penalty struct {
	plain
	Lambda float64 // 0 means calib.DefaultLambda, 10
}

// Name is "penalty".
func (Penalty) Name() string { return "penalty" }

// Choices says in words what the remedy does.
func (p Penalty) Choices() []string {
	return []string{fmt.Sprintf("remedy: penalty, in the training loss only; weight %g, mean over batch and classes", p.lambda())}
}

func (p Penalty) lambda() float64 {
	if p.Lambda == 0 {
		return calib.DefaultLambda
	}
	return p.Lambda
}

func (Penalty) usesRange() bool { return true }

func (p Penalty) beside(g *graph.Graph, logits, zsRange *graph.Node) *graph.Node {
	return ops.RangePenalty(g, logits, zsRange, float32(p.lambda()))
}

// SaLS trains without a remedy and maps every sample's logits to its zero-shot
// range when the model is used; see [calib.SaLS].
type SaLS struct{ plain }

// Name is "sals".
func (SaLS) Name() string { return "sals" }

// Choices says in words what the remedy does.
func (SaLS) Choices() []string {
	return []string{"remedy: sals, on the trained model's logits only; training is that of remedy none"}
}

func (SaLS) after() func(adapted, zeroShot calib.Matrix) (calib.Matrix, error) { return calib.SaLS }
