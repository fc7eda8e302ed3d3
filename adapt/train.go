package adapt

import (
	"context"
	"errors"
	"fmt"
	"math"

	"clipcalib/internal/device"
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
	o = OptionsOf(m, o)
	if o.LogitScale == 0 {
		o.LogitScale = data.LogitScale
	}
	if !(o.LogitScale > 0) || math.IsInf(o.LogitScale, 0) {
		return nil, fmt.Errorf("train %s: the logit scale is %g: set Data.LogitScale to Config.Scale() of the checkpoint "+
			"that the features are of, or Options.LogitScale (OpenAI's models have %d)",
			m.Name(), o.LogitScale, DefaultLogitScale)
	}
	if err := train.CheckTexts(r, m.Name()); err != nil {
		return nil, fmt.Errorf("train %s: %w", m.Name(), err)
	}
	for _, v := range []named.Thing{m, r} {
		if err := settings.Check(v); err != nil {
			return nil, fmt.Errorf("train %s: %s: %w", m.Name(), v.Name(), err)
		}
	}
	var a *Adapter
	given := o.Device
	err = withDevice(o.Device, func(d *Device) error {
		o.Device = d
		a, err = (&Training{ctx: ctx, method: asTrained(m, o.Compat), remedy: r, data: data, options: o}).run()
		a.afterwards(m)
		return err
	})
	if a != nil {
		a.Device = given
	}
	if err != nil {
		return a, fmt.Errorf("train %s: %w", m.Name(), err)
	}
	return a, nil
}

// run trains, and returns its adapter; with an error the adapter is
// nil, or in its last good state after divergence.
func (t *Training) run() (*Adapter, error) {
	var s *State
	var a *Adapter
	var on *held
	var obj train.Objective
	batch := train.BatchSize(t.data.samples(), t.data.views(), t.options.rules())
	defer device.Later(t.options.Device, func() {
		if obj.Graph != nil {
			obj.Graph.Close()
		}
		if on != nil {
			on.close()
		}
	})
	err := device.Do(t.ctx, t.options.Device, func(e engine.Engine) (err error) {
		if s, err = t.start(); err != nil {
			return err
		}
		if a = newAdapter(t, s); len(s.Trained) == 0 {
			return nil
		}
		if on, err = newHeld(e, s); err == nil {
			obj, err = featureObjective(t, s, on, batch)
		}
		return err
	})
	if err != nil || len(s.Trained) == 0 {
		return a, err
	}
	if t.options.Started != nil {
		from := Start{Init: map[string]Value{}}
		for name, m := range s.Trained {
			from.Init[name] = Value{[]int{m.Rows, m.Cols}, m.Clone().Data}
		}
		from.Order, from.Batch = train.Order(t.data.samples(), t.data.views(), t.options.rules())
		t.options.Started(from)
	}
	download := func() error {
		return device.Do(context.WithoutCancel(t.ctx), t.options.Device, func(engine.Engine) error {
			for name, p := range s.Trained {
				if err := on.download(name, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	rules := t.options.rules()
	var watching error
	if each := t.options.EachEpoch; each != nil {
		told := rules.Progress
		rules.Progress = func(p Progress) {
			if told != nil {
				told(p)
			}
			if watching == nil {
				watching = download()
			}
			if watching == nil {
				now := newAdapter(t, s)
				now.Device = t.options.Device
				each(p, now)
			}
		}
	}
	a.Losses, err = train.Fit(t.ctx, obj, t.data.samples(), t.data.views(), rules)
	var diverged *Diverged
	if err != nil && !errors.As(err, &diverged) {
		return nil, err
	}
	if back := errors.Join(watching, download()); back != nil {
		return nil, back
	}
	delete(s.Fixed, nameMomentum)
	return a, err
}
