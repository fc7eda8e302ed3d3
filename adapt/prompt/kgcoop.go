package prompt

import (
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/weights"
)

// KgCoOp is CoOp that keeps the classes' text features near the zero-shot ones:
// the loss gains Weight * (1 - their mean cosine) (Yao et al.,
// "Visual-Language Prompt Tuning with Knowledge-guided Context Optimization",
// 2023).
type KgCoOp struct {
	// Contexts is the number of vectors; 0 means the tokens of Init.
	Contexts int `set:"vectors" default:"auto: as context has tokens" range:">=1" from:"the paper" help:"learned vectors"`
	// Init is the phrase they start from; "" means "a photo of a".
	Init string `set:"context" default:"a photo of a" from:"the paper" help:"phrase that the vectors start from"`
	// Weight is that of the distance; 0 means 8.
	Weight float64 `set:"weight" default:"8" range:">=0" from:"the paper" help:"weight of the distance"`
}

// Name is "kgcoop".
func (KgCoOp) Name() string { return "kgcoop" }

// Choices says in words what the method's settings are.
func (m KgCoOp) Choices() []string {
	return []string{fmt.Sprintf("prompts: %s; weight %g of the distance to the zero-shot text features",
		m.contexts(), m.weight())}
}

func (m KgCoOp) weight() float64 { return adapt.Resolved(m).Weight }

func (KgCoOp) recipe() recipe { return recipe{lr: 0.002, epochs: 100, batch: 128} }

func (m KgCoOp) contexts() contexts {
	r := adapt.Resolved(m)
	return contexts{count: r.Contexts, phrase: r.Init}
}

func (m KgCoOp) layout(w weights.Config, n, k int) ([]slot, error) {
	return m.contexts().layout(w, n, k), nil
}

func (KgCoOp) logits(b *builder) *graph.Node { return b.cosine(b.image(), b.text()) }

func (m KgCoOp) regulariser(b *builder, _ *graph.Node) *graph.Node {
	w := float32(m.weight())
	whole := ops.Constant(b.g, "weight of knowledge", []float32{w}, 1)
	return ops.Axpby(b.g, 1, whole, 1, ops.Dot(b.g, -w/float32(b.classes()), b.text(), b.prototypes()))
}
