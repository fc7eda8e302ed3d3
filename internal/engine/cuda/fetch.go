package cuda

import (
	"fmt"
	"math/bits"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

var _ engine.Fetcher = (*Engine)(nil)

// fetched is pinned memory that results are copied to while the device goes on:
// the values, and behind them the word in which kernels report faults.
type fetched struct {
	host []byte
	done Event
	busy bool
}

// Fetch queues the copying of src to the host; wait waits for it alone, not for
// work queued later.
func (e *Engine) Fetch(src *tensor.Dense) (wait func(dst []float32) error, err error) {
	if src.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("cannot read a tensor of %v %v into float32 values", src.Shape(), src.Dtype())
	}
	if e.recording != nil {
		return nil, errRecording
	}
	n := 4 * size(src)
	f, err := e.takeFetched(n + faultBytes)
	if err != nil {
		return nil, err
	}
	f.busy = true
	err = first(e.d.CopyBack(f.host[:n], address(src)), e.d.CopyBack(f.host[n:n+faultBytes], e.fault), f.done.Set(Main))
	if err != nil {
		return nil, err
	}
	return func(dst []float32) error {
		if err := f.done.Wait(); err != nil {
			return err
		}
		f.busy = false
		b, _, count, _ := raw(dst)
		if 4*count != n {
			return fmt.Errorf("cannot read a tensor of %v into %d values", src.Shape(), count)
		}
		copy(b, f.host)
		return e.explainFault([faultBytes]byte(f.host[n:]))
	}, nil
}

// takeFetched returns memory for n bytes, that of an earlier fetch if it will do.
func (e *Engine) takeFetched(n int) (*fetched, error) {
	for _, f := range e.fetched {
		if !f.busy && len(f.host) >= n {
			return f, nil
		}
	}
	host, err := e.d.AllocPinned(1 << max(16, bits.Len(uint(n-1))))
	if err != nil {
		return nil, err
	}
	f := &fetched{host: host}
	if f.done, err = e.d.NewEvent(); err != nil {
		return nil, first(err, e.d.FreePinned(host))
	}
	e.fetched = append(e.fetched, f)
	return f, nil
}

func (e *Engine) closeFetched() error {
	var err error
	for _, f := range e.fetched {
		err = first(err, f.done.Close(), e.d.FreePinned(f.host))
	}
	e.fetched = nil
	return err
}
