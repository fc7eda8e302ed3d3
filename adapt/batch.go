package adapt

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/train"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Batch is what a method builds its logits of: the features of some samples,
// the text prototypes and the method's own matrices, as nodes of one graph.
// Inputs appear when a method asks for them, so that only those are fed.
type Batch struct {
	g       *graph.Graph
	dev     *held
	rows    int
	width   int
	classes int
	scale   float32
	compat  Compat

	leaves          map[string]*gorgonia.Node
	rawIn, unitIn   *gorgonia.Node
	rawBuf, unitBuf []float32
	labels          *gorgonia.Node // of the rows of a labelled slot
	resident        *resident      // unless batches are sent
}

func newBatch(dev *held, rows int, scale float64, compat Compat) *Batch {
	s := dev.tensors[namePrototypes].Shape()
	return &Batch{
		g: graph.New(dev.engine), dev: dev, rows: rows, classes: s[0], width: s[1],
		scale: float32(scale), compat: compat, leaves: map[string]*gorgonia.Node{},
	}
}

// Rows is the number of samples, B.
func (b *Batch) Rows() int { return b.rows }

// Classes is the number of classes, K.
func (b *Batch) Classes() int { return b.classes }

// Width is the width of the features, D.
func (b *Batch) Width() int { return b.width }

// LogitScale is the factor on the cosine.
func (b *Batch) LogitScale() float64 { return float64(b.scale) }

// Compat is the form of the methods that was asked for.
func (b *Batch) Compat() Compat { return b.compat }

// Features are the features of the batch as the image tower gives them, [B, D].
func (b *Batch) Features() *gorgonia.Node {
	if b.rawIn == nil && b.resident != nil {
		b.rawIn = b.resident.gather("features", b.resident.raw)
	}
	if b.rawIn == nil {
		b.rawIn = b.g.Input("features", tensor.Float32, b.rows, b.width)
		b.rawBuf = make([]float32, b.rows*b.width)
	}
	return b.rawIn
}

// UnitFeatures are the features of the batch scaled to unit length, [B, D].
func (b *Batch) UnitFeatures() *gorgonia.Node {
	if b.unitIn == nil && b.resident != nil {
		b.unitIn = b.resident.gather("unit features", b.resident.unit())
	}
	if b.unitIn == nil {
		b.unitIn = b.g.Input("unit features", tensor.Float32, b.rows, b.width)
		b.unitBuf = make([]float32, b.rows*b.width)
	}
	return b.unitIn
}

// Prototypes are the text prototypes [K, D], not normalised.
func (b *Batch) Prototypes() *gorgonia.Node { return b.Matrix(namePrototypes) }

// UnitPrototypes are the text prototypes scaled to unit length, [K, D].
func (b *Batch) UnitPrototypes() *gorgonia.Node { return b.Matrix(nameUnitPrototypes) }

// Matrix is the matrix of a slot of the method.
func (b *Batch) Matrix(name string) *gorgonia.Node {
	if n, ok := b.leaves[name]; ok {
		return n
	}
	t, ok := b.dev.tensors[name]
	if !ok {
		b.g.Fail("the adapter has no %s", name)
		return b.g.Input("missing "+name, tensor.Float32, 1)
	}
	n := b.g.Leaf(name, t)
	b.leaves[name] = n
	return n
}

// Labels are the classes of the rows of a labelled slot, int32 [N]; -1 stands
// for one that the adapter no longer has.
func (b *Batch) Labels() *gorgonia.Node {
	if b.labels == nil {
		if b.dev.labels == nil {
			b.g.Fail("the adapter has no labels for its cache")
			return b.g.Input("missing labels", tensor.Int32, 1)
		}
		b.labels = b.g.Leaf("cache labels", b.dev.labels)
	}
	return b.labels
}

// CosineLogits is the logit scale times the cosine of features x [B, D] of unit
// length and class vectors w [K, D] of any.
func (b *Batch) CosineLogits(x, w *gorgonia.Node) *gorgonia.Node {
	if w == b.leaves[nameUnitPrototypes] {
		return ops.Logits(b.g, x, w, b.scale)
	}
	return ops.Logits(b.g, x, ops.L2Normalize(b.g, w), b.scale)
}

// logits are the method's, checked.
func (b *Batch) logits(m Method) *gorgonia.Node {
	return train.Hook(b.g, "method "+m.Name(), []int{b.rows, b.classes}, func() *gorgonia.Node { return m.Logits(b) })
}

// feed sets the inputs to the given rows of the features; unit holds the same
// rows at unit length. Rows past the end of the list repeat the first.
func (b *Batch) feed(raw, unit Matrix, rows []int) error {
	if b.resident != nil {
		return b.resident.feed(rows)
	}
	for _, in := range []struct {
		node *gorgonia.Node
		buf  []float32
		from Matrix
	}{{b.rawIn, b.rawBuf, raw}, {b.unitIn, b.unitBuf, unit}} {
		if in.node == nil {
			continue
		}
		for i := range b.rows {
			r := rows[0]
			if i < len(rows) {
				r = rows[i]
			}
			copy(in.buf[i*b.width:(i+1)*b.width], in.from.Row(r))
		}
		if err := b.g.Set(in.node, in.buf); err != nil {
			return err
		}
	}
	return nil
}
