package bgemm

import (
	"math"
	"unsafe"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/vec"
)

// finishing is what finishAsm does to a tile of rows of 32 sums: with v =
// act(alpha*sum + bias) + residual, stored in 32 or 16 bits.
type finishing struct {
	tile       *float32
	out        unsafe.Pointer
	outStep    uintptr // bytes from row to row
	residual   unsafe.Pointer
	resStep    uintptr
	bias       *float32 // nil for none
	rows       int
	alpha      *float32 // of the first row
	alphaStep  uintptr  // bytes to that of the next, 0 for one alpha
	mask       uint32   // bit j: column j is wanted
	act        uint32
	narrow     uint32 // 1: the result is bfloat16
	narrowLeft uint32 // 1: the residual is
}

// reluLast is finishing's number for a ReLU of the sum with the residual.
const reluLast = 4

// finish applies e to a tile of sums and stores its first rows and columns to
// out from row i and column j on.
func (e Epilogue) finish(tile []float32, out Matrix, i, rows, j, cols int) {
	if !fast || !wide && cols < panel {
		e.finishPortable(tile, out, i, rows, j, cols)
		return
	}
	f := finishing{tile: &tile[0], rows: rows, alpha: &e.Alpha, mask: uint32(1<<cols - 1), act: uint32(e.Act)}
	if e.rows != nil {
		f.alpha, f.alphaStep = &e.rows[:rows][0], 4
	}
	f.out, f.outStep, f.narrow = out.place(i, j)
	if e.ActLast && e.Act == engine.ReLU {
		f.act = reluLast
	}
	if !e.Residual.Empty() {
		f.residual, f.resStep, f.narrowLeft = e.Residual.place(i, j)
	}
	if e.Bias != nil {
		f.bias = &e.Bias[j]
	}
	finishAsm(&f)
}

// place is where row i and column j lie, the bytes to the next row, and 1 if
// the values have 16 bits.
func (m Matrix) place(i, j int) (at unsafe.Pointer, step uintptr, narrow uint32) {
	if m.BF16 != nil {
		return unsafe.Pointer(&m.BF16[i*m.Stride+j]), uintptr(2 * m.Stride), 1
	}
	return unsafe.Pointer(&m.F32[i*m.Stride+j]), uintptr(4 * m.Stride), 0
}

func (e Epilogue) finishPortable(tile []float32, out Matrix, i, rows, j, cols int) {
	for r := range rows {
		row, alpha := tile[r*panel:][:cols], e.Alpha
		if e.rows != nil {
			alpha = e.rows[r]
		}
		for c := range row {
			row[c] *= alpha
			if e.Bias != nil {
				row[c] += e.Bias[j+c]
			}
		}
		if !e.ActLast {
			Activate(row, e.Act)
		}
		for c, v := range row {
			switch at := (i+r)*e.Residual.Stride + j + c; {
			case e.Residual.F32 != nil:
				v += e.Residual.F32[at]
			case e.Residual.BF16 != nil:
				v += Widened(e.Residual.BF16[at])
			}
			if e.ActLast && v < 0 {
				v = 0
			}
			if at := (i+r)*out.Stride + j + c; out.BF16 != nil {
				out.BF16[at] = Rounded(v)
			} else {
				out.F32[at] = v
			}
		}
	}
}

// Activate applies an activation in place.
func Activate(row []float32, act engine.Act) {
	switch act {
	case engine.QuickGELU:
		vec.SigmoidMul(row, row, 1.702)
	case engine.GELU:
		vec.GELU(row, row)
	case engine.ReLU:
		for i, v := range row {
			if v < 0 {
				row[i] = 0
			} else {
				row[i] = math.Float32frombits(math.Float32bits(v))
			}
		}
	}
}
