package nn

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// Gather returns the rows of table [N, W] that idx, int32 [M], names, [M, W]; a
// negative index gives a row of zeros. The gradient of a row that is named twice
// is the sum; idx gets none.
func Gather(table, idx *Node) *Node {
	return build("gather", func(g *graph.Graph) *Node { return ops.Gather(g, table, idx) }, table, idx)
}

// Slice returns the n rows of x that begin at row from.
func Slice(x *Node, from, n int) *Node {
	return build("slice", func(g *graph.Graph) *Node { return ops.Slice(g, x, from, n) }, x)
}

// Concat returns the rows of the parts, all of one width, one part after the
// other.
func Concat(parts ...*Node) *Node {
	return build("concat", func(g *graph.Graph) *Node { return ops.Concat(g, parts...) }, parts...)
}
