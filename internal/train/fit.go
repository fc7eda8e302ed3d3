package train

import (
	"context"
	"errors"
	"fmt"
	"os"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// BatchSize returns the number of rows in a step of [Fit].
func BatchSize(samples, views int, o Options) int { return newSampler(samples, views, o).batch }

// Fit trains an objective over samples that are seen in views by the rules of o
// and returns the mean loss of every epoch. After divergence (see [Diverged]) the parameters are in their last
// good state. The finished training's checkpoint is removed.
func Fit(ctx context.Context, obj Objective, samples, views int, o Options) ([]float64, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if err := newSampler(samples, views, o).check(o.Epochs); err != nil {
		return nil, err
	}
	var t *trainer
	defer device.Later(obj.Device, func() {
		if t != nil {
			t.close()
		}
	})
	err := device.Do(ctx, obj.Device, func(e engine.Engine) (err error) {
		if t, err = newTrainer(o, e, obj, newSampler(samples, views, o)); err == nil {
			err = t.resume()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	err = t.run(ctx)
	if d := (*Diverged)(nil); err != nil && !errors.As(err, &d) {
		return t.losses, err
	}
	err = device.Do(context.WithoutCancel(ctx), obj.Device, func(engine.Engine) error {
		if err == nil {
			err = t.checkFinite()
		}
		if err != nil {
			return errors.Join(err, t.restoreGood())
		}
		return nil
	})
	if err != nil {
		return t.losses, err
	}
	if o.Checkpoint != "" {
		if err := os.Remove(o.Checkpoint); err != nil && !errors.Is(err, os.ErrNotExist) {
			return t.losses, fmt.Errorf("remove the finished training's checkpoint: %w", err)
		}
	}
	return t.losses, nil
}

// Stepper returns a function that takes one step within an epoch, for
// measurements by who holds the device; done gives the memory back.
func Stepper(obj Objective, samples, views int, o Options) (step func(context.Context, int) error, done func(),
	err error) {
	t, err := newTrainer(o, obj.Graph.Engine, obj, newSampler(samples, views, o))
	if err != nil {
		return nil, nil, err
	}
	rows := t.sampler.epoch(1)
	t.at.Step = 1
	return func(ctx context.Context, i int) error {
		at := i % t.sampler.steps * o.Batch
		return t.step(ctx, rows[at:at+o.Batch], o.LR)
	}, t.close, nil
}

// checkFinite reports parameters that the last step made no numbers.
func (t *trainer) checkFinite() error {
	for _, p := range t.objective.Params {
		v, err := t.download(p.Value)
		if err != nil {
			return err
		}
		for _, x := range v {
			if f := float64(x); !finite(f) {
				return &Diverged{Epoch: t.options.Epochs - 1, Step: t.sampler.steps - 1, Loss: f, Good: t.goodAt}
			}
		}
	}
	return nil
}

func (t *trainer) restoreGood() error {
	for _, p := range t.objective.Params {
		if err := t.engine.Upload(p.Value, t.good[p.Name]); err != nil {
			return err
		}
	}
	return nil
}

func (t *trainer) download(v *tensor.Dense) ([]float32, error) {
	out := make([]float32, v.Shape().TotalSize())
	return out, t.engine.Download(out, v)
}
