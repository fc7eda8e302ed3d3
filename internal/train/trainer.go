package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// trainer runs an objective through its epochs.
type trainer struct {
	options   Options
	engine    engine.Engine
	objective Objective
	sampler   sampler
	program   *graph.Program
	notes     []string // of the program, to be told once
	grads     []*tensor.Dense
	opt       *optimizer
	pending   *pending

	at      position
	settled []Progress           // steps to tell of, once the device is free for others
	spread  float64              // mean range of the last step's logits, where asked for
	losses  []float64            // mean of every finished epoch
	good    map[string][]float32 // parameters at the start of epoch goodAt
	goodAt  int
	save    func(*trainer) error // writes the checkpoint, unless nil
}

// position is the place of the next step.
type position struct {
	Epoch, Step int
	LossSum     float64 // of the epoch's steps so far
}

func newTrainer(o Options, e engine.Engine, obj Objective, s sampler) (*trainer, error) {
	t := &trainer{options: o, engine: e, objective: obj, sampler: s, good: map[string][]float32{}}
	var wrt []*graph.Node
	for _, p := range obj.Params {
		wrt = append(wrt, p.Node)
		t.good[p.Name] = make([]float32, p.Value.Shape().TotalSize())
	}
	grads := obj.Gradients
	if grads == nil {
		grads = obj.Graph.Gradients(obj.Loss, wrt...)
	}
	var err error
	outputs := append([]*graph.Node{obj.Loss}, grads...)
	for _, term := range obj.Terms {
		if term.Node != obj.Loss {
			outputs = append(outputs, term.Node)
		}
	}
	if t.ranges() {
		outputs = append(outputs, obj.Logits)
	}
	if t.program, err = obj.Graph.Compile(outputs...); err != nil {
		return nil, err
	}
	t.notes = t.program.Notes()
	for _, n := range grads {
		v, err := t.program.Value(n)
		if err != nil {
			t.close()
			return nil, err
		}
		t.grads = append(t.grads, v)
	}
	if t.opt, err = newOptimizer(e, o, obj.Params); err != nil {
		t.close()
		return nil, err
	}
	if t.pending, err = newPending(e); err != nil {
		t.close()
		return nil, err
	}
	if err := t.remember(); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *trainer) close() {
	t.program.Close()
	if t.opt != nil {
		t.opt.close()
	}
	if t.pending != nil {
		t.pending.close()
	}
}

