package engine

import (
	"reflect"

	"gorgonia.org/tensor"
)

// Narrow is the type of an activation that an engine keeps in 16 bits; whether
// as bfloat16 or as IEEE half is the engine's affair. Only what flows from one
// operation of a program to the next is ever narrow: inputs, weights and
// outputs are float32, and so are gradients but on their way into a product.
var Narrow = tensor.Dtype{Type: reflect.TypeOf(narrow(0))}

type narrow uint16

// Narrower is an engine that may keep activations in 16 bits.
type Narrower interface {
	// Narrows says whether it does, in the precision it was opened with.
	Narrows() bool
	// NarrowsGradients says whether its 16 bits have the range of gradients.
	NarrowsGradients() bool
	// ViewNarrow returns a Narrow tensor over the first 16-bit elements of buf.
	ViewNarrow(buf *tensor.Dense, shape ...int) *tensor.Dense
	// Frozen says whether a tensor was handed to Freeze.
	Frozen(t *tensor.Dense) bool
	// Cast writes x to out, rounding where out is narrow and x is not.
	Cast(out, x *tensor.Dense) error
}
