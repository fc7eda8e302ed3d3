package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// rows checks the kernels that move rows.
func (b *bench) rows() {
	for _, s := range [][3]int{{1, 1, 1}, {5, 9, 3}, {40, 100, 65}, {40, 300, 65}, {3, 300, 300}} {
		rows, n, w := s[0], s[1], s[2]
		in := []array{b.normal(rows, w), b.normal(n, w), b.indices(n, -1, rows)}
		one := func(what string, k kernel, shapes ...[]int) {
			b.Helper()
			b.same(fmt.Sprint(what, " ", s), in, k, shapes...)
		}
		one("Gather", func(e engine.Engine, i, o tensors) error { return e.Gather(o[0], i[0], i[2]) }, sh(n, w))
		one("ScatterAdd", func(e engine.Engine, i, o tensors) error { return e.ScatterAdd(o[0], i[1], i[2]) },
			sh(rows, w))
		one("AddRows", func(e engine.Engine, i, o tensors) error { return e.AddRows(o[0], i[1], i[0], i[2]) }, sh(n, w))
		one("Concat", func(e engine.Engine, i, o tensors) error { return e.Concat(o[0], i[0], i[1], i[0]) },
			sh(2*rows+n, w))
		one("Concat of two", func(e engine.Engine, i, o tensors) error { return e.Concat(o[0], i[0], i[1]) },
			sh(rows+n, w))
		one("Slice", func(e engine.Engine, i, o tensors) error { return e.Slice(o[0], i[1], n/2) }, sh(n-n/2, w))
		one("Slice from a third", func(e engine.Engine, i, o tensors) error { return e.Slice(o[0], i[1], n/3) },
			sh(n-n/3, w))
		one("PadRows", func(e engine.Engine, i, o tensors) error { return e.PadRows(o[0], i[1], 2) }, sh(n+5, w))
		one("PadRows whole", func(e engine.Engine, i, o tensors) error { return e.PadRows(o[0], i[1], 0) }, sh(n, w))
		one("Transpose", func(e engine.Engine, i, o tensors) error { return e.Transpose(o[0], i[1]) }, sh(w, n))
	}
}