// run trains to the end, to the end of ctx, or until the loss is no number.
func (t *trainer) run(ctx context.Context) error {
	for t.at.Epoch < t.options.Epochs {
		err := t.epoch(ctx)
		if err != nil && ctx.Err() != nil && t.save != nil {
			if saveErr := t.saveState(context.WithoutCancel(ctx)); saveErr != nil {
				return errors.Join(err, saveErr)
			}
		}
		if err != nil {
			return err
		}
		every := t.options.CheckpointEvery
		if t.save != nil && every > 0 && t.at.Epoch%every == 0 && t.at.Epoch < t.options.Epochs {
			if err := t.saveState(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveState writes the checkpoint.
func (t *trainer) saveState(ctx context.Context) error {
	return t.hold(ctx, func() error {
		if err := t.settle(); err != nil {
			return err
		}
		return t.save(t)
	})
}

// hold runs f with the device held, and tells of the losses that were looked at
// once it is free for others.
func (t *trainer) hold(ctx context.Context, f func() error) error {
	err := device.Do(ctx, t.objective.Device, func(engine.Engine) error { return f() })
	settled := t.settled
	t.settled = nil
	if t.objective.EndStep != nil {
		for _, p := range settled {
			t.objective.EndStep(p)
		}
	}
	return err
}

// epoch runs what is left of the present epoch.
func (t *trainer) epoch(ctx context.Context) error {
	o, s := t.options, t.sampler
	rows := s.epoch(t.at.Epoch)
	for t.at.Step < s.steps {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("training stopped in epoch %d after %d steps of it: %w", t.at.Epoch+1, t.at.Step, err)
		}
		lr := o.Schedule.StepRate(o.LR, t.at.Epoch, o.Epochs, t.at.Step, s.steps)
		batch := rows[t.at.Step*s.batch : (t.at.Step+1)*s.batch]
		if err := t.take(ctx, batch, lr); err != nil {
			return fmt.Errorf("epoch %d, step %d: %w", t.at.Epoch+1, t.at.Step+1, err)
		}
		t.at.Step++
	}
	mean, lr := t.at.LossSum/float64(s.steps), o.Schedule.Rate(o.LR, t.at.Epoch, o.Epochs)
	t.losses = append(t.losses, mean)
	t.at = position{Epoch: t.at.Epoch + 1}
	if t.objective.EndEpoch != nil {
		end := func() error { return t.objective.EndEpoch(t.at.Epoch - 1) }
		if err := t.hold(context.WithoutCancel(ctx), end); err != nil {
			return err
		}
	}
	if o.Progress != nil {
		p := Progress{Epoch: t.at.Epoch, Epochs: o.Epochs, Steps: s.steps, Loss: mean, LR: lr, Range: t.spread}
		p.Notes, t.notes = t.notes, nil
		o.Progress(p)
	}
	return nil
}

// take prepares a batch and makes a step of it, with the device held.
func (t *trainer) take(ctx context.Context, rows []int, lr float64) error {
	if p := t.objective.Prepare; p != nil {
		if err := p(rows); err != nil {
			return err
		}
	}
	return t.hold(ctx, func() error { return t.step(ctx, rows, lr) })
}

// step computes loss and gradients of one batch and updates the parameters.
// The losses of an epoch's first and last step are looked at before the update,
// those between when enough have gathered: a loss that is no number ends the
// training, which goes back to the parameters of the last good epoch.
func (t *trainer) step(ctx context.Context, rows []int, lr float64) error {
	if err := t.objective.Feed(rows); err != nil {
		return err
	}
	if err := t.program.Run(ctx); err != nil {
		return err
	}
	loss, err := t.program.Value(t.objective.Loss)
	if err != nil {
		return err
	}
	at := Progress{Epoch: t.at.Epoch, Epochs: t.options.Epochs, Step: t.at.Step + 1, Steps: t.sampler.steps, LR: lr}
	if t.ranges() && at.Step == at.Steps {
		if t.spread, err = t.meanRange(); err != nil {
			return err
		}
		at.Range = t.spread
	}
	if err := t.pending.add(loss, at); err != nil {
		return err
	}
	if t.pending.full() || at.Step == 1 || at.Step == at.Steps {
		if err := t.settle(); err != nil {
			return err
		}
	}
	if t.at.Step == 0 {
		if err := t.remember(); err != nil {
			return err
		}
	}
	if t.at.Epoch == 0 && t.at.Step == 0 {
		if err := t.checkGradients(at); err != nil {
			return err
		}
	}
	return t.opt.step(t.grads, lr, t.at.Epoch*t.sampler.steps+at.Step)
}

// ranges says whether the range of the logits is told.
func (t *trainer) ranges() bool { return t.options.Ranges && t.objective.Logits != nil }

// meanRange is the mean over the step's samples of largest less smallest logit.
func (t *trainer) meanRange() (float64, error) {
	v, err := t.program.Value(t.objective.Logits)
	if err != nil {
		return 0, err
	}
	logits, err := t.download(v)
	if err != nil {
		return 0, err
	}
	sum, n := 0.0, v.Shape()[0]
	for row := range slices.Chunk(logits, len(logits)/n) {
		sum += float64(slices.Max(row)) - float64(slices.Min(row))
	}
	return sum / float64(n), nil
}

// settle looks at the losses of the steps so far.
func (t *trainer) settle() error {
	steps, err := t.pending.take()
	if err != nil {
		return err
	}
	for _, p := range steps {
		if !finite(p.Loss) {
			return t.diverged(p)
		}
		t.at.LossSum += p.Loss
		t.settled = append(t.settled, p)
	}
	return nil
}

// remember keeps the parameters, whose loss has just been found finite.
func (t *trainer) remember() error {
	t.goodAt = t.at.Epoch
	for _, p := range t.objective.Params {
		if err := t.engine.Download(t.good[p.Name], p.Value); err != nil {
			return err
		}
	}
	return nil
}
