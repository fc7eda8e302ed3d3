package vit

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/tower"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// Tower is the graph of the image tower: images [B, 3, S, S], preprocessed, to
// features [B, D], not normalised. p holds the parameters by their OpenAI
// names, such as "visual.conv1.weight". With train the graph is one that
// gradients can be taken of.
func Tower(g *graph.Graph, p tower.Scope, c weights.Config, images *graph.Node, train bool) *graph.Node {
	v := c.Vision
	p = p.Sub("visual")
	patches := ops.MatMul(g, ops.Patchify(g, images, v.Patch), p.Get("conv1.weight"), false, true, 1)
	x := ops.Tokens(g, patches, p.Get("class_embedding"), p.Get("positional_embedding"))
	x = tower.Norm(g, p, "ln_pre", x)
	tokens := v.Grid()*v.Grid() + 1
	blocks := tower.Blocks{Layers: v.Layers, Act: tower.Act(c.Activation), Train: train,
		Attend: func(qkv *graph.Node) *graph.Node { return ops.Attention(g, qkv, tokens, v.Heads) }}
	x = blocks.Apply(g, p.Sub("transformer"), x, classRows(g, images.Shape()[0], tokens))
	return tower.Head(g, p, x, "ln_post", "proj")
}

// classRows is a leaf with the row of each image's class token.
func classRows(g *graph.Graph, batch, tokens int) *graph.Node {
	rows := make([]int32, batch)
	for i := range rows {
		rows[i] = int32(i * tokens)
	}
	n := g.Input("class token rows", tensor.Int32, batch)
	if err := g.Set(n, rows); err != nil {
		g.Fail("%w", err)
	}
	return n
}
