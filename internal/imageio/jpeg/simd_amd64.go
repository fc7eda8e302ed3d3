//go:build amd64 && !noasm

package jpeg

import "golang.org/x/sys/cpu"

// fast says that the processor runs the assembly of this package, which
// computes what the Go code does.
var fast = cpu.X86.HasAVX2

// idctAVX2 is [idct] for any block.
//
//go:noescape
func idctAVX2(block *[64]int16, out *uint8, stride int)

// yccAVX2 is [yccRow] for n pixels, a multiple of 8.
//
//go:noescape
func yccAVX2(out, y, cb, cr *uint8, n int)

// sumsAVX2 sets n sums, a multiple of 16, to 3 near + far.
//
//go:noescape
func sumsAVX2(sums *uint16, near, far *uint8, n int)

// widenAVX2 writes 2 n samples, n a multiple of 16, from n sums and the ones
// before and after them, as [fancyH2V2] does between the edges.
//
//go:noescape
func widenAVX2(out *uint8, sums *uint16, n int)
