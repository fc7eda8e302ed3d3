package adapt

import (
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"

	"gorgonia.org/tensor"
)

// objective is a training loss over batches of rows. Whatever graph the logits
// come out of, the trainer needs no more than this.
type objective struct {
	g      *graph.Graph
	loss   *graph.Node
	params []parameter
	// grads are the gradients of the parameters; nil for those of the loss.
	grads []*graph.Node
	// feed sets the graph's inputs to the rows of one batch.
	feed func(rows []int) error
	// endEpoch, unless nil, runs after every epoch.
	endEpoch func() error
	// endStep, unless nil, runs after every step with the loss before it.
	endStep func(at position, loss float64)
}

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
func featureObjective(t *task, s *state, dev *device, batch int) (*objective, error) {
	o := t.options
	b := newBuilder(dev, batch, o.LogitScale, o.Compat)
	g := b.g
	labels := g.Input("labels", tensor.Int32, batch)
	var zs *graph.Node
	var ranges Matrix
	if t.remedy.usesRange() {
		var err error
		ranges, err = zeroShotRanges(t.ctx, dev.engine, t.unit(), t.data.Prototypes, batch, o.LogitScale)
		if err != nil {
			return nil, err
		}
		zs = g.Input("zero-shot ranges", tensor.Float32, batch, 2)
	}
	loss := composeLoss(g, o.Loss, t.remedy, t.method.logits(b), labels, zs)
	if m, ok := t.method.(regularised); ok {
		loss = ops.Add(g, loss, m.regulariser(b))
	}
	obj := &objective{g: g, loss: loss}
	for _, name := range keys(s.params) {
		obj.params = append(obj.params, parameter{name, b.param(name), dev.tensors[name]})
	}
	var unit Matrix
	if b.unitIn != nil {
		unit = t.unit()
	}
	y, r := make([]int32, batch), make([]float32, 2*batch)
	obj.feed = func(rows []int) error {
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
	if m, ok := t.method.(perEpoch); ok {
		obj.endEpoch = func() error {
			for _, p := range obj.params {
				if err := dev.download(p.name, s.params[p.name]); err != nil {
					return err
				}
			}
			for _, name := range m.endEpoch(s) {
				if err := dev.engine.Upload(dev.tensors[name], s.fixed[name].Data); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return obj, g.Err()
}
