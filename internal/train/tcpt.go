package train

import (
	"fmt"

	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/settings"
)

// TCPT adds to the loss of learned prompts (Sharifdeen et al., "Towards
// Calibrating Prompt Tuning of Vision-Language Models", CVPR 2026)
//
//	-MarginMean * mean(m) + MarginVar * var(m) + Moments * (|mu - mu0|^2 + |C - C0|^2),
//
// m being the margins of the batch's scaled logits, mu and C the mean and the
// covariance (divided by K) of the K classes' unit text features, and mu0 and C0
// those of the zero-shot ones. Where text features differ from image to image,
// the last term is the mean over the batch.
type TCPT struct {
	MarginMean float64 `set:"margin-mean" default:"0.1" range:">=0" from:"the release" help:"weight of the mean margin"`
	MarginVar  float64 `set:"margin-var" default:"0.01" range:">=0" from:"the release" help:"weight of their variance"`
	Moments    float64 `set:"moments" default:"5" range:">=0" from:"the release" help:"weight of the text moments"`
}

// Name is "tcpt".
func (TCPT) Name() string { return "tcpt" }

// Choices says in words what the remedy does.
func (r TCPT) Choices() []string {
	r = settings.Resolved(r)
	return []string{fmt.Sprintf("remedy: tcpt, in the training loss only; minus %g times the mean margin, plus %g "+
		"times its variance over the batch (divided by B), plus %g times the squared distance of the text features' "+
		"mean and covariance (divided by K) from the zero-shot ones", r.MarginMean, r.MarginVar, r.Moments)}
}

// TextTerm is the sum as a node.
func (r TCPT) TextTerm(logits, labels *graph.Node, texts *Texts) *graph.Node {
	r = settings.Resolved(r)
	g, _ := graph.Of(logits)
	sum := ops.Margin(g, logits, labels, float32(r.MarginMean), float32(r.MarginVar))
	if r.Moments == 0 {
		return sum
	}
	frozen := texts.Frozen()
	mean0, covariance0 := moments(g, frozen)
	tuned := texts.Tuned()
	weight := float32(r.Moments) / float32(len(tuned))
	for _, t := range tuned {
		mean, covariance := moments(g, t)
		dm, dc := ops.Axpby(g, 1, mean, -1, mean0), ops.Axpby(g, 1, covariance, -1, covariance0)
		sum = ops.Add(g, sum, ops.Add(g, ops.Dot(g, weight, dm, dm), ops.Dot(g, weight, dc, dc)))
	}
	return sum
}

// moments returns the mean [1, D] and the covariance [D, D] of the rows of x. The
// rows are centred first: the mean of text features is long beside what differs
// between them.
func moments(g *graph.Graph, x *graph.Node) (mean, covariance *graph.Node) {
	if g.Err() != nil {
		return x, x
	}
	k := x.Shape()[0]
	ones := make([]float32, k)
	for i := range ones {
		ones[i] = 1
	}
	mean = ops.MatMul(g, ops.Constant(g, "ones", ones, 1, k), x, false, false, 1/float32(k))
	first := ops.Indices(g, "the one centre", make([]int32, k))
	centred := ops.AddRows(g, x, ops.Axpby(g, -1, mean, 0, nil), first)
	return mean, ops.MatMul(g, centred, centred, true, false, 1/float32(k))
}
