//go:build !amd64 || noasm

package vec

const fast = false

func dotAVX2(x, y []float32) float32                            { panic("vec: no assembly") }
func sumAVX2(x []float32) float32                               { panic("vec: no assembly") }
func maxAVX2(x []float32) float32                               { panic("vec: no assembly") }
func sqDistAVX2(x []float32, mean float32) float32              { panic("vec: no assembly") }
func addReLUAVX2(x, y []float32)                                { panic("vec: no assembly") }
func axpyAVX2(a float32, x, y []float32)                        { panic("vec: no assembly") }
func normAVX2(dst, x, gain, bias []float32, mean, rstd float32) { panic("vec: no assembly") }
func expAVX2(dst, x []float32, scale, shift float32) float32    { panic("vec: no assembly") }
func sigmoidMulAVX2(dst, x []float32, slope float32)            { panic("vec: no assembly") }
func sigmoidMulGradAVX2(dst, x, dy []float32, slope float32)    { panic("vec: no assembly") }

func mulAVX2(dst, x, y []float32, a float32)           { panic("vec: no assembly") }
func mulAddAVX2(dst, x, y []float32)                   { panic("vec: no assembly") }
func combineAVX2(dst, x, y []float32, a, b, c float32) { panic("vec: no assembly") }
func geluAVX2(dst, x []float32)                        { panic("vec: no assembly") }
func geluGradAVX2(dst, x, dy []float32)                { panic("vec: no assembly") }

func headDotsAVX2(dst []float32, stride int, x, y []float32, dim int) { panic("vec: no assembly") }
func headAxpyAVX2(a []float32, stride int, x, y []float32, dim int)   { panic("vec: no assembly") }

func sgdAVX2(p, v, g []float32, lr, momentum, decay float32) { panic("vec: no assembly") }
func adamwAVX2(p, m, v, g []float32, c *Adam)                { panic("vec: no assembly") }

func dotRows64AVX2(dst, x, y []float64) { panic("vec: no assembly") }
