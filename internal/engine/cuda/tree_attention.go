package cuda

import (
	"gorgonia.org/tensor"
)

// From tree_attention.cuh.
const (
	treeLanes   = 8   // LANES: of a node and head
	treeDeepest = 128 // DEEPEST
	treeHead16  = 64  // size of head of the kernels over 16-bit activations
)

// TreeAttention attends to ancestors in a token trie.
func (e *Engine) TreeAttention(out, qkv, tree *tensor.Dense, count int) error {
	h, err := newHeads(qkv, count)
	err = first(err, activations(sized{"result", out, h.rows * h.width}), wantInts(sized{"token trie", tree,
		3 * h.rows}))
	if err != nil {
		return err
	}
	if isFloat16(qkv) || isFloat16(out) {
		if h.dim > treeHead16 {
			return e.inFloat32(out, []*tensor.Dense{qkv}, func(out *tensor.Dense, in []*tensor.Dense) error {
				return e.TreeAttention(out, in[0], tree, count)
			})
		}
		h.built = treeHead16
	}
	return e.paths(e.variant(h.kernel("tree_attention"), qkv, out), h, out, qkv, tree, int32(h.rows), int32(h.width),
		int32(h.dim), h.scale, e.fault)
}

// TreeAttentionGrad differentiates TreeAttention.
func (e *Engine) TreeAttentionGrad(dqkv, qkv, out, dout, tree *tensor.Dense, count int) error {
	h, err := newHeads(qkv, count)
	n := h.rows * h.width
	err = first(err, activations(sized{"result", dqkv, 3 * n}, sized{"output", out, n}),
		want(sized{"gradient", dout, n}), wantInts(sized{"token trie", tree, 3 * h.rows}))
	if err != nil {
		return err
	}
	// The kernels know these: FOR_GRADIENT in tree_attention.cuh.
	narrow := isFloat16(qkv) || isFloat16(dqkv)
	if out.Dtype() != qkv.Dtype() || narrow && h.dim > treeHead16 || isFloat16(dqkv) &&
		(!isFloat16(qkv) || e.kind(dqkv) != BFloat) {
		return e.inFloat32(dqkv, []*tensor.Dense{qkv, out}, func(dqkv *tensor.Dense, in []*tensor.Dense) error {
			return e.TreeAttentionGrad(dqkv, in[0], in[1], dout, tree, count)
		})
	}
	if narrow {
		h.built = treeHead16
	}
	logSum, delta, release, err := e.softmaxScratch(h)
	if err != nil {
		return err
	}
	defer release()
	kernel := e.variant(h.kernel("tree_attention_grad_q"), qkv, dqkv)
	err = e.paths(kernel, h, dqkv, logSum, delta, qkv, out, dout, tree, int32(h.rows), int32(h.width), int32(h.dim),
		h.scale, e.fault)
	return first(err, e.descendants(h, dqkv, logSum, delta, qkv, dout, tree))
}

// paths queues a kernel that gives each node and head to a group of lanes.
func (e *Engine) paths(kernel string, h heads, args ...any) error {
	groups := blockThreads / treeLanes
	n := (h.rows*h.count + groups - 1) / groups
	return e.launch(kernel, dims3{uint32(n), 1, 1}, dims3{blockThreads, 1, 1}, 0, args...)
}

// descendants writes the gradient of keys and values, over chunks of the rows
// as many as fill a GPU, and adds up what belongs to one node.
func (e *Engine) descendants(h heads, dqkv *tensor.Dense, logSum, delta Ptr, qkv, dout, tree *tensor.Dense) error {
	const most, least = 64, 64 // chunks, rows of one
	chunk := max(least, (h.rows+most-1)/most)
	chunks := (h.rows + chunk - 1) / chunk
	partial, release, err := e.scratch(4 * int64(chunks) * 2 * treeDeepest * int64(h.count) * 2 * int64(h.built))
	if err != nil {
		return err
	}
	defer release()
	rows, width, dim := int32(h.rows), int32(h.width), int32(h.dim)
	block := dims3{blockThreads, 1, 1}
	err = e.launch(e.variant(h.kernel("tree_attention_grad_kv"), qkv, dqkv), dims3{uint32(chunks), uint32(h.count), 1},
		block, 0,
		dqkv, partial, logSum, delta, qkv, dout, tree, rows, width, dim, h.scale, e.fault, int32(chunk))
	if err != nil || chunks == 1 {
		return err
	}
	return e.launch(e.variant(h.kernel("tree_attention_grad_join"), dqkv, dqkv),
		dims3{uint32(chunks - 1), uint32(h.count), 1}, block, 0,
		dqkv, partial, tree, rows, width, dim, e.fault, int32(chunk))
}
