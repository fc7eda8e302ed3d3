package prompt

import (
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/weights"
)

// CoCoOp adds to every context vector a bias that a small network, the
// meta-net, makes of the image feature: linear to a sixteenth of its length,
// ReLU, linear to the text width (Zhou et al., "Conditional Prompt Learning for
// Vision-Language Models", 2022). All classes' prompts are computed anew for
// every image.
type CoCoOp struct {
	// Contexts is the number of vectors; 0 means the tokens of Init.
	Contexts int `set:"vectors" default:"auto: as context has tokens" range:">=1" from:"the paper" help:"learned vectors"`
	// Init is the phrase they start from; "" means "a photo of a".
	Init string `set:"context" default:"a photo of a" from:"the paper" help:"phrase that the vectors start from"`
}

// The meta-net's tensors.
const (
	nameMeta1 = learner + "meta_net.linear1."
	nameMeta2 = learner + "meta_net.linear2."
)

// Name is "cocoop".
func (CoCoOp) Name() string { return "cocoop" }

// Choices says in words what the method's settings are.
func (m CoCoOp) Choices() []string {
	return []string{fmt.Sprintf("prompts: %s; meta-net of one hidden layer, a sixteenth of the feature wide, on the "+
		"image feature of unit length", m.contexts())}
}

func (CoCoOp) recipe() recipe { return recipe{lr: 0.002, epochs: 10, batch: 1} }

func (m CoCoOp) contexts() contexts {
	r := adapt.Resolved(m)
	return contexts{count: r.Contexts, phrase: r.Init}
}

func (m CoCoOp) layout(w weights.Config, n, k int) ([]slot, error) {
	hidden := max(1, w.EmbedDim/16)
	return append(m.contexts().layout(w, n, k),
		slot{name: nameMeta1 + "weight", shape: []int{hidden, w.EmbedDim}, from: fromFanIn},
		slot{name: nameMeta1 + "bias", shape: []int{hidden}, from: fromFanIn},
		slot{name: nameMeta2 + "weight", shape: []int{w.Text.Width, hidden}, from: fromFanIn},
		slot{name: nameMeta2 + "bias", shape: []int{w.Text.Width}, from: fromFanIn}), nil
}

func (CoCoOp) perImage() {}

func (CoCoOp) logits(b *builder) *graph.Node {
	g, k := b.g, b.classes()
	ctx := b.param(nameCtx)
	m := ctx.Shape()[0]
	var which, whose []int32 // vector and image of every row of contexts
	for i := range b.batch {
		for j := range m {
			which, whose = append(which, int32(j)), append(whose, int32(i))
		}
	}
	bias := b.linear(nameMeta2, ops.Activate(g, b.linear(nameMeta1, b.image()), engine.ReLU))
	features := b.encode(b.batch, ops.Add(g, ops.Rows(g, ctx, which), ops.Rows(g, bias, whose)), nil)
	rows := make([]*graph.Node, b.batch)
	for i := range rows {
		b.textsOf = append(b.textsOf, ops.Slice(g, features, i*k, k))
		rows[i] = b.cosine(ops.Slice(g, b.image(), i, 1), b.textsOf[i])
	}
	if len(rows) == 1 {
		return rows[0]
	}
	return ops.Concat(g, rows...)
}
