package adapt

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// resident stands for a training's features on a device with memory of its
// own, so that a step sends the numbers of its rows in place of the rows.
type resident struct {
	g    *graph.Graph
	raw  Matrix
	unit func() Matrix
	rows *gorgonia.Node
	buf  []int32
}

// spare is how many times the features' memory must be free for them to stay
// on the device: once for them as they are, once at unit length, and the rest
// for the training itself.
const spare = 8

// keep makes the batch take its inputs from features held by the device, if
// that has ample memory; unit gives them at unit length. It must come before any
// input is asked for.
func (b *Batch) keep(features Matrix, unit func() Matrix) {
	e, ok := b.dev.engine.(engine.Bounded)
	if !ok || e.Reserve(spare*4*int64(len(features.Data))) != nil {
		return
	}
	rows := b.g.Input("rows", tensor.Int32, b.rows)
	b.resident = &resident{g: b.g, raw: features, unit: unit, rows: rows, buf: make([]int32, b.rows)}
}

func (r *resident) gather(name string, m Matrix) *gorgonia.Node {
	return ops.Gather(r.g, ops.Constant(r.g, name, m.Data, m.Rows, m.Cols), r.rows)
}

// feed sets the rows of a batch; past the end of the list the first repeats.
func (r *resident) feed(rows []int) error {
	for i := range r.buf {
		r.buf[i] = int32(rows[0])
		if i < len(rows) {
			r.buf[i] = int32(rows[i])
		}
	}
	return r.g.Set(r.rows, r.buf)
}
