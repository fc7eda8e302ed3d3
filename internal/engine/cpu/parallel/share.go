package parallel

import "sync/atomic"

// Share is a number of threads that engines side by side have in common. It is
// safe for concurrent use.
type Share struct {
	threads int
	busy    atomic.Int32
}

// NewShare returns a share of at least one thread.
func NewShare(threads int) *Share { return &Share{threads: max(threads, 1)} }

// All is the number of threads that there are.
func (s *Share) All() int { return s.threads }

// Each is the number of threads for one of those that are busy, at least 1.
func (s *Share) Each() int { return max(1, s.threads/max(1, int(s.busy.Load()))) }

// Busy says that so many more engines are busy, or fewer.
func (s *Share) Busy(more int) { s.busy.Add(int32(more)) }
