package prompt

import (
	"fmt"

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
	Contexts    int     // 0 means 16
	Init        string  // of the last vectors, the others being zeros; "" means "a photo of a"
	Lambda      float64 // share of the opposing part taken out; 0 means 1
	Temperature float64 // of teacher and student; 0 means 1
}

// Name is "prograd".
func (ProGrad) Name() string { return "prograd" }

// Choices says in words what the method's settings are.
func (m ProGrad) Choices() []string {
	return []string{fmt.Sprintf("prompts: %s; lambda %g, temperature %g", m.contexts(), m.lambda(), m.temperature())}
}

func (m ProGrad) lambda() float64      { return orElse(m.Lambda, 1) }
func (m ProGrad) temperature() float64 { return orElse(m.Temperature, 1) }

func (ProGrad) recipe() recipe { return recipe{lr: 0.002, epochs: 50, batch: 32} }

func (m ProGrad) contexts() contexts {
	return contexts{count: orElse(m.Contexts, 16), phrase: orElse(m.Init, phrase)}
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
