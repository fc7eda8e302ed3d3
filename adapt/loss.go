package adapt

import (
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/named"
	"clipcalib/internal/ops"
)

// Loss is the classification loss, under any method and remedy: plain
// cross-entropy or a baseline of the calibration literature. The defaults,
// taken by zero values, are those of MbLS's comparison (Liu et al., 2022).
type Loss interface {
	// Name is the loss's name on the command line.
	Name() string
	// String is the name with the constants in force.
	String() string

	build(g *graph.Graph, logits, labels *graph.Node) *graph.Node
}

// Losses lists the losses with their default constants.
func Losses() []Loss {
	return []Loss{CrossEntropy{}, LabelSmoothing{}, ECP{}, Focal{}, MbLS{}, LogitNorm{}}
}

// ParseLoss returns the loss of a name with its default constants.
func ParseLoss(name string) (Loss, error) {
	return named.Find("loss", name, Losses())
}

// CrossEntropy is the mean of -log p_y.
type CrossEntropy struct{}

// Name is "ce".
func (CrossEntropy) Name() string { return "ce" }

func (CrossEntropy) String() string { return "cross-entropy" }

func (CrossEntropy) build(g *graph.Graph, logits, labels *graph.Node) *graph.Node {
	return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{})
}

// LabelSmoothing is (1-a)*CE + a*mean_k(-log p_k).
type LabelSmoothing struct{ Alpha float64 } // 0 means 0.05

// Name is "label-smoothing".
func (LabelSmoothing) Name() string { return "label-smoothing" }

func (l LabelSmoothing) String() string { return fmt.Sprintf("label smoothing, alpha %g", l.alpha()) }

func (l LabelSmoothing) alpha() float64 { return orElse(l.Alpha, 0.05) }

func (l LabelSmoothing) build(g *graph.Graph, logits, labels *graph.Node) *graph.Node {
	return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{Smoothing: float32(l.alpha())})
}

// ECP rewards entropy: CE - a*mean_k(-p_k log p_k), p clamped to
// [1e-10, 1-1e-10].
type ECP struct{ Alpha float64 } // 0 means 0.1

// Name is "ecp".
func (ECP) Name() string { return "ecp" }

func (l ECP) String() string { return fmt.Sprintf("ECP, alpha %g, mean over classes", l.alpha()) }

func (l ECP) alpha() float64 { return orElse(l.Alpha, 0.1) }

func (l ECP) build(g *graph.Graph, logits, labels *graph.Node) *graph.Node {
	return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{Confidence: float32(l.alpha())})
}

// Focal is -(1-p_y)^gamma log p_y.
type Focal struct{ Gamma float64 } // 0 means 3

// Name is "focal".
func (Focal) Name() string { return "focal" }

func (l Focal) String() string { return fmt.Sprintf("focal, gamma %g", l.gamma()) }

func (l Focal) gamma() float64 { return orElse(l.Gamma, 3) }

func (l Focal) build(g *graph.Graph, logits, labels *graph.Node) *graph.Node {
	return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{FocalGamma: float32(l.gamma())})
}

// MbLS is CE + a*mean_ik ReLU(max_j l_ij - l_ik - margin).
type MbLS struct {
	Alpha  float64 // 0 means 0.1
	Margin float64 // 0 means 10
}

// Name is "mbls".
func (MbLS) Name() string { return "mbls" }

func (l MbLS) String() string {
	return fmt.Sprintf("MbLS, alpha %g, margin %g", l.alpha(), l.margin())
}

func (l MbLS) alpha() float64  { return orElse(l.Alpha, 0.1) }
func (l MbLS) margin() float64 { return orElse(l.Margin, 10) }

func (l MbLS) build(g *graph.Graph, logits, labels *graph.Node) *graph.Node {
	return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{MarginAlpha: float32(l.alpha()), Margin: float32(l.margin())})
}

// LogitNorm is the cross-entropy of l/(tau*(|l| + 1e-7)) (Wei et al., 2022).
type LogitNorm struct{ Tau float64 } // 0 means 0.04

// Name is "logitnorm".
func (LogitNorm) Name() string { return "logitnorm" }

func (l LogitNorm) String() string { return fmt.Sprintf("LogitNorm, tau %g", l.tau()) }

func (l LogitNorm) tau() float64 { return orElse(l.Tau, 0.04) }

func (l LogitNorm) build(g *graph.Graph, logits, labels *graph.Node) *graph.Node {
	return ops.CrossEntropy(g, ops.DivNorm(g, logits, float32(l.tau())), labels, engine.CrossEntropy{})
}

func orElse(v, other float64) float64 {
	if v == 0 {
		return other
	}
	return v
}
