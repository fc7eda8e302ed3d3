package cpu

import (
	"clipcalib/internal/engine/cpu/dnnl"

	"gorgonia.org/tensor"
)

// frozen holds the narrow copies of a tensor that never changes: one as it
// stands and one transposed, since the backward pass multiplies by the
// transpose. In float32 no copy is kept: packing anew costs less than a
// hundredth of a product, and a copy would double the memory of the weights.
type frozen struct {
	plain, transposed *dnnl.Weights
}

// Freeze promises that t never changes again.
func (e *Engine) Freeze(t *tensor.Dense) {
	if e.bf16 && e.frozen[t] == nil && len(t.Shape()) == 2 {
		e.frozen[t] = &frozen{}
	}
}

func (e *Engine) thaw(t *tensor.Dense) {
	f := e.frozen[t]
	if f == nil {
		return
	}
	for _, w := range []*dnnl.Weights{f.plain, f.transposed} {
		if w != nil {
			w.Close()
		}
	}
	delete(e.frozen, t)
}

// packed returns the bfloat16 copy of the right operand of p, made at its
// first use, or nil if that operand is not frozen.
func (e *Engine) packed(p product) (*dnnl.Weights, error) {
	f := e.frozen[p.B]
	if f == nil {
		return nil, nil
	}
	slot := &f.plain
	if p.TransB {
		slot = &f.transposed
	}
	if *slot == nil {
		w, err := e.dnn.Pack(p.b, p.k, p.n, p.TransB, true)
		if err != nil {
			return nil, err
		}
		*slot = w
	}
	return *slot, nil
}
