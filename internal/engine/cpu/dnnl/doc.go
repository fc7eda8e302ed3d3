// Package dnnl multiplies matrices with oneDNN, fusing bias, activation and
// residual into the product. It is built with the tag onednn and the headers
// of oneDNN 2.6 or later (libdnnl-dev on Debian and Ubuntu); without the tag,
// Available reports false and New an error.
//
// Products are all that is taken from oneDNN: attention, norms and the rest have
// no form here and are package cpu's own on either engine.
//
// oneDNN is called with one thread at a time from several goroutines, each on
// its own rows: its OpenMP runtime would otherwise keep helpers spinning on
// the cores that the engine's Go kernels want next.
package dnnl

// Act is the activation fused behind a product.
type Act int

// The activations, numbered as shim.h does.
const (
	Identity  Act = iota
	QuickGELU     // x * sigmoid(1.702 x), oneDNN's swish
	GELU          // x * Phi(x), with erf
	ReLU
)
