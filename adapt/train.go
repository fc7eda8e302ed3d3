package adapt

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/named"
	"clipcalib/internal/settings"
	"clipcalib/internal/train"
)

// Train adapts to data by a method under a remedy.
//
// When the loss becomes NaN or infinite, Train returns both an adapter in its
// last good state and an error that wraps a [*Diverged]. When ctx ends it
// returns the error of ctx, and the state is in o.Checkpoint if that is set.
func Train(ctx context.Context, m Method, r Remedy, data Data, o Options) (*Adapter, error) {
	if m == nil {
		return nil, errors.New("train: no method given")
	}
	if r == nil {
		r = None{}
	}
	o, err := o.Resolved()
	if err != nil {
		return nil, fmt.Errorf("train %s: %w", m.Name(), err)
	}
	if err := data.check(); err != nil {
		return nil, fmt.Errorf("train %s: %w", m.Name(), err)
	}
	for _, v := range []named.Thing{m, r} {
		if err := settings.Check(v); err != nil {
			return nil, fmt.Errorf("train %s: %s: %w", m.Name(), v.Name(), err)
		}
	}
	var a *Adapter
	err = withEngine(o.Engine, func(e engine.Engine) error {
		o.Engine = e
		a, err = (&Training{ctx: ctx, method: m, remedy: r, data: data, options: o}).run()
		return err
	})
	if err != nil {
		return a, fmt.Errorf("train %s: %w", m.Name(), err)
	}
	return a, nil
}

// run trains the task and returns its adapter; with an error the adapter is
// nil, or in its last good state after divergence.
func (t *Training) run() (*Adapter, error) {
	s, err := t.start()
	if err != nil {
		return nil, err
	}
	a := newAdapter(t, s)
	if len(s.Trained) == 0 {
		return a, nil
	}
	dev, err := newDevice(t.options.Engine, s)
	if err != nil {
		return nil, err
	}
	defer dev.close()
	batch := train.BatchSize(t.data.samples(), t.data.views(), t.options.rules())
	obj, err := featureObjective(t, s, dev, batch)
	if err != nil {
		return nil, err
	}
	defer obj.Graph.Close()
	a.Losses, err = train.Fit(t.ctx, obj, t.data.samples(), t.data.views(), t.options.rules())
	var diverged *Diverged
	if err != nil && !errors.As(err, &diverged) {
		return nil, err
	}
	for name, p := range s.Trained {
		if err := dev.download(name, p); err != nil {
			return nil, err
		}
	}
	delete(s.Fixed, nameMomentum)
	return a, err
}
