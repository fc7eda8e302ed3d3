package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
)

// Pixels is [Patchify] of images that are bytes still: pixels is int32
// [B, engine.PixelWords(side)], each row the bytes of [3, side, side], and table
// [3, 256] holds the value of every byte by channel. A picture is a quarter of
// the memory of its floats on the way to the device, and the values are those
// of the table, so results are the same.
func Pixels(g *graph.Graph, pixels, table *Node, side, patch, columns int) *Node {
	if g.Err() != nil {
		return pixels
	}
	s := pixels.Shape()
	if patch <= 0 || side <= 0 || side%patch != 0 || len(s) != 2 || s[1] != engine.PixelWords(side) ||
		size(table) != 3*256 || columns < 3*patch*patch {
		g.Fail("pixels: %v with a table %v are not images of %d x %d in patches of %d and rows of %d", s, table.Shape(),
			side, side, patch, columns)
		return pixels
	}
	n := side / patch
	return g.Apply(graph.Op{
		Name:       "pixels",
		Out:        shape(s[0]*n*n, columns),
		Float16Out: true,
		Run:        func(c graph.Call) error { return c.Engine.Pixels(c.Out, c.In[0], c.In[1], side, patch) },
	}, pixels, table)
}
