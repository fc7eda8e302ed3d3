package prompt

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"clipcalib/adapt"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/internal/settings"
	"clipcalib/internal/train"
	"clipcalib/text"

	"gorgonia.org/tensor"
)

// training is one training: checked data and options with their defaults.
type training struct {
	model   *Model
	method  Method
	remedy  adapt.Remedy
	data    Data
	options Options

	trie                    *text.Trie
	params                  []param
	protos, teacherFeatures adapt.Matrix
	start                   adapt.Matrix // see startText
}

// Train learns prompts for data by a method under a remedy.
//
// When the loss becomes NaN or infinite, Train returns both a learner in its
// last good state and an error that wraps an [adapt.Diverged]. When ctx ends
// it returns the error of ctx, and the state is in o.Checkpoint if that is set.
func Train(ctx context.Context, model *Model, m Method, r adapt.Remedy, data Data, o Options) (*Learner, error) {
	if model == nil || m == nil {
		return nil, errors.New("train prompts: no model or no method given")
	}
	if r == nil {
		r = adapt.None{}
	}
	t := &training{model: model, method: m, remedy: r, data: data, options: o.Resolved(m, model.Config.Scale())}
	l, err := t.run(ctx)
	if err != nil {
		return l, fmt.Errorf("train %s: %w", m.Name(), err)
	}
	return l, nil
}

