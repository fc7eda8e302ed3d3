package cpu

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

var _ engine.Sharer = (*Engine)(nil)

// Beside returns an engine that computes on the same threads, and bears the same
// name: kernels give the same bytes for any number of threads.
func (e *Engine) Beside() engine.Engine { return newEngine(e.share, e.bf16) }

// Busy says that so many more of the engines on these threads are busy, or fewer.
// A kernel that begins takes its part of the threads.
func (e *Engine) Busy(more int) { e.share.Busy(more) }

// Adopt returns a tensor of e that has the values of t, a tensor of another
// engine of this kind that never changes again, and none of its own; of a frozen
// one e then has the copies in bfloat16, too, whichever of the two makes them.
func (e *Engine) Adopt(t *tensor.Dense, of engine.Engine) (*tensor.Dense, error) {
	other, ok := of.(*Engine)
	if !ok || other.bf16 != e.bf16 {
		return nil, fmt.Errorf("%s cannot share the memory of %s", e.Name(), of.Name())
	}
	own := t.ShallowClone()
	if f := other.frozen[t]; f != nil {
		e.frozen[own] = f
	}
	return own, nil
}
