package testtime

import (
	"context"
	"fmt"
	"math"
	"slices"

	"clipcalib/calib"
	"clipcalib/internal/clip"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/texttower"
	"clipcalib/internal/tower"
	"clipcalib/text"

	"gorgonia.org/tensor"
)

// textTower is the text tower over the classes' trie, as a function of the context
// vectors: differentiated at the starting prompt, evaluated at any.
type textTower struct {
	device         *device.Device
	classes, width int
	depth          int       // positions of the longest prompt
	start          []float32 // [M, W]

	g        *graph.Graph
	contexts *graph.Node
	at       *graph.Split // features [K, D] at the starting prompt, kept
	free     freeTower
	noisy    freeTower // with Shift, made when it is first asked for
	make     func(shifted bool) (freeTower, error)
}

// freeTower gives the features [K, D] at any prompt.
type freeTower struct {
	*graph.Program
	g                         *graph.Graph
	contexts, shift, features *graph.Node
}

func newTextTower(ctx context.Context, e *text.Encoder, p prompts, given []float32) (*textTower, error) {
	start, err := e.Embeddings(ctx, p.context)
	if err != nil {
		return nil, err
	}
	if given != nil {
		if len(given) != len(start) || notFinite(given) >= 0 {
			return nil, fmt.Errorf("the given context vectors are %d numbers, want %d finite ones: %d vectors of %d",
				len(given), len(start), len(p.context), len(start)/len(p.context))
		}
		start = given
	}
	m := len(p.context)
	t := &textTower{device: e.Device(), classes: p.trie.NumPrompts(), width: len(start) / m, start: start}
	err = device.Do(ctx, t.device, func(engine.Engine) error {
		if err := t.compile(e, p.trie, m); err != nil {
			err = engine.NameFit(err, engine.TrieNodes, p.trie.Len())
			return fmt.Errorf("text tower over %d trie nodes: %w", p.trie.Len(), err)
		}
		if err := t.at.Forward.Run(ctx); err != nil {
			return fmt.Errorf("text tower at the starting prompt: %w", err)
		}
		return nil
	})
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *textTower) compile(e *text.Encoder, trie *text.Trie, m int) error {
	t.g = graph.New(device.Engine(t.device))
	nodes := clip.Nodes(trie)
	t.depth = int(slices.Max(nodes.Depth)) + 1
	t.contexts = t.g.Input("contexts", tensor.Float32, m, t.width)
	features := texttower.WithContexts(t.g, tower.Of(t.g, e), e.Config(), nodes, texttower.Contexts{First: t.contexts})
	var err error
	if t.at, err = t.g.Split(features, t.contexts); err != nil {
		return err
	}
	if err := t.g.Set(t.contexts, t.start); err != nil {
		return err
	}
	t.make = func(shifted bool) (freeTower, error) {
		f := freeTower{g: graph.New(device.Engine(t.device))}
		f.contexts = f.g.Input("contexts", tensor.Float32, m, t.width)
		in := texttower.NewInputs(f.g, trie.Len(), trie.NumPrompts())
		if shifted {
			f.shift = f.g.Input("shift of positions", tensor.Float32, t.depth, t.width)
			in.Shift = f.shift
		}
		if err := f.g.Err(); err != nil {
			return f, err
		}
		if err := in.Set(f.g, nodes, nil); err != nil {
			return f, err
		}
		f.features = texttower.Tower(f.g, tower.Of(f.g, e), e.Config(), in, f.contexts, false)
		var err error
		f.Program, err = f.g.Compile(f.features)
		return f, err
	}
	t.free, err = t.make(false)
	return err
}

// moved returns the text features [K, D] of a prompt, at which gradient is taken
// from then on.
func (t *textTower) moved(ctx context.Context, contexts []float32) (features, error) {
	return t.read(ctx, func() ([]float32, error) {
		if err := t.g.Set(t.contexts, contexts); err != nil {
			return nil, err
		}
		if err := t.at.Forward.Run(ctx); err != nil {
			return nil, err
		}
		return t.at.Forward.Float32(t.at.Y)
	})
}

