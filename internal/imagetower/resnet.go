package imagetower

import (
	"fmt"
	"strings"

	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/tower"
	"clipcalib/weights"
)

// resNet is the graph of CLIP's modified ResNet over pixels [B*S*S, C], a row a
// pixel: a stem of three convolutions, four stages of bottlenecks, whose sides
// are halved by averaging, and attention pooling with the mean as the one query.
// Batch norms are folded into the convolutions, see loadResNet.
func resNet(g *graph.Graph, p tower.Scope, c weights.Config, pixels *graph.Node) *graph.Node {
	side := c.Vision.ImageSize
	x := conv3x3(g, p, "conv1", pixels, side, 2)
	side /= 2
	x = conv3x3(g, p, "conv2", x, side, 1)
	x = ops.AvgPool(g, conv3x3(g, p, "conv3", x, side, 1), side)
	side /= 2
	for _, b := range c.Vision.Bottlenecks() {
		x = bottleneck(g, p.Sub(strings.TrimPrefix(b.Name, "visual.")), b, x, side)
		if b.Halve {
			side /= 2
		}
	}
	return attentionPool(g, p.Sub("attnpool"), c, x)
}

// inferenceAlone refuses a graph that is to be differentiated.
func inferenceAlone(c weights.Config, train bool) error {
	if train {
		return fmt.Errorf("the image tower is a ResNet (%s), which is built for inference alone: no gradient can be "+
			"taken of it", c.Architecture())
	}
	return nil
}

// pixelChannels is the length of a pixel's row that the stem wants: 3, or more
// where zeros were added for the engine's sake.
func pixelChannels(p tower.Scope) int {
	s := p.Get("conv1.weight").Shape()
	return s[len(s)-1] / 9
}

func conv3x3(g *graph.Graph, p tower.Scope, name string, x *graph.Node, side, stride int) *graph.Node {
	return ops.Conv(g, x, p.Get(name+".weight"), p.Get(name+".bias"), side, stride, engine.ReLU)
}

func bottleneck(g *graph.Graph, p tower.Scope, b weights.Bottleneck, x *graph.Node, side int) *graph.Node {
	y := ops.Linear(g, x, p.Get("conv1.weight"), p.Get("conv1.bias"), nil, engine.ReLU)
	y = conv3x3(g, p, "conv2", y, side, 1)
	if b.Halve {
		x, y = ops.AvgPool(g, x, side), ops.AvgPool(g, y, side)
	}
	if b.Project {
		x = ops.Linear(g, x, p.Get("downsample.0.weight"), p.Get("downsample.0.bias"), nil, engine.Identity)
	}
	return ops.LinearReLU(g, y, p.Get("conv3.weight"), p.Get("conv3.bias"), x)
}

// attentionPool makes features [B, D] of the positions of the last stage.
func attentionPool(g *graph.Graph, p tower.Scope, c weights.Config, x *graph.Node) *graph.Node {
	tokens := c.Vision.Grid()*c.Vision.Grid() + 1
	x = ops.PoolTokens(g, x, p.Get("positional_embedding"))
	batch := x.Shape()[0] / tokens
	linear := func(name string, x *graph.Node) *graph.Node {
		return ops.Linear(g, x, p.Get(name+".weight"), p.Get(name+".bias"), nil, engine.Identity)
	}
	mean := linear("q_proj", ops.Gather(g, x, classRows(g, batch, tokens)))
	kv := p.Sub("kv_proj")
	return linear("c_proj", ops.QueryPool(g, mean, x, kv.Get("weight"), kv.Get("bias"), c.Vision.Heads))
}
