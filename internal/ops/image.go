package ops

import (
	"clipcalib/internal/graph"
)

// Patchify cuts images [B, 3, S, S] into rows [B*(S/patch)^2, columns], so that
// the patch embedding's convolution is one product with the weight flattened to
// [W, columns]. Columns behind the first 3*patch*patch are zeros.
func Patchify(g *graph.Graph, images *Node, patch, columns int) *Node {
	if g.Err() != nil {
		return images
	}
	s := images.Shape()
	if len(s) != 4 || s[1] != 3 || s[2] != s[3] || patch <= 0 || s[2]%patch != 0 || columns < 3*patch*patch {
		g.Fail("patches: images %v cannot be cut into patches of %d in rows of %d", s, patch, columns)
		return images
	}
	n := s[2] / patch
	return g.Apply(graph.Op{
		Name:       "patches",
		Out:        shape(s[0]*n*n, columns),
		Float16Out: true,
		Run:        func(c graph.Call) error { return c.Engine.Patchify(c.Out, c.In[0], patch) },
	}, images)
}

// Tokens prepends the class embedding cls [W] to each image's patches
// [B*n, W] and adds the positions pos [n+1, W]; the result is [B*(n+1), W].
func Tokens(g *graph.Graph, patches, cls, pos *Node) *Node {
	if g.Err() != nil {
		return patches
	}
	n := rows(pos) - 1
	if n < 1 || rows(patches)%n != 0 || size(cls) != cols(patches) || cols(pos) != cols(patches) {
		g.Fail("tokens: patches %v, class embedding %v and positions %v do not fit", patches.Shape(), cls.Shape(),
			pos.Shape())
		return patches
	}
	batch := rows(patches) / n
	return g.Apply(graph.Op{
		Name:       "tokens",
		Out:        shape(batch*(n+1), cols(patches)),
		Float16Out: true, Float16In: []int{0},
		Run: func(c graph.Call) error { return c.Engine.Tokens(c.Out, c.In[0], c.In[1], c.In[2]) },
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, need []bool) []*Node {
			d := make([]*Node, 3)
			for i := range d {
				if !need[i] {
					continue
				}
				d[i] = g.Apply(graph.Op{
					Name: "tokens gradient",
					Out:  in[i].Shape(),
					Run: func(c graph.Call) error {
						switch i {
						case 0:
							return c.Engine.TokensGrad(c.Out, nil, nil, c.In[0], batch)
						case 1:
							return c.Engine.TokensGrad(nil, c.Out, nil, c.In[0], batch)
						}
						return c.Engine.TokensGrad(nil, nil, c.Out, c.In[0], batch)
					},
				}, dy)
			}
			return d
		},
	}, patches, cls, pos)
}
