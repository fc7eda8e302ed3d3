package cuda

import (
	"gorgonia.org/tensor"
)

// TreeAttention attends to ancestors in a token trie.
func (e *Engine) TreeAttention(out, qkv, tree *tensor.Dense, count int) error {
	if isNarrow(out) || isNarrow(qkv) {
		return e.widely(out, []*tensor.Dense{qkv}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.TreeAttention(out, in[0], tree, count)
		})
	}
	h, err := newHeads(qkv, count)
	if err := first(err, want(sized{"result", out, h.rows * h.width}), wantInts(sized{"token trie", tree, 3 * h.rows})); err != nil {
		return err
	}
	return e.launch(h.kernel("tree_attention"), h.nodes(), dims3{attentionBlock, 1, 1}, 0,
		out, qkv, tree, int32(h.rows), int32(h.width), int32(h.dim), h.scale, e.fault)
}

// TreeAttentionGrad differentiates TreeAttention.
func (e *Engine) TreeAttentionGrad(dqkv, qkv, out, dout, tree *tensor.Dense, count int) error {
	h, err := newHeads(qkv, count)
	if err := first(err, h.gradFits(dqkv, out, dout), wantInts(sized{"token trie", tree, 3 * h.rows})); err != nil {
		return err
	}
	logSum, delta, release, err := e.softmaxScratch(h)
	if err != nil {
		return err
	}
	defer release()
	rest := []any{int32(h.rows), int32(h.width), int32(h.dim), h.scale, e.fault}
	return first(
		e.launch(h.kernel("tree_attention_grad_q"), h.nodes(), dims3{attentionBlock, 1, 1}, 0,
			append([]any{dqkv, logSum, delta, qkv, out, dout, tree}, rest...)...),
		e.launch(h.kernel("tree_attention_grad_kv"), dims3{uint32(h.rows), uint32(h.count), 1}, dims3{warp, 1, 1}, 2*h.built*4,
			append([]any{dqkv, logSum, delta, qkv, dout, tree}, rest...)...))
}

// nodes is the grid of one thread a node and head.
func (h heads) nodes() dims3 {
	return dims3{uint32((h.rows + attentionBlock - 1) / attentionBlock), uint32(h.count), 1}
}
