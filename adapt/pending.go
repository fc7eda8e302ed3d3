package adapt

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
	last   *tensor.Dense   // the loss itself
	steps  []Progress      // of the losses kept, in order
}

func newPending(e engine.Engine) (*pending, error) {
	p := &pending{engine: e}
	if _, queues := e.(engine.Recorder); !queues {
		return p, nil
	}
	for range mostPending {
		t, err := e.New(tensor.Float32, 1)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("memory for the losses: %w", err)
		}
		p.kept = append(p.kept, t)
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
	for i := range steps {
		from := p.last
		if len(p.kept) > 0 {
			from = p.kept[i]
		}
		var loss [1]float32
		if err := p.engine.Download(loss[:], from); err != nil {
			return nil, err
		}
		steps[i].Loss = float64(loss[0])
	}
	return steps, nil
}

func (p *pending) close() {
	for _, t := range p.kept {
		p.engine.Release(t)
	}
}
