package cuda

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// Gather copies rows; a negative index gives zeros.
func (e *Engine) Gather(out, table, idx *tensor.Dense) error { return e.gather(out, nil, table, idx) }

// AddRows adds rows chosen by index; a negative index adds nothing.
func (e *Engine) AddRows(out, x, table, idx *tensor.Dense) error {
	if x == nil {
		return fmt.Errorf("rows are missing")
	}
	return e.gather(out, x, table, idx)
}

func (e *Engine) gather(out, x, table, idx *tensor.Dense) error {
	rows, w := dims(table)
	n := size(idx)
	err := first(want(sized{"table", table, rows * w}, sized{"result", out, n * w}), wantInts(sized{"indices", idx, n}), wantIf("rows", x, n*w))
	if err != nil {
		return err
	}
	total := int64(n) * int64(w)
	return e.each("gather", total, out, x, table, idx, total, int32(rows), int32(w), e.fault)
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
		e.each("scatter_chains", int64(n), next, head, idx, int32(n), int32(rows), e.fault),
		e.launch("scatter_add", dims3{uint32(n), blocks(int64(w)), 1}, dims3{blockThreads, 1, 1}, 0,
			dtable, dy, idx, next, head, int32(n), int32(w)))
}

// Concat puts the rows of the parts one after the other.
func (e *Engine) Concat(out *tensor.Dense, parts ...*tensor.Dense) error {
	at, left := address(out), size(out)
	for k, p := range parts {
		n := size(p)
		if n > left {
			return fmt.Errorf("concatenation: part %d of shape %v does not fit %v", k, p.Shape(), out.Shape())
		}
		if err := e.d.Copy(at, address(p), 4*int64(n)); err != nil {
			return err
		}
		at += Ptr(4 * n)
		left -= n
	}
	if left != 0 {
		return fmt.Errorf("concatenation: the parts leave %d values of %v unset", left, out.Shape())
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
	return e.d.Copy(address(out), address(x)+Ptr(4*from*w), 4*int64(n))
}

// PadRows is the gradient of Slice.
func (e *Engine) PadRows(out, x *tensor.Dense, from int) error {
	_, w := dims(x)
	start, n, all := from*w, size(x), size(out)
	if from < 0 || start+n > all {
		return fmt.Errorf("padding: %v does not fit %v from row %d", x.Shape(), out.Shape(), from)
	}
	at := address(out)
	zero := func(from, to int) error {
		if from == to {
			return nil
		}
		return e.d.Fill(at+Ptr(4*from), 0, int64(to-from))
	}
	return first(zero(0, start), e.d.Copy(at+Ptr(4*start), address(x), 4*int64(n)), zero(start+n, all))
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
