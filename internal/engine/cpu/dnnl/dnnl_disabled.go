//go:build !onednn

package dnnl

import "errors"

// errDisabled is what every use reports in a program built without oneDNN.
var errDisabled = errors.New("this program was built without oneDNN: install its headers (libdnnl-dev on Debian and " +
	"Ubuntu) and build with -tags onednn")

// Available reports whether this program was built with oneDNN.
func Available() bool { return false }

// Version returns the version of the library that is loaded, here none.
func Version() string { return "none" }

// HasBF16 reports whether the processor multiplies bfloat16 in hardware.
func HasBF16() bool { return false }

// Context runs products; there is none without oneDNN.
type Context struct{}

// New returns an error that says how to build with oneDNN.
func New(int) (*Context, error) { return nil, errDisabled }

// Close does nothing.
func (*Context) Close() {}

// Weights is a packed matrix; there is none without oneDNN.
type Weights struct{}

// Bytes returns 0.
func (*Weights) Bytes() int { return 0 }

// Close does nothing.
func (*Weights) Close() {}

// Pack returns an error.
func (*Context) Pack([]float32, int, int, bool, bool) (*Weights, error) { return nil, errDisabled }

// Linear returns an error.
func (*Context) Linear(_, _ []float32, _ int, _ *Weights, _ []float32, _ Act, _ []float32) error {
	return errDisabled
}

// Gemm returns an error.
func (*Context) Gemm(_, _, _ []float32, _, _, _ int, _, _ bool, _ float32, _ []float32, _ Act, _ []float32) error {
	return errDisabled
}
