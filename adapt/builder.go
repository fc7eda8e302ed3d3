package adapt

import (
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/tensor"
)

// held is a state's matrices on an engine, shared by every graph that is built
// of it.
type held struct {
	engine  engine.Engine
	tensors map[string]*tensor.Dense
	labels  *tensor.Dense // of the cache, int32
}

// nameUnitPrototypes names the prototypes scaled to unit length.
const nameUnitPrototypes = namePrototypes + " of unit length"

func newHeld(e engine.Engine, s *state) (*held, error) {
	d := &held{engine: e, tensors: map[string]*tensor.Dense{}}
	for _, group := range []map[string]Matrix{s.fixed, s.params} {
		for name, m := range group {
			if err := d.upload(name, m); err != nil {
				d.close()
				return nil, err
			}
		}
	}
	if err := d.prepare(s); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *held) upload(name string, m Matrix) error {
	t, err := d.engine.New(tensor.Float32, m.Rows, m.Cols)
	if err != nil {
		return fmt.Errorf("memory for %s: %w", name, err)
	}
	d.tensors[name] = t
	if err := d.engine.Upload(t, m.Data); err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	return nil
}

// prepare derives what does not change: normalised prototypes, labels.
func (d *held) prepare(s *state) error {
	p := d.tensors[namePrototypes]
	unit, err := d.engine.New(tensor.Float32, p.Shape()...)
	if err != nil {
		return fmt.Errorf("memory for prototypes: %w", err)
	}
	d.tensors[nameUnitPrototypes] = unit
	if err := d.engine.L2Normalize(unit, p); err != nil {
		return fmt.Errorf("normalise prototypes: %w", err)
	}
	if len(s.labels) == 0 {
		return nil
	}
	if d.labels, err = d.engine.New(tensor.Int32, len(s.labels)); err != nil {
		return fmt.Errorf("memory for labels: %w", err)
	}
	return d.engine.Upload(d.labels, int32s(s.labels))
}

// download copies a tensor back to its matrix.
func (d *held) download(name string, m Matrix) error {
	if err := d.engine.Download(m.Data, d.tensors[name]); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func (d *held) close() {
	for _, t := range d.tensors {
		d.engine.Release(t)
	}
	if d.labels != nil {
		d.engine.Release(d.labels)
	}
}

// builder builds a method's logits for one batch size. Inputs appear when a
// method asks for them, so that only those are fed.
type builder struct {
	g       *graph.Graph
	dev     *held
	batch   int
	width   int
	classes int
	scale   float32
	compat  Compat

	leaves           map[string]*graph.Node
	rawIn, unitIn    *graph.Node
	rawBuf, unitBuf  []float32
	cacheLabelLeaves *graph.Node
	resident         *resident // unless batches are sent
}

func newBuilder(dev *held, batch int, scale float64, compat Compat) *builder {
	s := dev.tensors[namePrototypes].Shape()
	return &builder{
		g: graph.New(dev.engine), dev: dev, batch: batch, classes: s[0], width: s[1],
		scale: float32(scale), compat: compat, leaves: map[string]*graph.Node{},
	}
}

// raw is the batch of features as they are, [B, D].
func (b *builder) raw() *graph.Node {
	if b.rawIn == nil && b.resident != nil {
		b.rawIn = b.resident.gather("features", b.resident.raw)
	}
	if b.rawIn == nil {
		b.rawIn = b.g.Input("features", tensor.Float32, b.batch, b.width)
		b.rawBuf = make([]float32, b.batch*b.width)
	}
	return b.rawIn
}

// unit is the batch of features scaled to unit length, [B, D].
func (b *builder) unit() *graph.Node {
	if b.unitIn == nil && b.resident != nil {
		b.unitIn = b.resident.gather("unit features", b.resident.unit())
	}
	if b.unitIn == nil {
		b.unitIn = b.g.Input("unit features", tensor.Float32, b.batch, b.width)
		b.unitBuf = make([]float32, b.batch*b.width)
	}
	return b.unitIn
}

// param is a trained matrix.
func (b *builder) param(name string) *graph.Node { return b.leaf(name) }

// fixed is a matrix that does not train.
func (b *builder) fixed(name string) *graph.Node { return b.leaf(name) }

// prototypes are the text prototypes [K, D], not normalised.
func (b *builder) prototypes() *graph.Node { return b.leaf(namePrototypes) }

// unitPrototypes are the text prototypes scaled to unit length.
func (b *builder) unitPrototypes() *graph.Node { return b.leaf(nameUnitPrototypes) }

func (b *builder) leaf(name string) *graph.Node {
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

// cacheLabels are the classes of the cache's keys, int32 [N].
func (b *builder) cacheLabels() *graph.Node {
	if b.cacheLabelLeaves == nil {
		if b.dev.labels == nil {
			b.g.Fail("the adapter has no labels for its cache")
			return b.g.Input("missing labels", tensor.Int32, 1)
		}
		b.cacheLabelLeaves = b.g.Leaf("cache labels", b.dev.labels)
	}
	return b.cacheLabelLeaves
}

// cosine is scale times the cosine of unit features x and class vectors w.
func (b *builder) cosine(x, w *graph.Node) *graph.Node {
	if w == b.leaves[nameUnitPrototypes] {
		return ops.Logits(b.g, x, w, b.scale)
	}
	return ops.Logits(b.g, x, ops.L2Normalize(b.g, w), b.scale)
}

// feed sets the inputs to the given rows of the features; unit holds the same
// rows at unit length. Rows past the end of the list repeat the first.
func (b *builder) feed(raw, unit Matrix, rows []int) error {
	if b.resident != nil {
		return b.resident.feed(rows)
	}
	for _, in := range []struct {
		node *graph.Node
		buf  []float32
		from Matrix
	}{{b.rawIn, b.rawBuf, raw}, {b.unitIn, b.unitBuf, unit}} {
		if in.node == nil {
			continue
		}
		for i := range b.batch {
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

func int32s(values []int) []int32 {
	out := make([]int32, len(values))
	for i, v := range values {
		out[i] = int32(v)
	}
	return out
}
