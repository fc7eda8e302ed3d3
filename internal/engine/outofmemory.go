package engine

import (
	"errors"
	"fmt"
)

// OutOfMemory is the error of an engine whose memory does not suffice.
type OutOfMemory struct {
	Device string // as in "GPU"
	Need   int64  // bytes asked for
	Free   int64  // bytes the engine could still have given
	Bound  int64  // bytes it may hold in all
	Whole  bool   // Need is all that a batch needs, not one piece of it
}

// Error says what was asked for and what there was.
func (e *OutOfMemory) Error() string {
	return fmt.Sprintf("out of %s memory: %s more are needed, %s of %s are free: use a smaller batch",
		e.Device, bytesText(e.Need), bytesText(e.Free), bytesText(e.Bound))
}

// Batch returns the batch size that would have fitted where batch did not,
// taking the need to grow with it and leaving a tenth to spare; 0 if none would,
// or if the whole need is not known.
func (e *OutOfMemory) Batch(batch int) int {
	if !e.Whole || e.Need <= 0 || batch < 1 {
		return 0
	}
	return min(batch-1, int(0.9*float64(e.Free)/float64(e.Need)*float64(batch)))
}

// NameBatch adds to an error of memory the batch size that would have fitted in
// place of batch; other errors it returns as they are.
func NameBatch(err error, batch int) error {
	var oom *OutOfMemory
	if errors.As(err, &oom) {
		if n := oom.Batch(batch); n > 0 {
			return fmt.Errorf("%w: --batch %d would fit in place of %d", err, n, batch)
		}
	}
	return err
}

// bytesText writes a number of bytes in the unit that suits it.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}
