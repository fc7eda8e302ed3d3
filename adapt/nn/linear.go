package nn

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// Linear returns x wᵀ + bias: x [M, K], w [N, K] as PyTorch's Linear stores it,
// bias [N] or nil; the result is [M, N]. All three get gradients.
func Linear(x, w, bias *Node) *Node { return LinearResidual(x, w, bias, nil) }

// LinearResidual is Linear with residual [M, N] added; nil adds nothing. For an
// activation in between, apply it to a [Linear] and [Add] the residual.
func LinearResidual(x, w, bias, residual *Node) *Node {
	return build("linear", func(g *graph.Graph) *Node {
		return ops.Linear(g, x, w, bias, residual, engine.Identity)
	}, with([]*Node{x, w}, bias, residual)...)
}

// MatMul returns scale * op(a) op(b), where op transposes its matrix if the flag
// is set. Both get gradients.
func MatMul(a, b *Node, transA, transB bool, scale float32) *Node {
	return build("matrix product", func(g *graph.Graph) *Node {
		return ops.MatMul(g, a, b, transA, transB, scale)
	}, a, b)
}

// Transpose returns xᵀ of a matrix.
func Transpose(x *Node) *Node {
	return build("transpose", func(g *graph.Graph) *Node { return ops.Transpose(g, x) }, x)
}

// CosineLogits returns scale times the cosines of the rows of x [B, D] and of t
// [K, D], [B, K]: CLIP's logits (Radford et al., 2021) of features x and class
// prototypes t. Rows need not be of unit length; one of zeros has cosine 0 with
// all and a gradient of 0. Both get gradients.
func CosineLogits(x, t *Node, scale float32) *Node {
	return build("cosine logits", func(g *graph.Graph) *Node {
		return ops.Logits(g, ops.L2Normalize(g, x), ops.L2Normalize(g, t), scale)
	}, x, t)
}

// Attention is multi-head self-attention (Vaswani et al., 2017) within sequences
// of tokens rows, without a mask: qkv [B*tokens, 3W] holds query, key and value
// side by side, heads splits W, scores are divided by sqrt(W/heads), and the
// result is [B*tokens, W].
func Attention(qkv *Node, tokens, heads int) *Node {
	return build("attention", func(g *graph.Graph) *Node { return ops.Attention(g, qkv, tokens, heads) }, qkv)
}
