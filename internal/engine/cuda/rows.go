package cuda

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// Gather copies rows; a negative index gives zeros.
func (e *Engine) Gather(out, table, idx *tensor.Dense) error {
	rows, w := dims(table)
	n := size(idx)
	err := first(activations(sized{"table", table, rows * w}, sized{"result", out, n * w}),
		wantInts(sized{"indices", idx, n}))
	if err != nil {
		return err
	}
	return e.rowRuns(e.variant("gather", table, out), n, w, out, table, idx, int32(n), int32(rows), int32(w), e.fault)
}

// AddRows adds rows chosen by index; a negative index adds nothing.
func (e *Engine) AddRows(out, x, table, idx *tensor.Dense) error {
	rows, w := dims(table)
	n := size(idx)
	err := first(activations(sized{"rows", x, n * w}, sized{"result", out, n * w}),
		want(sized{"table", table, rows * w}), wantInts(sized{"indices", idx, n}))
	if err != nil {
		return err
	}
	return e.rowRuns(e.variant("add_rows", x, out), n, w, out, x, table, idx, int32(n), int32(rows), int32(w), e.fault)
}

// ScatterAdd sums rows by index, in the order of the rows.
func (e *Engine) ScatterAdd(dtable, dy, idx *tensor.Dense) error {
	rows, w := dims(dtable)
	n := size(idx)
	err := first(want(sized{"result", dtable, rows * w}, sized{"rows", dy, n * w}), wantInts(sized{"indices", idx, n}))
	if err != nil {
		return err
	}
	chains, release, err := e.scratch(8 * int64(n))
	if err != nil {
		return err
	}
	defer release()
	next, head := chains, chains+Ptr(4*n)
	return first(e.d.Fill(address(dtable), 0, int64(rows)*int64(w)),
		e.rows("scatter_chains", n, next, head, idx, int32(n), int32(rows), e.fault),
		e.launch("scatter_add", dims3{uint32(n), blocks(int64(w)), 1}, dims3{blockThreads, 1, 1}, 0,
			dtable, dy, idx, next, head, int32(n), int32(w)))
}

// Concat puts the rows of the parts one after the other.
func (e *Engine) Concat(out *tensor.Dense, parts ...*tensor.Dense) error {
	at, all := 0, size(out)
	for k, p := range parts {
		n := size(p)
		if at+n > all {
			return fmt.Errorf("concatenation: part %d of shape %v does not fit %v", k, p.Shape(), out.Shape())
		}
		if err := e.move(out, at, p, 0, n); err != nil {
			return err
		}
		at += n
	}
	if at != all {
		return fmt.Errorf("concatenation: the parts leave %d values of %v unset", all-at, out.Shape())
	}
	return nil
}

// Slice copies consecutive rows.
func (e *Engine) Slice(out, x *tensor.Dense, from int) error {
	_, w := dims(x)
	n := size(out)
	if from < 0 || from*w+n > size(x) {
		return fmt.Errorf("slice: rows %d.. of %v do not fill %v", from, x.Shape(), out.Shape())
	}
	return e.move(out, 0, x, from*w, n)
}

// PadRows is the gradient of Slice.
func (e *Engine) PadRows(out, x *tensor.Dense, from int) error {
	_, w := dims(x)
	start, n, all := from*w, size(x), size(out)
	if from < 0 || start+n > all {
		return fmt.Errorf("padding: %v does not fit %v from row %d", x.Shape(), out.Shape(), from)
	}
	if err := want(sized{"rows", x, n}, sized{"padded rows", out, all}); err != nil {
		return err
	}
	at := address(out)
	zero := func(from, to int) error {
		if from == to {
			return nil
		}
		return e.d.Fill(at+Ptr(4*from), 0, int64(to-from))
	}
	return first(zero(0, start), e.move(out, start, x, 0, n), zero(start+n, all))
}

// move copies n values of x, from the one numbered from on, to out, from the one
// numbered to on, whatever the storage of either.
func (e *Engine) move(out *tensor.Dense, to int, x *tensor.Dense, from, n int) error {
	if err := activations(sized{"result", out, size(out)}, sized{"rows", x, size(x)}); err != nil {
		return err
	}
	dst, src := address(out)+Ptr(width(out)*int64(to)), address(x)+Ptr(width(x)*int64(from))
	if out.Dtype() == x.Dtype() {
		return e.d.Copy(dst, src, width(x)*int64(n))
	}
	return e.runs(e.variant("cast", x, out), int64(n), dst, src, int64(n))
}

// Transpose exchanges rows and columns.
func (e *Engine) Transpose(out, x *tensor.Dense) error {
	m, n := dims(x)
	if err := want(sized{"matrix", x, m * n}, sized{"result", out, m * n}); err != nil {
		return err
	}
	grid := dims3{uint32((n + 31) / 32), uint32((m + 31) / 32), 1}
	if grid[1] > math.MaxUint16 {
		return fmt.Errorf("transpose: %d rows are too many for the kernel", m)
	}
	return e.launch("transpose", grid, dims3{32, 8, 1}, 0, out, x, int32(m), int32(n))
}
