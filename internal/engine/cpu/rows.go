package cpu

import (
	"fmt"

	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// indices returns idx after checking that every index is below rows.
func indices(idx *tensor.Dense, n, rows int) ([]int32, error) {
	if err := wantInts("indices", idx, n); err != nil {
		return nil, err
	}
	ix := i32(idx)
	for i, r := range ix {
		if int(r) >= rows {
			return nil, fmt.Errorf("index %d at place %d is beyond the %d rows", r, i, rows)
		}
	}
	return ix, nil
}

// Gather copies rows; a negative index gives zeros:
//
//	for i: out[i] = table[idx[i]]
func (e *Engine) Gather(out, table, idx *tensor.Dense) error {
	rows, w := dims(table)
	n := len(i32(idx))
	ix, err := indices(idx, n, rows)
	if err := first(err, activations(sized{"table", table, rows * w}, sized{"result", out, n * w})); err != nil {
		return err
	}
	e.rows(n, w, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			switch r := int(ix[i]); {
			case r >= 0:
				move(out, i*w, table, r*w, w)
			case isFloat16(out):
				clear(b16(out)[i*w : i*w+w])
			default:
				clear(f32(out)[i*w : i*w+w])
			}
		}
	})
	return nil
}

// ScatterAdd sums rows by index, in the order of the rows; the threads take
// columns:
//
//	dtable = 0
//	for i: if idx[i] >= 0: dtable[idx[i]] += dy[i]
func (e *Engine) ScatterAdd(dtable, dy, idx *tensor.Dense) error {
	rows, w := dims(dtable)
	n := len(i32(idx))
	ix, err := indices(idx, n, rows)
	if err := first(err, wantAll(sized{"result", dtable, rows * w}, sized{"rows", dy, n * w})); err != nil {
		return err
	}
	src, dst := f32(dy), f32(dtable)
	clear(dst)
	e.each(w, 1+(1<<15)/(n+1), func(lo, hi int) {
		for i, r := range ix {
			if r >= 0 {
				vec.Axpy(1, src[i*w+lo:i*w+hi], dst[int(r)*w+lo:int(r)*w+hi])
			}
		}
	})
	return nil
}

// AddRows adds rows chosen by index; a negative index adds nothing:
//
//	for i: out[i] = x[i] + table[idx[i]]
func (e *Engine) AddRows(out, x, table, idx *tensor.Dense) error {
	if isFloat16(out, x) {
		return e.inFloat32(out, []*tensor.Dense{x}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.AddRows(out, in[0], table, idx)
		})
	}
	rows, w := dims(table)
	n := len(i32(idx))
	ix, err := indices(idx, n, rows)
	if err := first(err, wantAll(sized{"table", table, rows * w}, sized{"rows", x, n * w},
		sized{"result", out, n * w})); err != nil {
		return err
	}
	src, tab, dst := f32(x), f32(table), f32(out)
	e.rows(n, w, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := dst[i*w : i*w+w]
			if r := int(ix[i]); r >= 0 {
				vec.Combine(row, 1, src[i*w:i*w+w], 1, tab[r*w:r*w+w], 0)
			} else {
				copy(row, src[i*w:i*w+w])
			}
		}
	})
	return nil
}

// Concat puts the rows of the parts one after the other:
//
//	out = parts[0], parts[1], ...
func (e *Engine) Concat(out *tensor.Dense, parts ...*tensor.Dense) error {
	at, all := 0, elements(out)
	if err := activations(sized{"concatenation", out, all}); err != nil {
		return err
	}
	for k, p := range parts {
		n := elements(p)
		if at+n > all {
			return fmt.Errorf("concatenation: part %d of shape %v does not fit %v", k, p.Shape(), out.Shape())
		}
		if err := activations(sized{"part of a concatenation", p, n}); err != nil {
			return err
		}
		move(out, at, p, 0, n)
		at += n
	}
	if at != all {
		return fmt.Errorf("concatenation: the parts leave %d values of %v unset", all-at, out.Shape())
	}
	return nil
}

// Slice copies consecutive rows:
//
//	for i: out[i] = x[from+i]
func (e *Engine) Slice(out, x *tensor.Dense, from int) error {
	_, w := dims(x)
	n := elements(out)
	if from < 0 || from*w+n > elements(x) {
		return fmt.Errorf("slice: rows %d.. of %v do not fill %v", from, x.Shape(), out.Shape())
	}
	if err := activations(sized{"slice", out, n}, sized{"rows", x, elements(x)}); err != nil {
		return err
	}
	move(out, 0, x, from*w, n)
	return nil
}

// PadRows is the gradient of Slice:
//
//	out = 0
//	for i: out[from+i] = x[i]
func (e *Engine) PadRows(out, x *tensor.Dense, from int) error {
	_, w := dims(x)
	src, dst := f32(x), f32(out)
	if from < 0 || from*w+len(src) > len(dst) {
		return fmt.Errorf("padding: %v does not fit %v from row %d", x.Shape(), out.Shape(), from)
	}
	clear(dst[:from*w])
	copy(dst[from*w:], src)
	clear(dst[from*w+len(src):])
	return nil
}

// transposeTile is the side of the square moved at once, two of which stay in
// the first-level cache.
const transposeTile = 32

// Transpose exchanges rows and columns:
//
//	for i, j: out[j, i] = x[i, j]
func (e *Engine) Transpose(out, x *tensor.Dense) error {
	m, n := dims(x)
	if err := wantAll(sized{"matrix", x, m * n}, sized{"result", out, m * n}); err != nil {
		return err
	}
	src, dst := f32(x), f32(out)
	e.rows(n, m, func(lo, hi int) {
		for j0 := lo; j0 < hi; j0 += transposeTile {
			for i0 := 0; i0 < m; i0 += transposeTile {
				for j := j0; j < min(j0+transposeTile, hi); j++ {
					col := dst[j*m : j*m+m]
					for i := i0; i < min(i0+transposeTile, m); i++ {
						col[i] = src[i*n+j]
					}
				}
			}
		}
	})
	return nil
}
