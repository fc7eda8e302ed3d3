package cpu

import (
	"runtime"
	"sync"

	"clipcalib/internal/engine/cpu/bgemm"

	"gorgonia.org/tensor"
)

// frozen holds the bfloat16 copies of a matrix that never changes: one as it
// stands and one transposed, since the backward pass multiplies by the
// transpose. From the first of them on they are all there is: the float32
// values are given up, which halves the memory of a tower's weights. In float32
// no copy is kept: packing anew costs less than a hundredth of a product.
//
// Engines side by side share the copies of a matrix that one has of another.
type frozen struct {
	mu                sync.Mutex
	plain, transposed *bgemm.Weights
}

// collectAfter is how many bytes of float32 values are given up before the
// collector is asked to take them: by itself it lets the heap double first, and
// the memory of both copies would be held at once.
const collectAfter = 32 << 20

// Freeze promises that t never changes again.
func (e *Engine) Freeze(t *tensor.Dense) {
	if e.bf16 && e.frozen[t] == nil && len(t.Shape()) == 2 {
		e.frozen[t] = &frozen{}
	}
}

// Frozen says whether t was handed to Freeze in a precision that makes use of it.
func (e *Engine) Frozen(t *tensor.Dense) bool { return e.frozen[t] != nil }

func (e *Engine) thaw(t *tensor.Dense) {
	delete(e.frozen, t)
	delete(e.narrow, t)
}

// Narrow lets products by t, a weight that changes, round both factors.
func (e *Engine) Narrow(t *tensor.Dense) {
	if e.StoresFloat16() && e.frozen[t] == nil && len(t.Shape()) == 2 {
		e.narrow[t] = true
	}
}

// Narrowed says whether products by t round both factors.
func (e *Engine) Narrowed(t *tensor.Dense) bool { return e.narrow[t] }

// any returns a copy that there is, and whether it is that of the transpose.
func (f *frozen) any() (w *bgemm.Weights, transposed bool) {
	if f == nil {
		return nil, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plain != nil {
		return f.plain, false
	}
	return f.transposed, f.transposed != nil
}

// packed returns the bfloat16 copy of t, or of its transpose, made at its first
// use, or nil if t is not frozen.
func (e *Engine) packed(t *tensor.Dense, trans bool) *bgemm.Weights {
	f := e.frozen[t]
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	slot, other := &f.plain, f.transposed
	if trans {
		slot, other = &f.transposed, f.plain
	}
	switch {
	case *slot != nil:
	case other != nil:
		*slot = other.Transposed(e.threads())
	default:
		k, n := dims(t)
		if trans {
			k, n = n, k
		}
		*slot = bgemm.Pack(e.threads(), f32(t), k, n, trans)
		if e.givenUp += 4 * k * n; e.givenUp >= collectAfter {
			e.givenUp = 0
			runtime.GC()
		}
	}
	if len(t.Raw) > 4 {
		// One value is left, by whose number every kernel sees that the values
		// are elsewhere. The shape stays: graphs that are being built read it.
		t.Raw = make([]byte, 4)
	}
	return *slot
}

// unpack writes the values of a frozen matrix that has copies alone to dst, and
// says whether it is one.
func (e *Engine) unpack(dst []float32, t *tensor.Dense) bool {
	w, transposed := e.frozen[t].any()
	if w == nil {
		return false
	}
	w.Unpack(e.threads(), dst, transposed)
	return true
}
