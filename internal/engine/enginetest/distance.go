package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// distance checks the weighted squared distance, with and without its gradient.
func (b *bench) distance() {
	b.expect(losses)
	for _, s := range logitShapes {
		in := []array{b.logits(s[0], s[1]), b.normal(s[0], s[1]), b.normal(s[0])}
		b.same(fmt.Sprint("SquareDistance ", s), in, func(e engine.Engine, i, o tensors) error {
			return e.SquareDistance(o[0], o[1], i[0], i[1], i[2])
		}, sh(1), sh(s[0], s[1]))
		b.same(fmt.Sprint("SquareDistance alone ", s), in, func(e engine.Engine, i, o tensors) error {
			return e.SquareDistance(o[0], nil, i[0], i[1], i[2])
		}, sh(1))
	}
}
