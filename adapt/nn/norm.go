package nn

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// LayerNorm normalises every row of x [N, W] to mean 0 and variance 1 and applies
// gamma and beta [W] (Ba et al., 2016), with CLIP's epsilon of 1e-5. All three
// get gradients.
func LayerNorm(x, gamma, beta *Node) *Node {
	return build("layer norm", func(g *graph.Graph) *Node { return ops.LayerNorm(g, x, gamma, beta) }, x, gamma, beta)
}

// L2Normalize gives every row of x unit length. A row of zeros stays zero, with a
// gradient of zero.
func L2Normalize(x *Node) *Node {
	return build("L2 normalise", func(g *graph.Graph) *Node { return ops.L2Normalize(g, x) }, x)
}

// DivNorm divides every row of x by tau times its norm plus 1e-7: the logits of
// LogitNorm (Wei et al., 2022).
func DivNorm(x *Node, tau float32) *Node {
	return build("LogitNorm", func(g *graph.Graph) *Node { return ops.DivNorm(g, x, tau) }, x)
}
