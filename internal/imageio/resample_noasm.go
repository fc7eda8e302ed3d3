//go:build (!amd64 && !arm64) || noasm

package imageio

const fast = false

func rowAsm(out, in *byte, first, count []int, weight *int32, width int) {
	panic("imageio: no assembly")
}

func columnAsm(out, rows *byte, n, stride int, weight []int32) { panic("imageio: no assembly") }
