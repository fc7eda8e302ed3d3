package prompt

import (
	"fmt"
	"math"

	"clipcalib/adapt"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/text"
	"clipcalib/weights"
)

// PromptSRC learns prompts in both towers, independent of each other, and holds
// them back in three ways: text features near those of many templates, image
// features near the frozen tower's, logits near the logits of both; and it
// keeps an average of the epochs' prompts under a bell curve (Khattak et al.,
// "Self-regulating Prompts", 2023).
type PromptSRC struct {
	// Contexts is the number of vectors in the text; 0 means 4.
	Contexts int `set:"vectors" default:"4" range:">=1" from:"the paper" help:"learned vectors"`
	// Init is the phrase they start from; "" means "a photo of a".
	Init string `set:"context" default:"a photo of a" from:"the paper" help:"phrase that the vectors start from"`
	// VisionContexts is the number of vectors among the image's patches; 0 means 4.
	VisionContexts int `set:"vision-vectors" default:"4" range:">=1" from:"the paper" help:"vectors among the patches"`
	// Depth is the number of blocks with prompts of their own; 0 means 3.
	Depth int `set:"depth" default:"3" range:">=1" from:"the release" help:"blocks with prompts of their own"`
	// TextWeight and ImageWeight are those of the features' mean distances; 0
	// means 25 and 10.
	TextWeight  float64 `set:"text-weight" default:"25" range:">=0" from:"the paper" help:"weight of the text features"`
	ImageWeight float64 `set:"image-weight" default:"10" range:">=0" from:"the paper" help:"weight of the image features"`
	// Mean and Deviation are those of the bell curve over the epochs, counted
	// from 1; 0 means 6 and 10.
	Mean      float64 `set:"mean" default:"6" from:"the release" help:"epoch at the top of the averaging curve"`
	Deviation float64 `set:"deviation" default:"10" range:">0" from:"the release" help:"its width in epochs"`
	// Templates make the text teacher; nil means OpenAI's 80.
	Templates []string `set:"templates" default:"auto: OpenAI's 80" from:"the release" help:"prompts of the text teacher"`
}

// PromptSRC's tensors.
const (
	nameVision     = "image_encoder.VPT"
	nameDeepVision = "image_encoder.transformer.resblocks.%d.VPT_shallow"
	nameDeepWords  = "text_encoder.transformer.resblocks.%d.VPT_shallow"
)

// Name is "promptsrc".
func (PromptSRC) Name() string { return "promptsrc" }

// Choices says in words what the method's settings are.
func (m PromptSRC) Choices() []string {
	mean, deviation := m.curve()
	return []string{
		fmt.Sprintf("prompts: %s, and %d vectors among the patches, in the first %d blocks of both towers",
			m.contexts(), m.visionContexts(), m.depth()),
		fmt.Sprintf("self-regulation: weights %g on text and %g on image features, "+
			"divergence from the teacher's logits over batch and classes", m.textWeight(), m.imageWeight()),
		fmt.Sprintf("teacher: mean text feature of %d templates", len(m.templates())),
		fmt.Sprintf("prompts averaged over epochs, weights normal with mean %g, deviation %g", mean, deviation),
	}
}

func (m PromptSRC) depth() int           { return adapt.Resolved(m).Depth }
func (m PromptSRC) visionContexts() int  { return adapt.Resolved(m).VisionContexts }
func (m PromptSRC) textWeight() float64  { return adapt.Resolved(m).TextWeight }
func (m PromptSRC) imageWeight() float64 { return adapt.Resolved(m).ImageWeight }

func (m PromptSRC) curve() (mean, deviation float64) {
	r := adapt.Resolved(m)
	return r.Mean, r.Deviation
}

func (m PromptSRC) templates() []string {
	if m.Templates == nil {
		return text.TemplatesOpenAI()
	}
	return m.Templates
}

// recipe is that of the cross-dataset experiments.
func (PromptSRC) recipe() recipe { return recipe{lr: 0.0025, epochs: 20, batch: 4} }

func (m PromptSRC) contexts() contexts {
	r := adapt.Resolved(m)
	return contexts{count: r.Contexts, phrase: r.Init, keepRest: true}
}

func (PromptSRC) prompted() {}

func (m PromptSRC) layout(c weights.Config, n, k int) ([]slot, error) {
	if err := checkDepth(m.depth(), c); err != nil {
		return nil, err
	}
	if m.VisionContexts < 0 {
		return nil, fmt.Errorf("%d vectors among the patches: use 1 or more", m.VisionContexts)
	}
	v := []int{m.visionContexts(), c.Vision.Width}
	out := append(m.contexts().layout(c, n, k), slot{name: nameVision, shape: v, from: fromNoise})
	for i := 1; i < m.depth(); i++ {
		out = append(out,
			slot{name: fmt.Sprintf(nameDeepWords, i), shape: []int{n, c.Text.Width}, from: fromNoise},
			slot{name: fmt.Sprintf(nameDeepVision, i), shape: v, from: fromNoise})
	}
	return out, nil
}

func (m PromptSRC) logits(b *builder) *graph.Node {
	vision := []*graph.Node{b.param(nameVision)}
	var deep []*graph.Node
	for i := 1; i < m.depth(); i++ {
		vision = append(vision, b.param(fmt.Sprintf(nameDeepVision, i)))
		deep = append(deep, b.param(fmt.Sprintf(nameDeepWords, i)))
	}
	b.promptImages(vision)
	b.promptText(deep)
	return b.cosine(b.image(), b.text())
}

func (m PromptSRC) regulariser(b *builder, logits *graph.Node) *graph.Node {
	g := b.g
	words := ops.MeanAbs(g, b.text(), b.teacher())
	image := ops.MeanAbs(g, b.image(), b.frozenImage())
	loss := ops.Axpby(g, float32(m.textWeight()), words, float32(m.imageWeight()), image)
	divergence := ops.Divergence(g, logits, b.cosine(b.frozenImage(), b.teacher()))
	return ops.Axpby(g, 1, loss, 1/float32(b.classes()), divergence)
}

// epochWeights is a normal density at the epochs, counted from 1, made to sum
// to 1.
func (m PromptSRC) epochWeights(epochs int) []float64 {
	mean, deviation := m.curve()
	out := make([]float64, epochs)
	top := math.Inf(-1)
	for i := range out {
		z := (float64(i+1) - mean) / deviation
		out[i] = -z * z / 2
		top = max(top, out[i])
	}
	sum := 0.0
	for i, e := range out {
		out[i] = math.Exp(e - top) // so that a far mean leaves one weight at least
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
