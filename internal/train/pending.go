package train

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// mostPending is the number of steps after which the host waits for a device
// that works through a queue, to look at their losses.
const mostPending = 32

// pending holds the losses of steps that the device has been given and the
// host has not yet looked at. On an engine that computes at once there is never
// more than one.
type pending struct {
	engine engine.Engine
	kept   []*tensor.Dense // copies of losses, nil on an engine that computes at once
	joined *tensor.Dense   // of all that are kept
	last   *tensor.Dense   // the loss itself
	steps  []Progress      // of the losses kept, in order
}

func newPending(e engine.Engine) (*pending, error) {
	p := &pending{engine: e}
	if _, queues := e.(engine.Recorder); !queues {
		return p, nil
	}
	var err error
	for len(p.kept) < mostPending && err == nil {
		var t *tensor.Dense
		if t, err = e.New(tensor.Float32, 1); err == nil {
			p.kept = append(p.kept, t)
		}
	}
	if err == nil {
		p.joined, err = e.New(tensor.Float32, mostPending)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("memory for the losses: %w", err)
	}
	return p, nil
}

// add takes note of a step whose loss is in a tensor that the next overwrites.
func (p *pending) add(loss *tensor.Dense, step Progress) error {
	if len(p.kept) > 0 {
		kept := p.kept[len(p.steps)]
		if err := p.engine.Concat(kept, loss); err != nil {
			return err
		}
	}
	p.last = loss
	p.steps = append(p.steps, step)
	return nil
}

// full says whether the losses must be taken before another is added.
func (p *pending) full() bool { return len(p.steps) >= max(1, len(p.kept)) }

// take waits for the device and returns the steps with their losses.
func (p *pending) take() ([]Progress, error) {
	steps := p.steps
	p.steps = nil
	if len(steps) == 0 {
		return nil, nil
	}
	from := p.last
	if len(p.kept) > 0 {
		from = p.engine.View(p.joined, len(steps))
		if err := p.engine.Concat(from, p.kept[:len(steps)]...); err != nil {
			return nil, err
		}
	}
	losses := make([]float32, len(steps))
	if err := p.engine.Download(losses, from); err != nil {
		return nil, err
	}
	for i, l := range losses {
		steps[i].Loss = float64(l)
	}
	return steps, nil
}

func (p *pending) close() {
	for _, t := range append(p.kept, p.joined) {
		if t != nil {
			p.engine.Release(t)
		}
	}
}
