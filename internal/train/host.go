package train

import (
	"context"
	"fmt"

	"clipcalib/calib"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// Host is a remedy on logits in memory: by its host forms where it has them, or
// else by small programs of its graph forms.
type Host struct {
	remedy   Remedy
	logits   HostLogitMap // nil where the remedy maps nothing in training
	terms    []HostLossTerm
	detached bool
	programs []*graphForm
}

// NewHost returns the host form of a remedy; one that has none of its own
// computes on the device. Without maps, a map of the logits is left out.
func NewHost(r Remedy, maps bool, d *device.Device) *Host {
	h := &Host{remedy: r}
	for _, m := range With[LogitMap](r) {
		if !maps {
			break
		}
		var ok bool
		if h.logits, ok = m.(HostLogitMap); !ok {
			h.logits = h.graphForm(d, m.MapLogits)
		}
	}
	for _, t := range With[LossTerm](r) {
		host, ok := t.(HostLossTerm)
		if !ok {
			host = h.graphForm(d, t.LossTerm)
		}
		h.terms = append(h.terms, host)
	}
	return h
}

// Acts reports whether the remedy has a part in the loss.
func (h *Host) Acts() bool { return h.logits != nil || len(h.terms) > 0 }

// Detached reports whether gradients do not flow into the reference: graph forms
// take it as data.
func (h *Host) Detached() bool { return h.detached }

// Choice says in words what the remedy does in test-time tuning.
func (h *Host) Choice() string {
	if c, ok := h.remedy.(tuningChoice); ok {
		return c.TuningChoice()
	}
	choices := h.remedy.Choices()
	if len(choices) == 0 {
		return "remedy: " + h.remedy.Name()
	}
	return choices[0]
}

// Loss returns a loss of logits [N, K] under the remedy, and its gradient. Base
// is the loss of the logits as the remedy lets it see them. The reference is
// zs [1, K], or with tuned the first row of the logits, through which gradients
// flow too.
func (h *Host) Loss(ctx context.Context, l, zs calib.Matrix, tuned bool,
	base func(calib.Matrix) (float64, calib.Matrix),
) (float64, calib.Matrix, error) {
	for _, p := range h.programs {
		p.ctx = ctx
	}
	if tuned {
		zs = calib.Matrix{N: 1, K: l.K, Data: l.Row(0)}
	}
	reference := func(grad calib.Matrix) (dzs calib.Matrix) {
		if tuned {
			dzs = calib.Matrix{N: 1, K: l.K, Data: grad.Row(0)}
		}
		return dzs
	}
	if h.logits == nil {
		value, grad := base(l)
		return h.add(value, l, zs, grad, reference(grad))
	}
	seen, back, err := h.logits.MapLogitsHost(l, zs)
	if err != nil {
		return 0, l, h.named(err)
	}
	value, upstream := base(seen)
	grad := calib.NewMatrix(l.N, l.K)
	if err := back(upstream, grad, reference(grad)); err != nil {
		return 0, l, h.named(err)
	}
	return h.add(value, l, zs, grad, reference(grad))
}

// add adds the terms and their gradients.
func (h *Host) add(value float64, l, zs, grad, dzs calib.Matrix) (float64, calib.Matrix, error) {
	for _, t := range h.terms {
		extra, err := t.LossTermHost(l, zs, grad, dzs)
		if err != nil {
			return value, grad, h.named(err)
		}
		value += extra
	}
	return value, grad, nil
}

func (h *Host) named(err error) error {
	if err != nil {
		err = fmt.Errorf("remedy %s: %w", h.remedy.Name(), err)
	}
	return err
}

// Close gives the programs' memory back once the device is free.
func (h *Host) Close() {
	for _, p := range h.programs {
		device.Later(p.device, p.close)
	}
	h.programs = nil
}

// graphForm is a hook of a remedy as the host form that it stands for. It is
// compiled for the shape of the logits it sees.
type graphForm struct {
	device *device.Device
	who    string
	build  func(logits *graph.Node, zs *Reference) *graph.Node

	ctx                context.Context // of the call of Loss
	shape              []int
	g                  *graph.Graph
	logits, zs, dy     *graph.Node
	result, gradient   *graph.Node
	forward, backwards *graph.Program
}

func (h *Host) graphForm(d *device.Device, build func(*graph.Node, *Reference) *graph.Node) *graphForm {
	f := &graphForm{device: d, who: "remedy " + h.remedy.Name(), build: build}
	h.detached = true
	h.programs = append(h.programs, f)
	return f
}

// MapLogitsHost makes the form a [HostLogitMap].
func (f *graphForm) MapLogitsHost(l, zs calib.Matrix) (
	calib.Matrix, func(upstream, dl, dzs calib.Matrix) error, error,
) {
	v, err := f.run(l, zs, []int{l.N, l.K})
	if err != nil {
		return l, nil, err
	}
	m, err := calib.FromFloat32(l.N, l.K, v)
	return m, f.back, err
}

// back adds the gradient with respect to the logits; the reference has none.
func (f *graphForm) back(upstream, dl, _ calib.Matrix) error {
	return device.Do(f.ctx, f.device, func(engine.Engine) error {
		if err := f.g.Set(f.dy, narrow(upstream.Data)); err != nil {
			return err
		}
		if err := f.backwards.Run(f.ctx); err != nil {
			return err
		}
		d, err := f.backwards.Float32(f.gradient)
		for i, v := range d {
			dl.Data[i] += float64(v)
		}
		return err
	})
}

// LossTermHost makes the form a [HostLossTerm].
func (f *graphForm) LossTermHost(l, zs, dl, dzs calib.Matrix) (float64, error) {
	v, err := f.run(l, zs, []int{1})
	if err != nil {
		return 0, err
	}
	return float64(v[0]), f.back(calib.Matrix{N: 1, K: 1, Data: []float64{1}}, dl, dzs)
}

// run computes the result, of the shape wanted, for the logits.
func (f *graphForm) run(l, zs calib.Matrix, want []int) (v []float32, err error) {
	err = device.Do(f.ctx, f.device, func(e engine.Engine) error {
		if len(f.shape) == 0 || f.shape[0] != l.N || f.shape[1] != l.K {
			f.close()
			if err := f.compile(e, l.N, l.K, want); err != nil {
				f.close()
				return err
			}
		}
		if err := f.g.Set(f.logits, narrow(l.Data)); err != nil {
			return err
		}
		if err := f.g.Set(f.zs, narrow(spread(zs, l.N).Data)); err != nil {
			return err
		}
		if err := f.forward.Run(f.ctx); err != nil {
			return err
		}
		v, err = f.forward.Float32(f.result)
		return err
	})
	return v, err
}

func (f *graphForm) compile(e engine.Engine, n, k int, want []int) error {
	f.g = graph.New(e)
	f.logits = f.g.Input("logits", tensor.Float32, n, k)
	f.zs = f.g.Input("zero-shot logits", tensor.Float32, n, k)
	reference := NewReference(func() *graph.Node { return f.zs }, nil)
	build := func() *graph.Node { return f.build(f.logits, reference) }
	if len(want) == 1 {
		f.result = OneOf(f.g, f.who, build)
	} else {
		f.result = Hook(f.g, f.who, want, build)
	}
	f.dy = f.g.Input("upstream gradient", tensor.Float32, want...)
	f.gradient = f.g.GradientsFrom(f.result, f.dy, f.logits)[0]
	var err error
	if f.forward, err = f.g.Compile(f.result); err != nil {
		return err
	}
	if f.backwards, err = f.g.Compile(f.gradient); err != nil {
		return err
	}
	f.shape = []int{n, k}
	return nil
}

// close is for who holds the device.
func (f *graphForm) close() {
	for _, p := range []*graph.Program{f.forward, f.backwards} {
		if p != nil {
			p.Close()
		}
	}
	if f.g != nil {
		f.g.Close()
	}
	f.g, f.forward, f.backwards, f.shape = nil, nil, nil, nil
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}
