package adapt

import (
	"context"
	"fmt"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/gorgonia"
)

// predictBatch is the number of rows classified at once.
const predictBatch = 512

// Adapter is a trained method: it turns features into logits. It is safe for
// concurrent use.
type Adapter struct {
	Method     Method
	Remedy     Remedy
	Compat     Compat
	LogitScale float64
	Losses     []float64 // mean training loss of every epoch

	// Device does the work; nil opens the processor, with all its cores, for
	// every call.
	Device *Device

	state *State
}

func newAdapter(t *Training, s *State) *Adapter {
	return &Adapter{
		Method: t.method, Remedy: t.remedy, Compat: t.options.Compat, LogitScale: t.options.LogitScale,
		state: s,
	}
}

// Classes is the number of classes.
func (a *Adapter) Classes() int { return a.Prototypes().Rows }

// Width is the width of the features it takes.
func (a *Adapter) Width() int { return a.Prototypes().Cols }

// Prototypes are the text prototypes [K, D] it was trained with.
func (a *Adapter) Prototypes() Matrix { return a.state.Fixed[namePrototypes] }

// Parameters returns the trained matrices by name. They are the adapter's own.
func (a *Adapter) Parameters() map[string]Matrix { return a.state.Trained }

// Cache returns the keys [N, D] of a method that classifies by training
// features, such as Tip-Adapter, and the class of each, -1 for none; a method
// without has none. They are the adapter's own.
func (a *Adapter) Cache() (keys Matrix, labels []int) {
	slot, ok := a.labelled()
	if !ok {
		return Matrix{}, nil
	}
	if slot.Trained {
		return a.state.Trained[slot.Name], a.state.Labels
	}
	return a.state.Fixed[slot.Name], a.state.Labels
}

// Logits returns the logits [N, K] of features [N, D]. An adapter with [SaLS]
// maps them to the range of the zero-shot logits of its own prototypes; see
// [Adapter.Rescale] for other zero-shot logits.
func (a *Adapter) Logits(features Matrix) (Matrix, error) {
	return a.LogitsContext(context.Background(), features)
}

// LogitsContext is [Adapter.Logits] until ctx ends.
func (a *Adapter) LogitsContext(ctx context.Context, features Matrix) (Matrix, error) {
	raw, err := a.RawLogits(ctx, features)
	if err != nil || !MapsInference(a.Remedy) {
		return raw, err
	}
	zs, err := a.ZeroShotLogits(ctx, features)
	if err != nil {
		return Matrix{}, err
	}
	return a.Rescale(raw, zs)
}

// RawLogits returns the logits before a remedy of inference.
func (a *Adapter) RawLogits(ctx context.Context, features Matrix) (Matrix, error) {
	return a.predict(ctx, a.Method, features)
}

// ZeroShotLogits returns the logits of the adapter's text prototypes alone.
func (a *Adapter) ZeroShotLogits(ctx context.Context, features Matrix) (Matrix, error) {
	return a.predict(ctx, ZeroShot{}, features)
}

// Rescale applies the remedy's map of inference, if it has one, to raw logits,
// given zero-shot logits of the same samples.
func (a *Adapter) Rescale(raw, zeroShot Matrix) (Matrix, error) {
	return Rescale(a.Remedy, raw, zeroShot)
}

func (a *Adapter) predict(ctx context.Context, m Method, features Matrix) (Matrix, error) {
	if err := checkPrototypes(a.Prototypes(), features); err != nil {
		return Matrix{}, fmt.Errorf("logits: %w", err)
	}
	out := NewMatrix(features.Rows, a.Classes())
	err := withDevice(a.Device, func(d *Device) error {
		return device.Do(ctx, d, func(e engine.Engine) error {
			return a.predictOn(ctx, e, m, features, out)
		})
	})
	if err != nil {
		return Matrix{}, fmt.Errorf("logits: %w", err)
	}
	return out, nil
}

// predictOn is predict by who holds the engine.
func (a *Adapter) predictOn(ctx context.Context, e engine.Engine, m Method, features, out Matrix) error {
	held, err := newHeld(e, a.state)
	if err != nil {
		return err
	}
	defer held.close()
	b := newBatch(held, min(predictBatch, features.Rows), a.LogitScale, a.Compat)
	defer b.g.Close()
	y := b.logits(m)
	p, err := b.g.Compile(y)
	if err != nil {
		return err
	}
	defer p.Close()
	return b.predict(ctx, p, y, features, out)
}

// predict fills out with the logits y of every row of features.
func (b *Batch) predict(ctx context.Context, p *graph.Program, y *gorgonia.Node, features, out Matrix) error {
	rows := make([]int, 0, b.rows)
	for from := 0; from < features.Rows; from += b.rows {
		n := min(b.rows, features.Rows-from)
		chunk := Matrix{Rows: n, Cols: features.Cols, Data: features.Data[from*features.Cols : (from+n)*features.Cols]}
		unit := chunk
		if b.unitIn != nil {
			unit = chunk.unit()
		}
		rows = rows[:0]
		for i := range n {
			rows = append(rows, i)
		}
		if err := b.feed(chunk, unit, rows); err != nil {
			return err
		}
		if err := p.Run(ctx); err != nil {
			return err
		}
		l, err := p.Float32(y)
		if err != nil {
			return err
		}
		copy(out.Data[from*out.Cols:], l[:n*out.Cols])
	}
	return nil
}
