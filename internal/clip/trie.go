package clip

import (
	"clipcalib/internal/texttower"
	"clipcalib/text"
)

// Nodes is a trie as the graph of the text tower takes it.
func Nodes(t *text.Trie) texttower.Trie {
	n := texttower.Trie{Token: t.Token, Parent: t.Parent, Depth: t.Depth, End: t.End, EOT: t.EOT}
	return n.Split(text.ContextIndex)
}
