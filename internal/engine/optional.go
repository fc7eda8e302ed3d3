package engine

import "gorgonia.org/tensor"

// What some engines can do beside [Engine]; the rest do without.

// Bounded is an engine with memory of its own, such as a GPU.
type Bounded interface {
	// Reserve reports an [OutOfMemory] if less than bytes can be had.
	Reserve(bytes int64) error
}

// Fetcher is an engine that reads a result back while later work goes on.
type Fetcher interface {
	// Fetch queues the reading of src, a float32 tensor, behind all work queued
	// before, and returns: src may be written to again. wait waits for it and
	// writes the values to dst; it must be called once, and reports what went
	// wrong in the work before.
	Fetch(src *tensor.Dense) (wait func(dst []float32) error, err error)
}

// Padder is an engine that multiplies faster where rows have certain lengths.
type Padder interface {
	// Padded returns the number of columns to which matrices of the given
	// number are best filled up with zeros.
	Padded(columns int) int
}

// Padded is e's [Padder], and columns where it has no wish.
func Padded(e Engine, columns int) int {
	if p, ok := e.(Padder); ok {
		return p.Padded(columns)
	}
	return columns
}

// Precise is an engine that multiplies in a form of choice.
type Precise interface {
	// Precision is fp32, tf32, bf16 or fp16.
	Precision() string
}

// PrecisionOf is e's [Precise], and fp32 where it has no choice.
func PrecisionOf(e Engine) string {
	if p, ok := e.(Precise); ok {
		return p.Precision()
	}
	return "fp32"
}

// LayerNormAdder is an engine that adds another gradient of a layer norm's input
// to the norm's own in the same pass, as a residual connection wants it.
type LayerNormAdder interface {
	// LayerNormGradAdd writes term plus the gradient of LayerNorm with respect to
	// x to dx, which may be term.
	LayerNormGradAdd(dx, x, gamma, dy, term *tensor.Dense, eps float32) error
}

// MLP is the MLP of a block without gradients,
// Out = act(X W1ᵀ + B1) W2ᵀ + B2 + Residual: X, Residual and Out are [N, W], W1 is
// [H, W], W2 [W, H]. Residual may be Out.
type MLP struct {
	Out, X, W1, B1, W2, B2, Residual *tensor.Dense
	Act                              Act
}

// PartwiseMLP is an engine that may compute an [MLP] some rows at a time, so that
// what lies between its two products stays in the device's cache.
type PartwiseMLP interface {
	// MLPRows is how many rows are best computed at a time of an MLP over rows of
	// that width; 0 is all at once, as two products.
	MLPRows(rows, width, hidden int) int
	// MLP computes m, as many rows at a time.
	MLP(m MLP, rows int) error
}

// Writer is an engine into whose memory for uploads, or its own, values can be
// written in place, which saves a copy of them.
type Writer interface {
	// Write sets dst, a float32 tensor. It calls fill for one part of it after
	// the other: fill must set all of to, whose first value is dst's at that
	// place. An error of fill ends it; dst holds anything then.
	Write(dst *tensor.Dense, fill func(to []float32, at int) error) error
}

// Write is e's [Writer], and an upload where it has none.
func Write(e Engine, dst *tensor.Dense, fill func(to []float32, at int) error) error {
	if w, ok := e.(Writer); ok {
		return w.Write(dst, fill)
	}
	values := make([]float32, dst.Shape().TotalSize())
	if err := fill(values, 0); err != nil {
		return err
	}
	return e.Upload(dst, values)
}

// Sharer is an engine beside which others can compute at the same time, each from
// one goroutine of its own.
type Sharer interface {
	// Beside returns an engine that shares what this one computes on, its threads.
	// The caller closes it.
	Beside() Engine
	// Busy says that so many more of them are busy, or fewer: the threads are
	// parted among those that are. It is safe for concurrent use.
	Busy(more int)
	// Adopt returns a tensor of this engine with the memory of t, one of another
	// of them that never changes again. Neither engine may be computing.
	Adopt(t *tensor.Dense, of Engine) (*tensor.Dense, error)
}
