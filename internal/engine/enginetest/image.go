package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// image checks patches, in rows of their length and wider ones, and tokens.
func (b *bench) image() {
	for _, s := range [][3]int{{1, 2, 2}, {1, 4, 2}, {2, 12, 3}, {3, 12, 4}, {2, 28, 7}, {2, 32, 16}, {3, 32, 8}} {
		batch, side, patch := s[0], s[1], s[2]
		n := side / patch * (side / patch)
		for _, extra := range []int{0, 1, 4} {
			b.same(fmt.Sprint("Patchify ", s, extra), []array{b.normal(batch, 3, side, side)},
				func(e engine.Engine, i, o tensors) error {
					return e.Patchify(o[0], i[0], patch)
				}, sh(batch*n, 3*patch*patch+extra))
		}
		for _, w := range []int{10, 3 * patch * patch} {
			in := []array{b.normal(batch*n, w), b.normal(w), b.normal(n+1, w), b.normal(batch*(n+1), w)}
			b.same("Tokens", in, func(e engine.Engine, i, o tensors) error {
				return e.Tokens(o[0], i[0], i[1], i[2])
			}, sh(batch*(n+1), w))
			b.same("TokensGrad", in, func(e engine.Engine, i, o tensors) error {
				return e.TokensGrad(o[0], o[1], o[2], i[3], batch)
			}, sh(batch*n, w), sh(w), sh(n+1, w))
			b.same("TokensGrad of the class", in, func(e engine.Engine, i, o tensors) error {
				return e.TokensGrad(nil, o[0], nil, i[3], batch)
			}, sh(w))
		}
	}
}
