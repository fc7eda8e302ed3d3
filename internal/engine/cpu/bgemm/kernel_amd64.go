//go:build amd64 && !noasm

package bgemm

import "golang.org/x/sys/cpu"

var (
	// fast says that the assembly that rounds, widens and finishes runs here, and
	// wide that the one in registers of 512 bits does.
	fast = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BF16
	wide = fast

	dot = &kernel{name: "avx512bf16", rows: dotRows, packed: dotPacked, pack: packDot, packColumns: packDotColumns,
		dot: dotAVX512, peak: dotPeak}
	tiles = &kernel{name: "amx", rows: tileRows, packed: tilesPacked, pack: packTiles, packColumns: packTileColumns,
		dot: dotTiles, peak: tilePeak}

	kernels = available()
	active  = kernels[0]
)

// available lists the kernels this processor runs, fastest first.
func available() []*kernel {
	var ks []*kernel
	if wide && cpu.X86.HasAMXTile && cpu.X86.HasAMXBF16 && allowTiles() {
		ks = append(ks, tiles)
	}
	if wide {
		ks = append(ks, dot)
	}
	return append(ks, widening)
}

// tileConfig describes the eight tiles: 16 rows of 64 bytes each.
var tileConfig = func() (c [64]byte) {
	c[0] = 1 // the palette
	for t := range 8 {
		c[16+2*t] = 64
		c[48+t] = 16
	}
	return c
}()

// dot12x32 adds the products of pairs of depths, see portable.
//
//go:noescape
func dot12x32(pairs int, a, b *uint16, c *float32, ldc int)

//go:noescape
func tiles32x32(blocks int, a, b *uint16, c *float32, ldc int, config *byte)

//go:noescape
func peakDot(rounds int)

//go:noescape
func peakTiles(rounds int, config *byte)

//go:noescape
func finishAsm(f *finishing)

//go:noescape
func roundAsm(dst *uint16, src *float32, n int)

//go:noescape
func widenAsm(dst *float32, src *uint16, n int)

//go:noescape
func quickGELU512(dst, x *uint16, n int)

//go:noescape
func gelu512(dst, x *uint16, n int)

//go:noescape
func quickGELUGrad512(dst, x *uint16, dy *float32, n int)

//go:noescape
func softmax512(dst *uint16, src *float32, n, whole int, scale float32) (sum float32)

//go:noescape
func zip512(dst, a, b *uint16)

//go:noescape
func pairs512(dst, a *uint16, stride, pairs, rows int)

//go:noescape
func slopes512(dst, p *uint16, dp *float32, n int, mean, factor float32)

//go:noescape
func attendNode512(n *treeNode)

//go:noescape
func gradNode512(n *treeGradient)

//go:noescape
func sumRun512(r *treeRun)

func dotAVX512(k int, a, b []uint16, c []float32, ldc int) {
	pairs := ceilDiv(k, 2)
	_ = c[(dotRows-1)*ldc+panel-1]
	dot12x32(pairs, &a[:2*pairs*dotRows][0], &b[:2*pairs*panel][0], &c[0], ldc)
}

func dotTiles(k int, a, b []uint16, c []float32, ldc int) {
	blocks := ceilDiv(k, depth)
	_ = c[(tileRows-1)*ldc+panel-1]
	tiles32x32(blocks, &a[:tileRows*depth*blocks][0], &b[:panel*depth*blocks][0], &c[0], ldc, &tileConfig[0])
}

func dotPeak(rounds int) float64 {
	peakDot(rounds)
	return float64(rounds) * 24 * 64
}

func tilePeak(rounds int) float64 {
	peakTiles(rounds, &tileConfig[0])
	return float64(rounds) * 4 * 16 * 16 * 32 * 2
}
