package adapt

import (
	"context"
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// zeroShotPass computes the zero-shot logits of unit features in batches and
// hands them to use on the device. Every batch has the same size, the last one
// overlapping the one before, and goes through the kernels that the trained
// logits do: at the start of training those agree with the zero-shot ones to
// the last bit, which is where Penalty has its kink.
func zeroShotPass(ctx context.Context, e engine.Engine, unit, prototypes Matrix, batch int, scale float64,
	use func(from int, logits *tensor.Dense) error,
) error {
	batch = min(batch, unit.Rows)
	var alloc []*tensor.Dense
	defer func() {
		for _, t := range alloc {
			e.Release(t)
		}
	}()
	buffer := func(rows, cols int) *tensor.Dense {
		t, err := e.New(tensor.Float32, rows, cols)
		if err != nil {
			return nil
		}
		alloc = append(alloc, t)
		return t
	}
	t, w := buffer(prototypes.Rows, prototypes.Cols), buffer(prototypes.Rows, prototypes.Cols)
	x, l := buffer(batch, unit.Cols), buffer(batch, prototypes.Rows)
	if len(alloc) != 4 {
		return fmt.Errorf("zero-shot logits: not enough memory for batches of %d", batch)
	}
	if err := e.Upload(t, prototypes.Data); err != nil {
		return fmt.Errorf("zero-shot logits: %w", err)
	}
	if err := e.L2Normalize(w, t); err != nil {
		return fmt.Errorf("zero-shot logits: %w", err)
	}
	for from := 0; from < unit.Rows; from += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		from := min(from, unit.Rows-batch)
		if err := e.Upload(x, unit.Data[from*unit.Cols:(from+batch)*unit.Cols]); err != nil {
			return fmt.Errorf("zero-shot logits: %w", err)
		}
		if err := e.Gemm(engine.Gemm{Out: l, A: x, B: w, TransB: true, Alpha: float32(scale)}); err != nil {
			return fmt.Errorf("zero-shot logits: %w", err)
		}
		if err := use(from, l); err != nil {
			return fmt.Errorf("zero-shot logits: %w", err)
		}
	}
	return nil
}

// zeroShotRanges returns the minimum and maximum zero-shot logit of every row,
// [N, 2].
func zeroShotRanges(ctx context.Context, e engine.Engine, unit, prototypes Matrix, batch int, scale float64) (Matrix,
	error) {
	out := NewMatrix(unit.Rows, 2)
	r, err := e.New(tensor.Float32, min(batch, unit.Rows), 2)
	if err != nil {
		return out, fmt.Errorf("zero-shot ranges: %w", err)
	}
	defer e.Release(r)
	err = zeroShotPass(ctx, e, unit, prototypes, batch, scale, func(from int, logits *tensor.Dense) error {
		if err := e.RowRange(r, logits); err != nil {
			return err
		}
		n := logits.Shape()[0]
		return e.Download(out.Data[2*from:2*(from+n)], r)
	})
	return out, err
}

// eachZeroShot hands every row's zero-shot logits to f once, batch by batch.
func eachZeroShot(ctx context.Context, e engine.Engine, unit, prototypes Matrix, batch int, scale float64,
	f func(from int, logits Matrix),
) error {
	done := 0
	host := NewMatrix(min(batch, unit.Rows), prototypes.Rows)
	return zeroShotPass(ctx, e, unit, prototypes, batch, scale, func(from int, logits *tensor.Dense) error {
		if err := e.Download(host.Data, logits); err != nil {
			return err
		}
		skip := done - from
		done = from + host.Rows
		f(from+skip, Matrix{Rows: host.Rows - skip, Cols: host.Cols, Data: host.Data[skip*host.Cols:]})
		return nil
	})
}
