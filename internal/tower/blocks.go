package tower

import (
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/weights"
)

// Node is a value of a graph.
type Node = graph.Node

// Blocks describes the residual blocks of one tower, x + attention(norm(x))
// followed by x + mlp(norm(x)).
type Blocks struct {
	Layers int
	Act    engine.Act
	// Train keeps the value before the activation, which gradients need;
	// otherwise the activation is fused into the product before it.
	Train bool
	// Attend is the attention of the packed queries, keys and values [N, 3W].
	Attend func(qkv *Node) *Node
	// Before, unless nil, returns what goes into block i in place of x: deep
	// prompts replace the states of some rows. It is not called for block 0.
	Before func(i int, x *Node) *Node
}

// Apply runs the blocks over x [N, W], with parameters under "resblocks.i".
// Only the rows read (int32 [R], -1 for a row of zeros) are wanted afterwards,
// or all of them if read is nil: the result is [R, W]. So the last block's output projection and MLP, three
// quarters of its work, are done for those rows alone.
func (b Blocks) Apply(g *graph.Graph, p Scope, x, read *Node) *Node {
	for i := range b.Layers {
		if i > 0 && b.Before != nil {
			x = b.Before(i, x)
		}
		p := p.Sub(fmt.Sprintf("resblocks.%d", i))
		a := b.Attend(linear(g, p.Sub("attn"), "in_proj_", norm(g, p.Sub("ln_1"), x), nil, engine.Identity))
		if i == b.Layers-1 && read != nil {
			a, x = ops.Gather(g, a, read), ops.Gather(g, x, read)
		}
		x = linear(g, p.Sub("attn"), "out_proj.", a, x, engine.Identity)
		x = b.mlp(g, p.Sub("mlp"), norm(g, p.Sub("ln_2"), x), x)
	}
	return x
}

func (b Blocks) mlp(g *graph.Graph, p Scope, x, residual *Node) *Node {
	if b.Train {
		hidden := ops.Activate(g, linear(g, p, "c_fc.", x, nil, engine.Identity), b.Act)
		return linear(g, p, "c_proj.", hidden, residual, engine.Identity)
	}
	return ops.MLP(g, x, p.Get("c_fc.weight"), p.Get("c_fc.bias"), p.Get("c_proj.weight"), p.Get("c_proj.bias"),
		residual, b.Act)
}

func linear(g *graph.Graph, p Scope, layer string, x, residual *Node, act engine.Act) *Node {
	return ops.Linear(g, x, p.Get(layer+"weight"), p.Get(layer+"bias"), residual, act)
}

func norm(g *graph.Graph, p Scope, x *Node) *Node {
	return ops.LayerNormWith(g, x, p.Get("weight"), p.Get("bias"), p.eps)
}

// Head normalises x [R, W] by the layer norm named and multiplies it by the
// projection named [W, D]: the foot of both towers.
func Head(g *graph.Graph, p Scope, x *Node, layerNorm, projection string) *Node {
	return ops.MatMul(g, norm(g, p.Sub(layerNorm), x), p.Get(projection), false, false, 1)
}

// Norm is the layer norm named.
func Norm(g *graph.Graph, p Scope, name string, x *Node) *Node { return norm(g, p.Sub(name), x) }

// Act is the engine's name for a checkpoint's activation.
func Act(a weights.Activation) engine.Act {
	switch a {
	case weights.GELU:
		return engine.GELU
	case weights.ReLU:
		return engine.ReLU
	}
	return engine.QuickGELU
}
