//go:build (!amd64 && !arm64) || noasm

package vec

const fast = false

func dotAsm(x, y []float32) float32                            { panic("vec: no assembly") }
func sumAsm(x []float32) float32                               { panic("vec: no assembly") }
func maxAsm(x []float32) float32                               { panic("vec: no assembly") }
func sqDistAsm(x []float32, mean float32) float32              { panic("vec: no assembly") }
func addReLUAsm(x, y []float32)                                { panic("vec: no assembly") }
func axpyAsm(a float32, x, y []float32)                        { panic("vec: no assembly") }
func normAsm(dst, x, gain, bias []float32, mean, rstd float32) { panic("vec: no assembly") }
func expAsm(dst, x []float32, scale, shift float32) float32    { panic("vec: no assembly") }
func sigmoidMulAsm(dst, x []float32, slope float32)            { panic("vec: no assembly") }
func sigmoidMulGradAsm(dst, x, dy []float32, slope float32)    { panic("vec: no assembly") }

func mulAsm(dst, x, y []float32, a float32)           { panic("vec: no assembly") }
func mulAddAsm(dst, x, y []float32)                   { panic("vec: no assembly") }
func combineAsm(dst, x, y []float32, a, b, c float32) { panic("vec: no assembly") }
func geluAsm(dst, x []float32)                        { panic("vec: no assembly") }
func geluGradAsm(dst, x, dy []float32)                { panic("vec: no assembly") }

func headDotsAsm(dst []float32, stride int, x, y []float32, dim int) { panic("vec: no assembly") }
func headAxpyAsm(a []float32, stride int, x, y []float32, dim int)   { panic("vec: no assembly") }

func sgdAsm(p, v, g []float32, lr, momentum, decay float32) { panic("vec: no assembly") }
func adamwAsm(p, m, v, g []float32, c *Adam)                { panic("vec: no assembly") }

func dotRows64Asm(dst, x, y []float64) { panic("vec: no assembly") }
