package graph

import "fmt"

// Blame puts who is at fault before the error of building, if there is one.
func (g *Graph) Blame(who string) {
	if g.err != nil {
		g.err = fmt.Errorf("%s: %w", who, g.err)
	}
}
