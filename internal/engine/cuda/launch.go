package cuda

import (
	"encoding/binary"
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

const (
	blockThreads = 256     // BLOCK in common.cuh
	rowThreads   = 128     // ROW_THREADS
	warp         = 32      // WARP
	runLength    = 8       // RUN in vector.cuh
	mostBlocks   = 1 << 13 // of a kernel that strides over its elements
)

type dims3 = [3]uint32

// launch queues a kernel. Arguments are tensors and Ptrs (device addresses, 0
// for nil), int32, int64, float32 and float64, in the kernel's order.
func (e *Engine) launch(kernel string, grid, block dims3, shared int, args ...any) error {
	b, err := pack(args)
	if err == nil {
		err = e.d.Launch(Launch{Kernel: kernel, Grid: grid, Block: block, Shared: uint32(shared), Args: b})
	}
	if err != nil {
		return fmt.Errorf("kernel %s: %w", kernel, err)
	}
	return nil
}

// pack lays arguments out as a C struct: each aligned to its own size.
func pack(args []any) ([]byte, error) {
	b := make([]byte, 0, 8*len(args))
	word := func(v uint64) {
		for len(b)%8 != 0 {
			b = append(b, 0)
		}
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	for i, a := range args {
		switch a := a.(type) {
		case *tensor.Dense:
			word(uint64(address(a)))
		case Ptr:
			word(uint64(a))
		case int64:
			word(uint64(a))
		case float64:
			word(math.Float64bits(a))
		case int32:
			b = binary.LittleEndian.AppendUint32(b, uint32(a))
		case float32:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(a))
		default:
			return nil, fmt.Errorf("argument %d is a %T", i, a)
		}
	}
	return b, nil
}

// blocks is the grid of a kernel that strides over n elements; it depends on n
// alone, so sums by block are the same on every card.
func blocks(n int64) uint32 {
	return uint32(min((n+blockThreads-1)/blockThreads, mostBlocks))
}

// each queues a kernel over n elements.
func (e *Engine) each(kernel string, n int64, args ...any) error {
	return e.launch(kernel, dims3{blocks(n), 1, 1}, dims3{blockThreads, 1, 1}, 0, args...)
}

// runs queues a kernel that gives each thread a run of the n elements.
func (e *Engine) runs(kernel string, n int64, args ...any) error {
	return e.each(kernel, (n+runLength-1)/runLength, args...)
}

// rowRuns queues a kernel that gives each thread a run of a row of width elements.
func (e *Engine) rowRuns(kernel string, rows, width int, args ...any) error {
	return e.each(kernel, int64(rows)*int64((width+runLength-1)/runLength), args...)
}

// rows queues a kernel that gives each of m rows to a warp.
func (e *Engine) rows(kernel string, m int, args ...any) error {
	per := rowThreads / warp
	return e.launch(kernel, dims3{uint32((m + per - 1) / per), 1, 1}, dims3{rowThreads, 1, 1}, 0, args...)
}

// columns queues a kernel that sums columns of [m, n] over chunks of rows
// rows; it returns the number of chunks.
const columnRows = 256

func columnChunks(m int) int { return (m + columnRows - 1) / columnRows }

func (e *Engine) columns(kernel string, m, n int, args ...any) error {
	grid := dims3{uint32((n + 31) / 32), uint32(columnChunks(m)), 1}
	return e.launch(kernel, grid, dims3{32, 8, 1}, 0, args...)
}

// total writes scale times the sum of n float64 numbers to out.
func (e *Engine) total(out *tensor.Dense, part Ptr, n int, scale float64) error {
	return e.launch("sum_parts", dims3{1, 1, 1}, dims3{blockThreads, 1, 1}, 0, out, part, int32(n), scale)
}
