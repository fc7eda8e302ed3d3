package ops

import "clipcalib/internal/graph"

// TreeAttention lets every node of a token trie attend to itself and its
// ancestors: qkv [N, 3W], tree int32 [3, N] (parent, depth, end), result [N, W].
func TreeAttention(g *graph.Graph, qkv, tree *Node, heads int) *Node {
	if g.Err() != nil {
		return qkv
	}
	if !tree.Shape().Eq(shape(3, rows(qkv))) {
		g.Fail("tree attention: tree %v does not fit %d nodes", tree.Shape(), rows(qkv))
	}
	return attention(g, "tree attention", qkv, heads, tree, true,
		func(c graph.Call) error { return c.Engine.TreeAttention(c.Out, c.In[0], c.In[1], heads) },
		func(c graph.Call) error {
			return c.Engine.TreeAttentionGrad(c.Out, c.In[0], c.In[1], c.In[2], c.In[3], heads)
		})
}
