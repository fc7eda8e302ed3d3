//go:build !amd64 || noasm

package imageio

const fast = false

func rowAVX2(out, in *byte, first, count []int, weight *int32, width int) {
	panic("imageio: no assembly")
}

func columnAVX2(out, rows *byte, n, stride int, weight []int32) { panic("imageio: no assembly") }
