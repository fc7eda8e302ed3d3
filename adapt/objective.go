package adapt

import (
	"maps"
	"slices"

	"clipcalib/internal/ops"
	"clipcalib/internal/train"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// featureObjective is the objective of a method of features.
func featureObjective(t *Training, s *State, dev *held, batch int) (train.Objective, error) {
	o := t.options
	b := newBatch(dev, batch, o.LogitScale, o.Compat)
	b.keep(t.data.Features, t.UnitFeatures)
	g := b.g
	labels := g.Input("labels", tensor.Int32, batch)
	zs := zeroShotRows{training: t, batch: b}
	logits := b.logits(t.method)
	loss, terms := train.Compose(o.Loss, t.remedy, logits, labels, train.NewReference(zs.logits, zs.build), nil)
	if m, ok := t.method.(Regularised); ok {
		who := "method " + m.Name()
		term := train.OneOf(g, who, func() *gorgonia.Node { return m.Regulariser(b) })
		terms = append(terms, train.Term{What: who, Node: term})
		loss = ops.Add(g, loss, term)
	}
	if zs.err != nil {
		return train.Objective{}, zs.err
	}
	obj := train.Objective{Device: o.Device, Graph: g, Loss: loss, Terms: terms, Logits: logits,
		State: map[string][]float32{}}
	if o.Checkpoint != "" {
		obj.Identity = t.fingerprint(s) + " " + o.Loss.String()
	}
	for _, name := range slices.Sorted(maps.Keys(s.Trained)) {
		obj.Params = append(obj.Params, train.Param{Name: name, Node: b.Matrix(name), Value: dev.tensors[name]})
	}
	var unit Matrix
	if b.unitBuf != nil {
		unit = t.UnitFeatures()
	}
	y := make([]int32, batch)
	obj.Feed = func(rows []int) error {
		if err := b.feed(t.data.Features, unit, rows); err != nil {
			return err
		}
		for i, row := range rows {
			y[i] = int32(t.data.label(row))
		}
		if err := zs.feed(rows); err != nil {
			return err
		}
		return g.Set(labels, y)
	}
	t.betweenEpochs(&obj, s, dev)
	return obj, g.Err()
}

// betweenEpochs lets methods whose constants change do so.
func (t *Training) betweenEpochs(obj *train.Objective, s *State, dev *held) {
	m, ok := t.method.(perEpoch)
	if !ok || len(m.changing()) == 0 {
		return
	}
	changing := m.changing()
	for _, name := range changing {
		obj.State[name] = s.Fixed[name].Data
	}
	upload := func() error {
		for _, name := range changing {
			if err := dev.engine.Upload(dev.tensors[name], s.Fixed[name].Data); err != nil {
				return err
			}
		}
		return nil
	}
	params := obj.Params
	obj.Resumed = upload
	obj.EndEpoch = func(int) error {
		for _, p := range params {
			if err := dev.download(p.Name, s.Trained[p.Name]); err != nil {
				return err
			}
		}
		m.endEpoch(s)
		return upload()
	}
}

// zeroShotRows are the ranges of the zero-shot logits of a training's rows,
// computed once, where a remedy asks for them.
type zeroShotRows struct {
	training *Training
	batch    *Batch
	ranges   Matrix
	node     *gorgonia.Node
	buf      []float32
	err      error
}

// logits are the zero-shot logits of the batch, for remedies that look at more
// than the ranges.
func (z *zeroShotRows) logits() *gorgonia.Node {
	return z.batch.CosineLogits(z.batch.UnitFeatures(), z.batch.UnitPrototypes())
}

func (z *zeroShotRows) build() *gorgonia.Node {
	t, e, rows := z.training, z.batch.dev.engine, z.batch.rows
	scale := t.options.LogitScale
	z.ranges, z.err = zeroShotRanges(t.ctx, e, t.UnitFeatures(), t.data.Prototypes, rows, scale)
	if z.err != nil {
		z.batch.g.Fail("%w", z.err)
	}
	z.buf = make([]float32, 2*rows)
	z.node = z.batch.g.Input("zero-shot ranges", tensor.Float32, rows, 2)
	return z.node
}

func (z *zeroShotRows) feed(rows []int) error {
	if z.node == nil {
		return nil
	}
	for i, row := range rows {
		copy(z.buf[2*i:], z.ranges.Row(row))
	}
	return z.batch.g.Set(z.node, z.buf)
}
