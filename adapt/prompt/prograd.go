package prompt

import (
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/weights"
)

// ProGrad is CoOp that never steps against what the zero-shot model knows: the
// part of the loss's gradient that opposes the gradient of the distillation
// loss is taken out (Zhu et al., "Prompt-aligned Gradient for Prompt Tuning",
// 2023). The loss is the classification loss under its remedy; the zero-shot
// logits of the same view teach.
type ProGrad struct {
	// Contexts is the number of vectors; 0 means 16.
	Contexts int `set:"vectors" default:"16" range:">=1" from:"the release" help:"learned vectors"`
	// Init is the phrase the last vectors start from, the others being zeros; ""
	// means "a photo of a".
	Init string `set:"context" default:"a photo of a" from:"the release" help:"phrase that the vectors start from"`
	// Lambda is the share of the opposing part taken out; 0 means 1.
	Lambda float64 `set:"lambda" default:"1" range:">=0" from:"the paper" help:"share of the opposing gradient taken out"`
	// Temperature is that of teacher and student; 0 means 1.
	Temperature float64 `set:"temperature" default:"1" range:">0" from:"the paper" help:"of teacher and student"`
}

// Name is "prograd".
func (ProGrad) Name() string { return "prograd" }

// Choices says in words what the method's settings are.
func (m ProGrad) Choices() []string {
	return []string{fmt.Sprintf("prompts: %s; lambda %g, temperature %g", m.contexts(), m.lambda(), m.temperature())}
}

func (m ProGrad) lambda() float64      { return adapt.Resolved(m).Lambda }
func (m ProGrad) temperature() float64 { return adapt.Resolved(m).Temperature }

func (ProGrad) recipe() recipe { return recipe{lr: 0.002, epochs: 50, batch: 32} }

func (m ProGrad) contexts() contexts {
	r := adapt.Resolved(m)
	return contexts{count: r.Contexts, phrase: r.Init}
}

func (m ProGrad) layout(w weights.Config, n, k int) ([]slot, error) {
	return m.contexts().layout(w, n, k), nil
}

func (ProGrad) logits(b *builder) *graph.Node { return b.cosine(b.image(), b.text()) }

func (m ProGrad) gradients(b *builder, loss, logits *graph.Node, wrt []*graph.Node) []*graph.Node {
	g, t := b.g, float32(m.temperature())
	soften := func(l *graph.Node) *graph.Node {
		if t == 1 {
			return l
		}
		return ops.Axpby(g, 1/t, l, 0, nil)
	}
	distill := ops.SoftCrossEntropy(g, soften(logits), soften(b.zeroShot()))
	general := g.Gradients(distill, wrt...) // the factor T*T does not change the direction
	out := g.Gradients(loss, wrt...)
	for i := range out {
		out[i] = ops.Deflect(g, out[i], general[i], float32(m.lambda()))
	}
	return out
}
