//go:build !amd64 || noasm

package bgemm

// wide says that there is assembly in registers of 512 bits.
const wide = false

func zip512(dst, a, b *uint16) { panic("bgemm: no assembly") }

func softmax512(dst *uint16, src *float32, n, whole int, scale float32) float32 {
	panic("bgemm: no assembly")
}

func pairs512(dst, a *uint16, stride, pairs, rows int) { panic("bgemm: no assembly") }

func slopes512(dst, p *uint16, dp *float32, n int, mean, factor float32) { panic("bgemm: no assembly") }

func quickGELU512(dst, x *uint16, n int)                  { panic("bgemm: no assembly") }
func gelu512(dst, x *uint16, n int)                       { panic("bgemm: no assembly") }
func quickGELUGrad512(dst, x *uint16, dy *float32, n int) { panic("bgemm: no assembly") }
func attendNode512(*treeNode)                             { panic("bgemm: no assembly") }
func gradNode512(*treeGradient)                           { panic("bgemm: no assembly") }
func sumRun512(*treeRun)                                  { panic("bgemm: no assembly") }
