// Package scratch lends float32 slices for the length of a kernel, so that
// kernels in a loop allocate nothing.
package scratch

import (
	"math/bits"
	"sync"
)

// Floats is a borrowed slice; Data holds the length asked for and whatever
// was left in it.
type Floats struct {
	Data  []float32
	class int
}

// pools holds slices by capacity: those of class c have 1<<c values.
var pools [48]sync.Pool

// Get borrows a slice of n values.
func Get(n int) *Floats {
	class := bits.Len(uint(max(n, 64) - 1))
	f, _ := pools[class].Get().(*Floats)
	if f == nil {
		f = &Floats{Data: make([]float32, 1<<class), class: class}
	}
	f.Data = f.Data[:n]
	return f
}

// Put gives the slice back.
func (f *Floats) Put() { pools[f.class].Put(f) }
