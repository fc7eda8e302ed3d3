//go:build amd64 && !noasm

package vec

import "golang.org/x/sys/cpu"

// fast says that the processor runs the assembly of this package.
var fast = cpu.X86.HasAVX2 && cpu.X86.HasFMA

//go:noescape
func dotAVX2(x, y []float32) float32

//go:noescape
func sumAVX2(x []float32) float32

//go:noescape
func maxAVX2(x []float32) float32

//go:noescape
func sqDistAVX2(x []float32, mean float32) float32

//go:noescape
func addReLUAVX2(x, y []float32)

//go:noescape
func axpyAVX2(a float32, x, y []float32)

//go:noescape
func normAVX2(dst, x, gain, bias []float32, mean, rstd float32)

//go:noescape
func expAVX2(dst, x []float32, scale, shift float32) float32

//go:noescape
func sigmoidMulAVX2(dst, x []float32, slope float32)

//go:noescape
func sigmoidMulGradAVX2(dst, x, dy []float32, slope float32)

//go:noescape
func mulAVX2(dst, x, y []float32, a float32)

//go:noescape
func mulAddAVX2(dst, x, y []float32)

//go:noescape
func combineAVX2(dst, x, y []float32, a, b, c float32)

//go:noescape
func geluAVX2(dst, x []float32)

//go:noescape
func geluGradAVX2(dst, x, dy []float32)

//go:noescape
func headDotsAVX2(dst []float32, stride int, x, y []float32, dim int)

//go:noescape
func headAxpyAVX2(a []float32, stride int, x, y []float32, dim int)

//go:noescape
func sgdAVX2(p, v, g []float32, lr, momentum, decay float32)

//go:noescape
func adamwAVX2(p, m, v, g []float32, c *Adam)

//go:noescape
func dotRows64AVX2(dst, x, y []float64)