// run trains; with an error the learner is nil, or in its last good state
// after divergence.
func (t *training) run(ctx context.Context) (*Learner, error) {
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	dev := t.model.Device
	samples, views := len(t.data.Labels), t.data.views()
	var params *onEngine
	var b *builder
	var obj train.Objective
	defer device.Later(dev, func() {
		if b != nil {
			b.g.Close()
		}
		if params != nil {
			params.close()
		}
	})
	err := device.Do(ctx, dev, func(e engine.Engine) (err error) {
		if params, err = upload(e, t.params); err != nil {
			return err
		}
		batch := train.BatchSize(samples, views, t.options.inner())
		b = newBuilder(t.model, params, t.trie, t.options.LogitScale, batch)
		b.protos, b.teacherFeatures, b.start = t.protos, t.teacherFeatures, t.start
		obj = t.objective(b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	t.started(samples, views)
	obj.Identity = t.fingerprint() + " " + t.options.Loss.String()
	average := t.average(&obj, params)
	losses, err := train.Fit(ctx, obj, samples, views, t.options.inner())
	var diverged *adapt.Diverged
	if err != nil && !errors.As(err, &diverged) {
		return nil, t.nameFit(err, b.batch)
	}
	back := device.Do(context.WithoutCancel(ctx), dev, func(engine.Engine) error { return params.download(t.params) })
	if back != nil {
		return nil, errors.Join(err, back)
	}
	if err == nil && average != nil {
		for _, p := range t.params {
			copy(p.data, average[p.name+averageSuffix])
		}
	}
	return t.learner(losses), err
}

// started tells with what training starts.
func (t *training) started(samples, views int) {
	if t.options.Started == nil {
		return
	}
	from := adapt.Start{Init: map[string]adapt.Value{}}
	for _, p := range t.params {
		from.Init[p.name] = adapt.Value{Shape: slices.Clone(p.shape), Data: slices.Clone(p.data)}
	}
	from.Order, from.Batch = train.Order(samples, views, t.options.inner())
	t.options.Started(from)
}

// nameFit says of an error of memory what there was too much of: samples where
// each has a pass of its own through a tower, else the classes' prompts, which
// no batch makes fewer.
func (t *training) nameFit(err error, batch int) error {
	if _, each := t.method.(conditional); batch > 1 && (each || NeedsImages(t.method)) {
		return engine.NameFit(err, engine.Samples, batch)
	}
	return engine.NameFit(err, engine.TrieNodes, t.trie.Len())
}

// prepare checks the data and makes everything that does not change, and the
// initial values.
func (t *training) prepare(ctx context.Context) error {
	if err := settings.Check(t.remedy); err != nil {
		return fmt.Errorf("remedy %s: %w", t.remedy.Name(), err)
	}
	if err := t.options.check(); err != nil {
		return err
	}
	if err := t.data.check(t.method, t.model.Config.EmbedDim); err != nil {
		return err
	}
	layout, err := newLayout(t.model, t.method, t.data.Classes)
	if err != nil {
		return err
	}
	t.trie = layout.trie
	if t.params, err = initial(ctx, t.model, t.method, layout.slots, t.options.Seed); err != nil {
		return err
	}
	if err := override(t.params, t.options.Init); err != nil {
		return err
	}
	if t.protos, err = prototypes(ctx, t.model, t.data.Classes, t.data.Prototypes, t.data.Template); err != nil {
		return err
	}
	if m, ok := t.method.(distilled); ok {
		t.teacherFeatures, err = prototypes(ctx, t.model, t.data.Classes, adapt.Matrix{}, m.templates()...)
		if err != nil {
			return err
		}
	}
	t.start, err = t.startText(ctx)
	return err
}

// layout is what a method trains for a set of classes, and their prompts.
type layout struct {
	slots []slot
	trie  *text.Trie
}

func newLayout(model *Model, m Method, classes []string) (layout, error) {
	var l layout
	n, _, err := m.contexts().size()
	if err == nil {
		err = settings.Check(m)
	}
	if err != nil {
		return l, err
	}
	if l.slots, err = m.layout(model.Config, n, len(classes)); err != nil {
		return l, err
	}
	l.trie, err = newTrie(model, m, classes, n)
	return l, err
}

func newTrie(model *Model, m Method, classes []string, contexts int) (*text.Trie, error) {
	prompts, err := m.contexts().prompts(classes, contexts, model.Config.Text)
	if err != nil {
		return nil, err
	}
	return text.NewTrie(prompts)
}

// objective builds the loss.
func (t *training) objective(b *builder) train.Objective {
	g := b.g
	logits := t.method.logits(b)
	labels := g.Input("labels", tensor.Int32, b.batch)
	loss, terms := train.Compose(t.options.Loss, t.remedy, logits, labels, train.NewReference(b.zeroShot, nil),
		&train.Texts{Tuned: b.tuned, Frozen: b.prototypes})
	if m, ok := t.method.(regularised); ok {
		own := m.regulariser(b, logits)
		terms = append(terms, train.Term{What: "method " + t.method.Name(), Node: own})
		loss = ops.Add(g, loss, own)
	}
	obj := train.Objective{Device: t.model.Device, Graph: g, Loss: loss, Terms: terms, Logits: logits,
		EndStep: t.options.Progress}
	var wrt []*graph.Node
	for _, p := range t.params {
		n := b.param(p.name)
		wrt = append(wrt, n)
		obj.Params = append(obj.Params, train.Param{Name: p.name, Node: n, Value: b.params.tensors[p.name]})
	}
	if m, ok := t.method.(gradientShaping); ok {
		obj.Gradients = m.gradients(b, loss, logits, wrt)
	}
	y := make([]int32, b.batch)
	obj.Prepare = func(rows []int) error { return t.fill(b, rows) }
	obj.Feed = func(rows []int) error {
		for i, row := range rows {
			y[i] = int32(t.data.Labels[row%len(t.data.Labels)])
		}
		if err := g.Set(labels, y); err != nil {
			return err
		}
		return b.set()
	}
	return obj
}

// fill reads features and pixels of a batch.
func (t *training) fill(b *builder, rows []int) error {
	n := len(t.data.Labels)
	return b.fill(len(rows),
		func(i int, dst []float32) error { copy(dst, t.data.Features.Row(rows[i])); return nil },
		func(i int, dst []float32) error {
			if err := t.data.Image(rows[i]%n, rows[i]/n, dst); err != nil {
				return fmt.Errorf("view %d of sample %d: %w", rows[i]/n, rows[i]%n, err)
			}
			return nil
		})
}

// fill reads n rows for the inputs that were built; rows of the batch beyond n
// repeat the last.
func (b *builder) fill(n int, feature, pixels func(i int, dst []float32) error) error {
	for _, in := range []struct {
		node *graph.Node
		buf  []float32
		fill func(i int, dst []float32) error
	}{{b.features, b.featureBuffer, feature}, {b.images, b.imageBuffer, pixels}} {
		if in.node == nil {
			continue
		}
		size := len(in.buf) / b.batch
		for i := range b.batch {
			dst := in.buf[i*size : (i+1)*size]
			if i >= n {
				copy(dst, in.buf[(n-1)*size:])
			} else if err := in.fill(i, dst); err != nil {
				return err
			}
		}
	}
	return nil
}

// set sets the inputs to what fill read.
func (b *builder) set() error {
	if b.features != nil {
		if err := b.g.Set(b.features, b.featureBuffer); err != nil {
			return err
		}
	}
	if b.images != nil {
		return b.g.Set(b.images, b.imageBuffer)
	}
	return nil
}

// averageSuffix ends the names of averages in checkpoints.
const averageSuffix = ".average"

// average makes an objective keep the weighted average of its parameters over
// the epochs, if the method wants one.
func (t *training) average(obj *train.Objective, params *onEngine) map[string][]float32 {
	m, ok := t.method.(averaged)
	if !ok {
		return nil
	}
	share := m.epochWeights(t.options.Epochs)
	sums := map[string][]float32{}
	for _, p := range t.params {
		sums[p.name+averageSuffix] = make([]float32, len(p.data))
	}
	obj.State = sums
	obj.EndEpoch = func(epoch int) error {
		if err := params.download(t.params); err != nil {
			return err
		}
		for _, p := range t.params {
			sum := sums[p.name+averageSuffix]
			for i, v := range p.data {
				sum[i] += float32(share[epoch]) * v
			}
		}
		return nil
	}
	return sums
}
