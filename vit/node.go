package vit

import (
	"clipcalib/internal/device"
	"clipcalib/internal/graph"
	"clipcalib/internal/imagetower"
	"clipcalib/internal/tower"

	"gorgonia.org/gorgonia"
)

// Node puts the image tower into a graph of one's own: images, a node
// [B, 3, S, S] of preprocessed pixels, to features [B, D], not normalised. The
// tower's parameters are frozen, and the pixels get no gradient. The graph must
// be on the encoder's device, and not run after the encoder is closed. What is
// wrong is an error of the graph, reported where it is compiled.
func (e *Encoder) Node(images *gorgonia.Node) *gorgonia.Node { return e.PromptNode(images) }

// PromptNode is Node with learned prompts, as in visual prompt tuning (Jia et
// al., 2022): prompts[0], [M, W], become M tokens behind the patches of every
// image, and prompts[i], [M, W], replace their states at the input of block i.
// Gradients flow to the prompts.
func (e *Encoder) PromptNode(images *gorgonia.Node, prompts ...*gorgonia.Node) *gorgonia.Node {
	return graph.Build("image tower", func(g *graph.Graph) *graph.Node {
		s := e.config.Vision.ImageSize
		if shape := images.Shape(); len(shape) != 4 || shape[1] != 3 || shape[2] != s || shape[3] != s {
			g.Fail("image tower: images have shape %v: want [B, 3, %d, %d]", shape, s, s)
			return images
		}
		for i, p := range prompts {
			shape := p.Shape()
			if err := imagetower.CheckPrompts(e.config); err != nil {
				g.Fail("image tower: %w", err)
				return images
			}
			if len(shape) != 2 || shape[1] != e.config.Vision.Width || shape[0] != prompts[0].Shape()[0] {
				g.Fail("image tower: prompts %d have shape %v: want [M, %d], M the same in all blocks",
					i, shape, e.config.Vision.Width)
				return images
			}
		}
		if g.Engine != device.Engine(e.device) {
			g.Fail("image tower: the graph is on another device than the encoder, %s", e.device)
			return images
		}
		return imagetower.WithPrompts(g, tower.Of(g, e), e.config, images, prompts)
	}, append([]*gorgonia.Node{images}, prompts...)...)
}
