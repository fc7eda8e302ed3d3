//go:build amd64 && !noasm

package imageio

import "golang.org/x/sys/cpu"

// fast says that the processor runs the assembly of this package.
var fast = cpu.X86.HasAVX2

// rowAVX2 writes len(first) RGBA pixels: pixel i is the sum of count[i] pixels
// of in from first[i] on, weighted by weight[i*width:].
//
//go:noescape
func rowAVX2(out, in *byte, first, count []int, weight *int32, width int)

// columnAVX2 writes n bytes, a multiple of 8: byte x is the sum of the bytes x
// of len(weight) rows, stride bytes apart; the alpha of every pixel is 255.
//
//go:noescape
func columnAVX2(out, rows *byte, n, stride int, weight []int32)
