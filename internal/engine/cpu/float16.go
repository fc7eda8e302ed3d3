package cpu

import (
	"fmt"
	"unsafe"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/cpu/scratch"

	"gorgonia.org/tensor"
)

var _ engine.MixedTraining = (*Engine)(nil)

// StoresFloat16 says whether activations are kept in bfloat16: where the
// processor multiplies and rounds in it.
func (e *Engine) StoresFloat16() bool { return e.bf16 && bgemm.Native() }

// StoresFloat16Gradients says that bfloat16 has the range of gradients.
func (e *Engine) StoresFloat16Gradients() bool { return e.StoresFloat16() }

// StoresFloat16Residuals says no: the sum that runs through a tower's blocks is
// the one value whose rounding every block would add to, and what it takes of
// memory's time is little beside the products.
func (e *Engine) StoresFloat16Residuals() bool { return false }

// ViewFloat16 returns a bfloat16 tensor over the first elements of buf.
func (e *Engine) ViewFloat16(buf *tensor.Dense, shape ...int) *tensor.Dense {
	n := tensor.Shape(shape).TotalSize()
	t := tensor.New(tensor.Of(engine.Float16), tensor.WithShape(shape...), tensor.WithEngine(e),
		tensor.FromMemory(buf.Uintptr(), uintptr(2*n)))
	t.Raw = buf.Raw[: 2*n : 2*n] // the same memory, with a pointer that the collector knows
	return t
}

// Cast writes x to out.
func (e *Engine) Cast(out, x *tensor.Dense) error {
	n := elements(x)
	if err := activations(sized{"values", x, n}, sized{"result", out, n}); err != nil {
		return err
	}
	e.elements(n, func(lo, hi int) { move(out, lo, x, lo, hi-lo) })
	return nil
}

// elements is the number of values of a tensor, whatever their form.
func elements(t *tensor.Dense) int {
	if t == nil {
		return 0
	}
	return t.Shape().TotalSize()
}

// isFloat16 says whether any of the tensors is stored in 16 bits.
func isFloat16(ts ...*tensor.Dense) bool {
	for _, t := range ts {
		if t != nil && t.Dtype() == engine.Float16 {
			return true
		}
	}
	return false
}

// b16 returns the elements of a bfloat16 tensor, nil for any other.
func b16(t *tensor.Dense) []uint16 {
	if !isFloat16(t) || len(t.Raw) < 2 {
		return nil
	}
	return unsafe.Slice((*uint16)(unsafe.Pointer(&t.Raw[0])), len(t.Raw)/2)
}

// activations reports an error unless every tensor holds so many values in 32
// or in 16 bits.
func activations(list ...sized) error {
	for _, s := range list {
		if isFloat16(s.t) {
			if n := len(b16(s.t)); n != s.n {
				return fmt.Errorf("%s of %v has %d values of 16 bits, want %d", s.name, s.t.Shape(), n, s.n)
			}
			continue
		}
		if err := want(s.name, s.t, s.n); err != nil {
			return err
		}
	}
	return nil
}

// matrix shows a tensor to bgemm.
func matrix(t *tensor.Dense) bgemm.Matrix {
	if t == nil {
		return bgemm.Matrix{}
	}
	_, n := dims(t)
	return bgemm.Matrix{F32: f32(t), BF16: b16(t), Stride: n}
}

// move copies n values of x, from the one numbered from on, to out, from the one
// numbered to on, whatever the storage of either.
func move(out *tensor.Dense, to int, x *tensor.Dense, from, n int) {
	switch d, s := f32(out), f32(x); {
	case d != nil && s != nil:
		copy(d[to:to+n], s[from:])
	case d != nil:
		bgemm.Widen(d[to:to+n], b16(x)[from:from+n])
	case s != nil:
		bgemm.Round(b16(out)[to:to+n], s[from:from+n])
	default:
		copy(b16(out)[to:to+n], b16(x)[from:])
	}
}

// piece is the number of values that are widened at a time: three pieces of them
// stay in the first-level cache.
const piece = 1 << 11

// pieces runs f, a loop over elements, on pieces of the inputs and of out, which
// may be one of them: where they lie, or widened and rounded again.
func (e *Engine) pieces(out *tensor.Dense, in []*tensor.Dense, f func(out []float32, in [][]float32)) {
	narrow := isFloat16(append([]*tensor.Dense{out}, in...)...)
	e.elements(elements(out), func(lo, hi int) {
		step := hi - lo
		var buf *scratch.Floats
		if narrow {
			step = min(step, piece)
			buf = scratch.Get((len(in) + 1) * step)
			defer buf.Put()
		}
		from := make([][]float32, len(in))
		for ; lo < hi; lo += step {
			n := min(step, hi-lo)
			for k, t := range in {
				if from[k] = f32(t); from[k] != nil {
					from[k] = from[k][lo : lo+n]
					continue
				}
				from[k] = buf.Data[(k+1)*step:][:n]
				bgemm.Widen(from[k], b16(t)[lo:lo+n])
			}
			if to := f32(out); to != nil {
				f(to[lo:lo+n], from)
				continue
			}
			f(buf.Data[:n], from)
			bgemm.Round(b16(out)[lo:lo+n], buf.Data[:n])
		}
	})
}

// inFloat32 runs f on float32 stand-ins for out and the inputs, for kernels that
// know no other storage and are not worth one of their own.
func (e *Engine) inFloat32(out *tensor.Dense, in []*tensor.Dense,
	f func(out *tensor.Dense, in []*tensor.Dense) error) error {
	wide := make([]*tensor.Dense, len(in))
	for i, t := range in {
		wide[i] = t
		if isFloat16(t) {
			buf := scratch.Get(elements(t))
			defer buf.Put()
			wide[i] = e.over(buf.Data, t.Shape())
			if err := e.Cast(wide[i], t); err != nil {
				return err
			}
		}
	}
	if !isFloat16(out) {
		return f(out, wide)
	}
	buf := scratch.Get(elements(out))
	defer buf.Put()
	to := e.over(buf.Data, out.Shape())
	if err := f(to, wide); err != nil {
		return err
	}
	return e.Cast(out, to)
}

// over returns a tensor over values.
func (e *Engine) over(values []float32, shape tensor.Shape) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values), tensor.WithEngine(e))
}
