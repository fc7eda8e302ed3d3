package adapt

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/tensor"
)

// composeLoss puts a classification loss and a remedy on logits [B, K]: the
// only place where the two meet. Labels are int32 [B], zsRange is [B, 2] or nil
// for remedies that do not use it.
func composeLoss(g *graph.Graph, l Loss, r Remedy, logits, labels, zsRange *graph.Node) *graph.Node {
	loss := l.build(g, r.inside(g, logits, zsRange), labels)
	if term := r.beside(g, logits, zsRange); term != nil {
		loss = ops.Add(g, loss, term)
	}
	return loss
}

// featureObjective is the objective of a method of features.
func featureObjective(t *task, s *state, dev *held, batch int) (Objective, error) {
	o := t.options
	b := newBuilder(dev, batch, o.LogitScale, o.Compat)
	b.keep(t.data.Features, t.unit)
	g := b.g
	labels := g.Input("labels", tensor.Int32, batch)
	var zs *graph.Node
	var ranges Matrix
	if t.remedy.usesRange() {
		var err error
		ranges, err = zeroShotRanges(t.ctx, dev.engine, t.unit(), t.data.Prototypes, batch, o.LogitScale)
		if err != nil {
			return Objective{}, err
		}
		zs = g.Input("zero-shot ranges", tensor.Float32, batch, 2)
	}
	loss := composeLoss(g, o.Loss, t.remedy, t.method.logits(b), labels, zs)
	if m, ok := t.method.(regularised); ok {
		loss = ops.Add(g, loss, m.regulariser(b))
	}
	obj := Objective{Device: o.Device, Graph: g, Loss: loss, State: map[string][]float32{}}
	if o.Checkpoint != "" {
		obj.Task = t.fingerprint(s)
	}
	for _, name := range keys(s.params) {
		obj.Params = append(obj.Params, Param{name, b.param(name), dev.tensors[name]})
	}
	var unit Matrix
	if b.unitBuf != nil {
		unit = t.unit()
	}
	y, r := make([]int32, batch), make([]float32, 2*batch)
	obj.Feed = func(rows []int) error {
		if err := b.feed(t.data.Features, unit, rows); err != nil {
			return err
		}
		for i, row := range rows {
			y[i] = int32(t.data.label(row))
		}
		if zs != nil {
			for i, row := range rows {
				copy(r[2*i:], ranges.Row(row))
			}
			if err := g.Set(zs, r); err != nil {
				return err
			}
		}
		return g.Set(labels, y)
	}
	t.betweenEpochs(&obj, s, dev)
	return obj, g.Err()
}

// betweenEpochs lets methods whose constants change do so.
func (t *task) betweenEpochs(obj *Objective, s *state, dev *held) {
	m, ok := t.method.(perEpoch)
	if !ok || len(m.changing()) == 0 {
		return
	}
	changing := m.changing()
	for _, name := range changing {
		obj.State[name] = s.fixed[name].Data
	}
	upload := func() error {
		for _, name := range changing {
			if err := dev.engine.Upload(dev.tensors[name], s.fixed[name].Data); err != nil {
				return err
			}
		}
		return nil
	}
	params := obj.Params
	obj.Resumed = upload
	obj.EndEpoch = func(int) error {
		for _, p := range params {
			if err := dev.download(p.Name, s.params[p.Name]); err != nil {
				return err
			}
		}
		m.endEpoch(s)
		return upload()
	}
}
