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
	return fmt.Sprintf("out of %s memory: %s more are needed, %s of %s are free",
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

// Smaller returns the batch to go on with where batch did not fit, at least 1:
// the one that would have fitted, or half where that is not known.
func (e *OutOfMemory) Smaller(batch int) int {
	if n := e.Batch(batch); n > 0 {
		return n
	}
	return max(1, batch/2)
}

// What there may be too much of.
const (
	Images    = "images"
	Samples   = "samples"
	TrieNodes = "trie nodes"
)

// TooMany is an error of memory that knows what there was too much of.
type TooMany struct {
	Of  string // Images, Samples or TrieNodes
	N   int    // so many of them did not fit
	Fit int    // so many would have; 0 if that is not known

	Err error // wraps an OutOfMemory
}

// Error names what would fit.
func (e *TooMany) Error() string {
	if e.Fit < 1 {
		return fmt.Sprintf("%v (%d %s at a time)", e.Err, e.N, e.Of)
	}
	return fmt.Sprintf("%v: %d %s at a time would fit in place of %d", e.Err, e.Fit, e.Of, e.N)
}

// Unwrap returns the error of memory.
func (e *TooMany) Unwrap() error { return e.Err }

// NameFit makes an error of memory for n things computed together one that says
// how many would have fitted; other errors it returns as they are.
func NameFit(err error, of string, n int) error {
	var oom *OutOfMemory
	if !errors.As(err, &oom) {
		return err
	}
	return &TooMany{Of: of, N: n, Fit: oom.Batch(n), Err: err}
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
