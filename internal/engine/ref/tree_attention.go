package ref

import (
	"fmt"

	"gorgonia.org/tensor"
)

func treeKeys(parent []int32) keys {
	return func(i int) []int {
		var ks []int
		for j := i; j >= 0; j = int(parent[j]) {
			ks = append(ks, j)
		}
		return ks
	}
}

// deepest is how many nodes a path may have.
const deepest = 128

// wantTrie checks a token trie in depth-first order.
func wantTrie(tree *tensor.Dense, n int) error {
	if err := wantInts("token trie", tree, 3*n); err != nil {
		return err
	}
	t := i32(tree)
	parent, depth, end := t[:n], t[n:2*n], t[2*n:]
	for i := range parent {
		p, over := int(parent[i]), i+1
		for over < n && depth[over] > depth[i] {
			over++
		}
		switch {
		case depth[i] < 0 || depth[i] >= deepest:
			return fmt.Errorf("token trie: node %d has depth %d, the most is %d", i, depth[i], deepest-1)
		case p < -1 || p >= i || p < 0 && depth[i] != 0 || p >= 0 && (depth[i] != depth[p]+1 || int(end[p]) <= i):
			return fmt.Errorf("token trie: node %d of depth %d does not follow its parent %d in depth-first order", i,
				depth[i], p)
		case int(end[i]) != over:
			return fmt.Errorf("token trie: node %d ends at %d, its last descendant before %d", i, end[i], over)
		}
	}
	return nil
}

// TreeAttention attends to the ancestors.
func (e *Engine) TreeAttention(out, qkv, tree *tensor.Dense, heads int) error {
	n, _ := dims(qkv)
	if err := first(projected(qkv, heads, out), wantTrie(tree, n)); err != nil {
		return err
	}
	return attend(out, qkv, heads, treeKeys(i32(tree)[:n]))
}

// TreeAttentionGrad writes the gradient of TreeAttention.
func (e *Engine) TreeAttentionGrad(dqkv, qkv, out, dout, tree *tensor.Dense, heads int) error {
	n, _ := dims(qkv)
	if err := first(projected(qkv, heads, out, dout), alike(qkv, dqkv), wantTrie(tree, n)); err != nil {
		return err
	}
	return attendGrad(dqkv, qkv, dout, heads, treeKeys(i32(tree)[:n]))
}
