package engine

import (
	"reflect"

	"gorgonia.org/tensor"
)

// Float16 is the type of an activation that an engine keeps in 16 bits; whether
// as bfloat16 or as IEEE half is the engine's affair. Only what flows from one
// operation of a program to the next is ever stored so: inputs, weights and
// outputs are float32, and so are gradients but on their way into a product.
var Float16 = tensor.Dtype{Type: reflect.TypeOf(float16(0))}

type float16 uint16

// MixedPrecision is an engine that may keep activations in 16 bits.
type MixedPrecision interface {
	// StoresFloat16 says whether it does, in the precision it was opened with.
	StoresFloat16() bool
	// StoresFloat16Gradients says whether its 16 bits have the range of gradients.
	StoresFloat16Gradients() bool
	// StoresFloat16Residuals says whether what runs through a tower's residual
	// connections may be kept so, too.
	StoresFloat16Residuals() bool
	// ViewFloat16 returns a Float16 tensor over the first 16-bit elements of buf.
	ViewFloat16(buf *tensor.Dense, shape ...int) *tensor.Dense
	// Frozen says whether a tensor was handed to Freeze.
	Frozen(t *tensor.Dense) bool
	// Cast writes x to out, rounding where out has 16 bits and x has not.
	Cast(out, x *tensor.Dense) error
}

// StoresFloat16 says whether e keeps activations in 16 bits.
func StoresFloat16(e Engine) bool {
	m, ok := e.(MixedPrecision)
	return ok && m.StoresFloat16()
}

// MixedTraining is an engine that trains weights in 16 bits, too: it keeps them in
// float32, and rounds both factors of the products they are in, the activations
// that backward passes read, and gradients on their way into products.
type MixedTraining interface {
	MixedPrecision
	// Narrow says that t is a weight that changes, whose products are to be so.
	Narrow(t *tensor.Dense)
	// Narrowed says whether products by t are.
	Narrowed(t *tensor.Dense) bool
}

// TrainsFloat16 says whether e trains weights so, in the precision it was opened
// with; the gradients of frozen towers read 16 bits there as well.
func TrainsFloat16(e Engine) bool {
	_, ok := e.(MixedTraining)
	return ok && StoresFloat16(e)
}
