//go:build (amd64 || arm64) && !noasm

package imageio

// rowAsm writes len(first) RGBA pixels: pixel i is the sum of count[i] pixels
// of in from first[i] on, weighted by weight[i*width:].
//
//go:noescape
func rowAsm(out, in *byte, first, count []int, weight *int32, width int)

// columnAsm writes n bytes, a multiple of 8: byte x is the sum of the bytes x
// of len(weight) rows, stride bytes apart; the alpha of every pixel is 255.
//
//go:noescape
func columnAsm(out, rows *byte, n, stride int, weight []int32)
