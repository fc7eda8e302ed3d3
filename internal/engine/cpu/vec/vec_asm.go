//go:build (amd64 || arm64) && !noasm

package vec

// The bodies of the functions of this package, for slices of whole lanes: AVX2 and
// FMA on amd64, NEON on arm64.

//go:noescape
func dotAsm(x, y []float32) float32

//go:noescape
func sumAsm(x []float32) float32

//go:noescape
func maxAsm(x []float32) float32

//go:noescape
func sqDistAsm(x []float32, mean float32) float32

//go:noescape
func addReLUAsm(x, y []float32)

//go:noescape
func axpyAsm(a float32, x, y []float32)

//go:noescape
func normAsm(dst, x, gain, bias []float32, mean, rstd float32)

//go:noescape
func expAsm(dst, x []float32, scale, shift float32) float32

//go:noescape
func sigmoidMulAsm(dst, x []float32, slope float32)

//go:noescape
func sigmoidMulGradAsm(dst, x, dy []float32, slope float32)

//go:noescape
func mulAsm(dst, x, y []float32, a float32)

//go:noescape
func mulAddAsm(dst, x, y []float32)

//go:noescape
func combineAsm(dst, x, y []float32, a, b, c float32)

//go:noescape
func geluAsm(dst, x []float32)

//go:noescape
func geluGradAsm(dst, x, dy []float32)

//go:noescape
func headDotsAsm(dst []float32, stride int, x, y []float32, dim int)

//go:noescape
func headAxpyAsm(a []float32, stride int, x, y []float32, dim int)

//go:noescape
func sgdAsm(p, v, g []float32, lr, momentum, decay float32)

//go:noescape
func adamwAsm(p, m, v, g []float32, c *Adam)

//go:noescape
func dotRows64Asm(dst, x, y []float64)
