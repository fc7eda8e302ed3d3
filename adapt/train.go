package adapt

import (
	"context"
	"errors"
	"fmt"
	"os"

	"clipcalib/internal/engine"
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
	var a *Adapter
	err = withEngine(o.Engine, func(e engine.Engine) error {
		o.Engine = e
		a, err = (&task{ctx: ctx, method: m, remedy: r, data: data, options: o}).run()
		return err
	})
	if err != nil {
		return a, fmt.Errorf("train %s: %w", m.Name(), err)
	}
	return a, nil
}

// run trains the task and returns its adapter; with an error the adapter is
// nil, or in its last good state after divergence.
func (t *task) run() (*Adapter, error) {
	s, err := t.start()
	if err != nil {
		return nil, err
	}
	a := newAdapter(t, s)
	if len(s.params) == 0 {
		return a, nil
	}
	dev, err := newDevice(t.options.Engine, s)
	if err != nil {
		return nil, err
	}
	defer dev.close()
	plan := newSampler(t.data, t.options)
	obj, err := featureObjective(t, s, dev, plan.batch)
	if err != nil {
		return nil, err
	}
	defer obj.g.Close()
	tr, err := newTrainer(t.options, t.options.Engine, obj, plan)
	if err != nil {
		return nil, err
	}
	defer tr.close()
	if err := t.resume(tr, s, dev); err != nil {
		return nil, err
	}
	err = tr.run(t.ctx)
	a.Losses = tr.losses
	var diverged *Diverged
	if errors.As(err, &diverged) {
		for name, v := range tr.good {
			copy(s.params[name].Data, v)
		}
		return a, err
	}
	if err != nil {
		return nil, err
	}
	for name, p := range s.params {
		if err := dev.download(name, p); err != nil {
			return nil, err
		}
		if err := p.check(name); err != nil {
			for name, v := range tr.good {
				copy(s.params[name].Data, v)
			}
			return a, fmt.Errorf("after the last step, %w: the parameters after %d epochs are kept", err, tr.goodAt)
		}
	}
	delete(s.fixed, nameMomentum)
	if t.options.Checkpoint != "" {
		if err := os.Remove(t.options.Checkpoint); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("remove the finished training's checkpoint: %w", err)
		}
	}
	return a, nil
}
