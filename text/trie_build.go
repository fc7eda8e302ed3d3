package text

// growingTrie is a trie while prompts are being added: nodes in order of
// creation, siblings linked in that order.
type growingTrie struct {
	token, parent, depth           []int32
	firstChild, lastChild, sibling []int32
	child                          map[uint64]int32 // parent+1 and token -> node
	firstRoot, lastRoot            int32
}

func newGrowingTrie(tokens int) *growingTrie {
	return &growingTrie{child: make(map[uint64]int32, min(tokens, 1<<16)), firstRoot: -1, lastRoot: -1}
}

// insert adds a prompt and returns the node of its last token.
func (g *growingTrie) insert(prompt []int32) int32 {
	at := int32(-1)
	for depth, token := range prompt {
		key := pairKey(at+1, token)
		next, ok := g.child[key]
		if !ok {
			next = g.add(at, token, int32(depth))
			g.child[key] = next
		}
		at = next
	}
	return at
}

func (g *growingTrie) add(parent, token, depth int32) int32 {
	node := int32(len(g.token))
	g.token = append(g.token, token)
	g.parent = append(g.parent, parent)
	g.depth = append(g.depth, depth)
	g.firstChild = append(g.firstChild, -1)
	g.lastChild = append(g.lastChild, -1)
	g.sibling = append(g.sibling, -1)

	first, last := &g.firstRoot, &g.lastRoot
	if parent >= 0 {
		first, last = &g.firstChild[parent], &g.lastChild[parent]
	}
	if *last < 0 {
		*first = node
	} else {
		g.sibling[*last] = node
	}
	*last = node
	return node
}

// depthFirst numbers the nodes anew, depth first, and returns the trie whose
// prompts end at the old nodes eot.
func (g *growingTrie) depthFirst(eot []int32) *Trie {
	n := len(g.token)
	t := &Trie{
		Token:  make([]int32, 0, n),
		Parent: make([]int32, 0, n),
		Depth:  make([]int32, 0, n),
		End:    make([]int32, n),
		EOT:    make([]int32, len(eot)),
	}
	number := make([]int32, n) // old node -> new node
	for at := g.firstRoot; at >= 0; {
		number[at] = int32(len(t.Token))
		parent := g.parent[at]
		if parent >= 0 {
			parent = number[parent]
		}
		t.Token = append(t.Token, g.token[at])
		t.Parent = append(t.Parent, parent)
		t.Depth = append(t.Depth, g.depth[at])
		at = g.following(at, func(left int32) { t.End[number[left]] = int32(len(t.Token)) })
	}
	for i, e := range eot {
		t.EOT[i] = number[e]
	}
	return t
}

// following returns the node after at in depth-first order, -1 at the end,
// and calls leave for every node whose descendants are then all visited.
func (g *growingTrie) following(at int32, leave func(int32)) int32 {
	if child := g.firstChild[at]; child >= 0 {
		return child
	}
	for at >= 0 {
		leave(at)
		if s := g.sibling[at]; s >= 0 {
			return s
		}
		at = g.parent[at]
	}
	return -1
}
