//go:build (!amd64 && !arm64) || noasm

package bgemm

const fast = false

var (
	kernels = []*kernel{widening}
	active  = widening
)

func finishAsm(*finishing)            { panic("bgemm: no assembly") }
func roundAsm(*uint16, *float32, int) { panic("bgemm: no assembly") }
func widenAsm(*float32, *uint16, int) { panic("bgemm: no assembly") }
