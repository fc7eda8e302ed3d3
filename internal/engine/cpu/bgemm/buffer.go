package bgemm

import "sync"

// buffer is memory borrowed for the length of a kernel.
type buffer struct {
	narrow []uint16
	wide   []float32
}

var buffers = sync.Pool{New: func() any { return &buffer{} }}

// borrow returns a buffer of so many values; they hold whatever was left there.
func borrow(narrow, wide int) *buffer {
	b := buffers.Get().(*buffer)
	b.grow(narrow, wide)
	return b
}

// grow makes the slices as long as asked for.
func (b *buffer) grow(narrow, wide int) {
	if cap(b.narrow) < narrow {
		b.narrow = make([]uint16, narrow)
	}
	if cap(b.wide) < wide {
		b.wide = make([]float32, wide)
	}
	b.narrow, b.wide = b.narrow[:narrow], b.wide[:wide]
}

func (b *buffer) giveBack() { buffers.Put(b) }
