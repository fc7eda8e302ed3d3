package train

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// Reference is the zero-shot model's view of the samples of a batch. Its nodes
// are built when they are first asked for, so that what a remedy does not look
// at costs nothing.
type Reference struct {
	logits, ranges         func() *graph.Node
	logitsNode, rangesNode *graph.Node
}

// NewReference returns a reference by the functions that build the zero-shot
// logits [B, K] and their ranges [B, 2]; without the latter, those are of the
// logits.
func NewReference(logits, ranges func() *graph.Node) *Reference {
	return &Reference{logits: logits, ranges: ranges}
}

// Logits are the zero-shot logits [B, K] of the batch. Nothing trains in them.
func (r *Reference) Logits() *graph.Node {
	if r.logitsNode == nil {
		r.logitsNode = r.logits()
	}
	return r.logitsNode
}

// Range is the least and the greatest zero-shot logit of every sample, [B, 2].
func (r *Reference) Range() *graph.Node {
	switch {
	case r.rangesNode != nil:
	case r.ranges != nil:
		r.rangesNode = r.ranges()
	default:
		l := r.Logits()
		if g, ok := graph.Of(l); ok {
			r.rangesNode = ops.RowRange(g, l)
		}
	}
	return r.rangesNode
}
