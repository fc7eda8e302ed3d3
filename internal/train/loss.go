package train

import (
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/settings"
)

// Loss is a classification loss, under any method and remedy.
type Loss interface {
	Name() string
	// String is the name with the constants in force.
	String() string
	// Build is the loss [1] of logits [B, K] and labels, int32 [B].
	Build(logits, labels *graph.Node) *graph.Node
}

// CrossEntropy is the mean of -log p_y.
type CrossEntropy struct{}

// Name is "ce".
func (CrossEntropy) Name() string { return "ce" }

func (CrossEntropy) String() string { return "cross-entropy" }

// Build is the loss as a node.
func (CrossEntropy) Build(logits, labels *graph.Node) *graph.Node {
	g, _ := graph.Of(logits)
	return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{})
}

// LabelSmoothing is (1-a)*CE + a*mean_k(-log p_k).
type LabelSmoothing struct {
	Alpha float64 `set:"alpha" default:"0.05" range:"0..1" from:"Liu et al., 2022" help:"share of the uniform target"`
}

// Name is "label-smoothing".
func (LabelSmoothing) Name() string { return "label-smoothing" }

func (l LabelSmoothing) String() string { return fmt.Sprintf("label smoothing, alpha %g", l.alpha()) }

func (l LabelSmoothing) alpha() float64 { return settings.Resolved(l).Alpha }

// Build is the loss as a node.
func (l LabelSmoothing) Build(logits, labels *graph.Node) *graph.Node {
	g, _ := graph.Of(logits)
	return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{Smoothing: float32(l.alpha())})
}

// ECP rewards entropy: CE - a*mean_k(-p_k log p_k), p clamped to
// [1e-10, 1-1e-10].
type ECP struct {
	Alpha float64 `set:"alpha" default:"0.1" range:">=0" from:"Liu et al., 2022" help:"weight of the entropy"`
}

// Name is "ecp".
func (ECP) Name() string { return "ecp" }

func (l ECP) String() string { return fmt.Sprintf("ECP, alpha %g, mean over classes", l.alpha()) }

func (l ECP) alpha() float64 { return settings.Resolved(l).Alpha }

// Build is the loss as a node.
func (l ECP) Build(logits, labels *graph.Node) *graph.Node {
	g, _ := graph.Of(logits)
	return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{Confidence: float32(l.alpha())})
}

// Focal is -(1-p_y)^gamma log p_y.
type Focal struct {
	Gamma float64 `set:"gamma" default:"3" range:">=0" from:"Liu et al., 2022" help:"power of 1-p"`
}

// Name is "focal".
func (Focal) Name() string { return "focal" }

func (l Focal) String() string { return fmt.Sprintf("focal, gamma %g", l.gamma()) }

func (l Focal) gamma() float64 { return settings.Resolved(l).Gamma }

// Build is the loss as a node.
func (l Focal) Build(logits, labels *graph.Node) *graph.Node {
	g, _ := graph.Of(logits)
	return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{FocalGamma: float32(l.gamma())})
}

// MbLS is CE + a*mean_ik ReLU(max_j l_ij - l_ik - margin).
type MbLS struct {
	Alpha  float64 `set:"alpha" default:"0.1" range:">=0" from:"Liu et al., 2022" help:"weight of the excess"`
	Margin float64 `set:"margin" default:"10" range:">=0" from:"Liu et al., 2022" help:"least distance that costs"`
}

// Name is "mbls".
func (MbLS) Name() string { return "mbls" }

func (l MbLS) String() string {
	return fmt.Sprintf("MbLS, alpha %g, margin %g", l.alpha(), l.margin())
}

func (l MbLS) alpha() float64  { return settings.Resolved(l).Alpha }
func (l MbLS) margin() float64 { return settings.Resolved(l).Margin }

// Build is the loss as a node.
func (l MbLS) Build(logits, labels *graph.Node) *graph.Node {
	g, _ := graph.Of(logits)
	form := engine.CrossEntropy{MarginAlpha: float32(l.alpha()), Margin: float32(l.margin())}
	return ops.CrossEntropy(g, logits, labels, form)
}

// LogitNorm is the cross-entropy of l/(tau*(|l| + 1e-7)) (Wei et al., 2022).
type LogitNorm struct {
	Tau float64 `set:"tau" default:"0.04" range:">0" from:"Wei et al., 2022" help:"temperature"`
}

// Name is "logitnorm".
func (LogitNorm) Name() string { return "logitnorm" }

func (l LogitNorm) String() string { return fmt.Sprintf("LogitNorm, tau %g", l.tau()) }

func (l LogitNorm) tau() float64 { return settings.Resolved(l).Tau }

// Build is the loss as a node.
func (l LogitNorm) Build(logits, labels *graph.Node) *graph.Node {
	g, _ := graph.Of(logits)
	return ops.CrossEntropy(g, ops.DivNorm(g, logits, float32(l.tau())), labels, engine.CrossEntropy{})
}
