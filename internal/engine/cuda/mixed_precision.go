package cuda

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

var _ engine.MixedPrecision = (*Engine)(nil)

// mixedFrom is the compute capability that has all that 16-bit activations need.
const mixedFrom = 80

// StoresFloat16 says whether activations are kept in 16 bits.
func (e *Engine) StoresFloat16() bool { return e.float16Kind() != Float }

// StoresFloat16Gradients says whether gradients may be kept in 16 bits, too.
func (e *Engine) StoresFloat16Gradients() bool { return e.float16Kind() == BFloat }

// StoresFloat16Residuals says that the residual stream has 16 bits, too: its
// traffic is what a GPU's norms wait for.
func (e *Engine) StoresFloat16Residuals() bool { return e.StoresFloat16() }

// float16Kind is the kind of 16-bit tensors, Float where there are none.
func (e *Engine) float16Kind() Kind {
	switch {
	case e.d.Info().Capability < mixedFrom:
	case e.precision == BF16:
		return BFloat
	case e.precision == FP16:
		return Half
	}
	return Float
}

// ViewFloat16 returns a 16-bit tensor over the first elements of buf.
func (e *Engine) ViewFloat16(buf *tensor.Dense, shape ...int) *tensor.Dense {
	return e.over(address(buf), engine.Float16, shape)
}

// kind is how a tensor of activations is stored.
func (e *Engine) kind(t *tensor.Dense) Kind {
	if t != nil && t.Dtype() == engine.Float16 {
		return e.float16Kind()
	}
	return Float
}

// isFloat16 says whether a tensor is stored in 16 bits.
func isFloat16(t *tensor.Dense) bool { return t != nil && t.Dtype() == engine.Float16 }

// suffixes are those of FOR_STORAGE in common.cuh.
var suffixes = [...]string{BFloat: "_bf16", Half: "_fp16"}

// variant returns the name of the kernel for the storage of its input and its
// result, as FOR_STORAGE in common.cuh builds it.
func (e *Engine) variant(kernel string, in, out *tensor.Dense) string {
	if !isFloat16(in) && !isFloat16(out) {
		return kernel
	}
	kernel += suffixes[e.float16Kind()]
	switch {
	case !isFloat16(in):
		return kernel + "_out"
	case !isFloat16(out):
		return kernel + "_in"
	}
	return kernel
}

// Cast writes x to out.
func (e *Engine) Cast(out, x *tensor.Dense) error {
	n := size(x)
	if err := activations(sized{"values", x, n}, sized{"result", out, n}); err != nil {
		return err
	}
	if x.Dtype() == out.Dtype() {
		return e.d.Copy(address(out), address(x), width(x)*int64(n))
	}
	return e.runs(e.variant("cast", x, out), int64(n), out, x, int64(n))
}

// width is the bytes of an element.
func width(t *tensor.Dense) int64 { return int64(t.Dtype().Size()) }

// like returns t if it is of type dt, else scratch of t's shape and that type,
// without t's values; release gives it back.
func (e *Engine) like(t *tensor.Dense, dt tensor.Dtype) (s *tensor.Dense, release func(), err error) {
	if t == nil || t.Dtype() == dt {
		return t, func() {}, nil
	}
	p, release, err := e.scratch(int64(dt.Size()) * int64(size(t)))
	if err != nil {
		return nil, nil, err
	}
	return e.over(p, dt, t.Shape()), release, nil
}

// as returns t as type dt: itself, or a copy in scratch; release gives it back.
func (e *Engine) as(t *tensor.Dense, dt tensor.Dtype) (s *tensor.Dense, release func(), err error) {
	s, release, err = e.like(t, dt)
	if err == nil && s != t {
		if err = e.Cast(s, t); err != nil {
			release()
		}
	}
	return s, release, err
}

// inFloat32 runs f on float32 stand-ins for out and the inputs, for kernels that
// know no other storage.
func (e *Engine) inFloat32(out *tensor.Dense, in []*tensor.Dense,
	f func(out *tensor.Dense, in []*tensor.Dense) error) error {
	wide := make([]*tensor.Dense, len(in))
	for i, t := range in {
		w, release, err := e.as(t, tensor.Float32)
		if err != nil {
			return err
		}
		defer release()
		wide[i] = w
	}
	to, release, err := e.like(out, tensor.Float32)
	if err != nil {
		return err
	}
	defer release()
	if err := f(to, wide); err != nil || to == out {
		return err
	}
	return e.Cast(out, to)
}

// Frozen says whether t was handed to Freeze in a precision that makes use of it.
func (e *Engine) Frozen(t *tensor.Dense) bool {
	_, ok := e.frozen[t]
	return ok
}

// Freeze promises that t never changes again, so that a 16-bit copy of it may
// be kept; the copy is made at its first use.
func (e *Engine) Freeze(t *tensor.Dense) {
	if !e.Frozen(t) && (e.precision == BF16 || e.precision == FP16) {
		e.frozen[t] = 0
	}
}

// frozenCopy returns the 16-bit copy of a frozen tensor.
func (e *Engine) frozenCopy(t *tensor.Dense) (Ptr, error) {
	if p := e.frozen[t]; p != 0 {
		return p, nil
	}
	n := int64(size(t))
	p, err := e.pool.get(2 * n)
	if err != nil {
		return 0, err
	}
	if err := e.castTo16(p, t); err != nil {
		return 0, fmt.Errorf("16-bit weights: %w", err)
	}
	e.frozen[t] = p
	return p, nil
}

// castTo16 writes float32 values to p in 16 bits.
func (e *Engine) castTo16(p Ptr, t *tensor.Dense) error {
	n := int64(size(t))
	kernel := "cast_bf16_out"
	if e.precision == FP16 {
		kernel = "cast_fp16_out"
	}
	return e.runs(kernel, n, p, t, n)
}

func (e *Engine) thaw(t *tensor.Dense) {
	if p := e.frozen[t]; p != 0 {
		e.drop(p)
	}
	delete(e.frozen, t)
}