// shifted returns the text features [K, D] of a prompt whose embeddings are moved
// by shift [depth, W], row by position.
func (t *textTower) shifted(ctx context.Context, contexts, shift []float32) (features, error) {
	return t.read(ctx, func() (_ []float32, err error) {
		f := &t.noisy
		if f.Program == nil {
			if *f, err = t.make(true); err != nil {
				return nil, err
			}
		}
		if err := f.g.Set(f.contexts, contexts); err != nil {
			return nil, err
		}
		if err := f.g.Set(f.shift, shift); err != nil {
			return nil, err
		}
		if err := f.Run(ctx); err != nil {
			return nil, err
		}
		return f.Float32(f.features)
	})
}

// atStart returns the text features [K, D] of the starting prompt.
func (t *textTower) atStart(ctx context.Context) (features, error) {
	return t.read(ctx, func() ([]float32, error) { return t.at.Forward.Float32(t.at.Y) })
}

// read makes features of what f reads while the device is held.
func (t *textTower) read(ctx context.Context, f func() ([]float32, error)) (features, error) {
	v, err := t.hold(ctx, f)
	if err != nil {
		return features{}, err
	}
	return newFeatures(t.classes, v)
}

func (t *textTower) hold(ctx context.Context, f func() ([]float32, error)) (v []float32, err error) {
	err = device.Do(ctx, t.device, func(engine.Engine) (err error) {
		v, err = f()
		return err
	})
	return v, err
}

// features returns the text features [K, D] of a prompt.
func (t *textTower) features(ctx context.Context, contexts []float32) (features, error) {
	return t.read(ctx, func() ([]float32, error) {
		if err := t.free.g.Set(t.free.contexts, contexts); err != nil {
			return nil, err
		}
		if err := t.free.Run(ctx); err != nil {
			return nil, err
		}
		return t.free.Float32(t.free.features)
	})
}

// gradient returns the gradient [M, W] with respect to the context vectors, at
// the starting prompt or where moved has gone, of what has the gradient d [K, D] with respect to the
// text features.
func (t *textTower) gradient(ctx context.Context, d []float32) ([]float32, error) {
	return t.hold(ctx, func() ([]float32, error) {
		if err := t.g.Set(t.at.DY, d); err != nil {
			return nil, err
		}
		if err := t.at.Backward.Run(ctx); err != nil {
			return nil, err
		}
		return t.at.Backward.Float32(t.at.Grads[0])
	})
}

// Close gives the memory back once the device is free.
func (t *textTower) Close() { device.Later(t.device, t.close) }

func (t *textTower) close() {
	if t.at != nil {
		t.at.Close()
	}
	if t.g != nil {
		t.g.Close()
	}
	for _, f := range []freeTower{t.free, t.noisy} {
		if f.Program != nil {
			f.Program.Close()
		}
		if f.g != nil {
			f.g.Close()
		}
	}
}

// features are rows of unit length with the lengths they had.
type features struct {
	unit  calib.Matrix // [N, D]
	norms []float64
}

// newFeatures normalises n rows. A row of zeros stays one.
func newFeatures(n int, flat []float32) (features, error) {
	if n == 0 || len(flat)%n != 0 {
		return features{}, fmt.Errorf("%d values are not %d features", len(flat), n)
	}
	m, err := calib.FromFloat32(n, len(flat)/n, flat)
	if err != nil {
		return features{}, err
	}
	f := features{unit: m, norms: make([]float64, n)}
	eachRow(n, func(i int) {
		row := m.Row(i)
		var s float64
		for _, v := range row {
			s += v * v
		}
		f.norms[i] = math.Sqrt(s)
		if s == 0 {
			f.norms[i] = 1
		}
		for j := range row {
			row[j] /= f.norms[i]
		}
	})
	return f, nil
}

// raw carries a gradient with respect to the unit rows back to the rows as they
// were: (d - u (u.d)) / norm.
func (f features) raw(d calib.Matrix) []float32 {
	out := make([]float32, len(d.Data))
	eachRow(d.N, func(i int) {
		u, row, dst := f.unit.Row(i), d.Row(i), out[i*d.K:(i+1)*d.K]
		along := dot(u, row)
		for j := range row {
			dst[j] = float32((row[j] - u[j]*along) / f.norms[i])
		}
	})
	return out
}

func dot(x, y []float64) float64 {
	var s float64
	for i, v := range x {
		s += v * y[i]
	}
	return s
}
