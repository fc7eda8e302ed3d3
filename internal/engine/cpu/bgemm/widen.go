package bgemm

import (
	"clipcalib/internal/engine/cpu/scratch"
	"clipcalib/internal/engine/cpu/sgemm"
)

// widening is what multiplies where the processor does not know bfloat16: the
// weights, widened, by the float32 kernels. Left factors in float32 are not
// rounded.
var widening = &kernel{name: sgemm.Kernel(), peak: sgemm.Peak}

func (w *Weights) widened(threads int, out, a Matrix, m int, e Epilogue) {
	wide := scratch.Get(w.k * w.n)
	defer wide.Put()
	w.Unpack(threads, wide.Data, false)
	left, stride := a.F32, a.Stride
	if left == nil {
		buf := scratch.Get(m * w.k)
		defer buf.Put()
		for i := range m {
			Widen(buf.Data[i*w.k:(i+1)*w.k], a.BF16[i*a.Stride:][:w.k])
		}
		left, stride = buf.Data, w.k
	}
	sums := scratch.Get(m * w.n)
	defer sums.Put()
	sgemm.Fused(threads, false, false, m, w.n, w.k, 1, left, stride, wide.Data, w.n, 0, sums.Data, w.n,
		func(i0, i1, j0, j1 int) {
			for i := i0; i < i1; i++ {
				for j := j0; j < j1; j += panel {
					cols := min(panel, j1-j)
					e.finishPortable(sums.Data[i*w.n+j:], out, i, 1, j, cols)
				}
			}
		})
}
