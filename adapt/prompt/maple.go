package prompt

import (
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/graph"
	"clipcalib/internal/imagetower"
	"clipcalib/weights"
)

// MaPLe learns prompts in both towers, those of the image tower being linear
// images of those of the text tower, at the input and again before each of the
// first Depth blocks (Khattak et al., "MaPLe: Multi-modal Prompt Learning",
// 2023). The text's first words are replaced by the learned vectors; the rest
// of the phrase stays.
type MaPLe struct {
	// Contexts is the number of vectors; 0 means 2.
	Contexts int `set:"vectors" default:"2" range:">=1" from:"the paper" help:"learned vectors"`
	// Init is the phrase they start from; "" means "a photo of a".
	Init string `set:"context" default:"a photo of a" from:"the paper" help:"phrase that the vectors start from"`
	// Depth is the number of blocks with prompts of their own; 0 means 3.
	Depth int `set:"depth" default:"3" range:">=1" from:"the release" help:"blocks with prompts of their own"`
}

// MaPLe's tensors; the numbered ones are those of blocks 1, 2, ...
const (
	nameCoupling     = learner + "proj."
	nameDeepText     = learner + "compound_prompts_text.%d"
	nameDeepCoupling = learner + "compound_prompt_projections.%d."
)

// Name is "maple".
func (MaPLe) Name() string { return "maple" }

// Choices says in words what the method's settings are.
func (m MaPLe) Choices() []string {
	return []string{fmt.Sprintf("prompts: %s, in the first %d blocks of both towers; the image tower's are a linear "+
		"map of the text tower's", m.contexts(), m.depth())}
}

func (m MaPLe) depth() int { return adapt.Resolved(m).Depth }

// recipe is that of the cross-dataset experiments.
func (MaPLe) recipe() recipe { return recipe{lr: 0.0026, epochs: 2, batch: 4} }

func (m MaPLe) contexts() contexts {
	r := adapt.Resolved(m)
	return contexts{count: r.Contexts, phrase: r.Init, keepRest: true}
}

func (MaPLe) prompted() {}

func (m MaPLe) layout(c weights.Config, n, k int) ([]slot, error) {
	if err := checkDepth(m.depth(), c); err != nil {
		return nil, err
	}
	coupling := func(name string) []slot {
		return []slot{
			{name: name + "weight", shape: []int{c.Vision.Width, c.Text.Width}, from: fromFanIn},
			{name: name + "bias", shape: []int{c.Vision.Width}, from: fromFanIn},
		}
	}
	out := append(m.contexts().layout(c, n, k), coupling(nameCoupling)...)
	for i := range m.depth() - 1 {
		out = append(out, slot{name: fmt.Sprintf(nameDeepText, i), shape: []int{n, c.Text.Width}, from: fromNoise})
		layer := coupling(fmt.Sprintf(nameDeepCoupling, i))
		if i > 0 { // the release clones one layer
			first := fmt.Sprintf(nameDeepCoupling, 0)
			layer[0].like, layer[1].like = first+"weight", first+"bias"
		}
		out = append(out, layer...)
	}
	return out, nil
}

func (m MaPLe) logits(b *builder) *graph.Node {
	var deep []*graph.Node
	vision := []*graph.Node{b.linear(nameCoupling, b.param(nameCtx))}
	for i := range m.depth() - 1 {
		p := b.param(fmt.Sprintf(nameDeepText, i))
		deep = append(deep, p)
		vision = append(vision, b.linear(fmt.Sprintf(nameDeepCoupling, i), p))
	}
	b.promptImages(vision)
	b.promptText(deep)
	return b.cosine(b.image(), b.text())
}

// checkDepth checks a number of prompted blocks against both towers.
func checkDepth(depth int, c weights.Config) error {
	if err := imagetower.CheckPrompts(c); err != nil {
		return err
	}
	if most := min(c.Text.Layers, c.Vision.Layers); depth < 1 || depth > most {
		return fmt.Errorf("depth %d: the model's towers take 1 to %d", depth, most)
	}
	return nil
}
