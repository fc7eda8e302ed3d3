package prompt

import (
	"fmt"

	"clipcalib/internal/graph"
	"clipcalib/weights"
)

// CoOp learns the words before the class name as free vectors (Zhou et al.,
// "Learning to Prompt for Vision-Language Models", 2022).
type CoOp struct {
	// Contexts is the number of vectors; 0 means 16, or the tokens of Init.
	Contexts int `set:"vectors" default:"auto: 16, or as context" range:">=1" from:"the paper" help:"learned vectors"`
	// Init is a phrase whose token embeddings the vectors start from, the last
	// vectors if there are more vectors than tokens; "" means random values of
	// standard deviation 0.02.
	Init string `set:"context" default:"auto: random, deviation 0.02" from:"the paper" help:"phrase they start from"`
	// ClassSpecific gives every class vectors of its own.
	ClassSpecific bool `set:"class-specific" default:"false" from:"the paper" help:"vectors of its own for every class"`
}

// Name is "coop".
func (CoOp) Name() string { return "coop" }

// Choices says in words what the method's settings are.
func (m CoOp) Choices() []string {
	shared := "shared by all classes"
	if m.ClassSpecific {
		shared = "for each class its own"
	}
	return []string{fmt.Sprintf("prompts: %s, %s, before the class name", m.contexts(), shared)}
}

func (CoOp) recipe() recipe { return recipe{lr: 0.002, epochs: 50, batch: 32} }

func (m CoOp) contexts() contexts {
	return contexts{count: m.Contexts, phrase: m.Init, perClass: m.ClassSpecific}
}

func (c CoOp) layout(w weights.Config, m, k int) ([]slot, error) {
	return c.contexts().layout(w, m, k), nil
}

func (CoOp) logits(b *builder) *graph.Node { return b.cosine(b.image(), b.text()) }
