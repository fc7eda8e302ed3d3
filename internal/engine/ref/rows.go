package ref

import (
	"fmt"

	"gorgonia.org/tensor"
)

// gathers checks that idx names, for each row of out, one of table.
func gathers(out, table, idx *tensor.Dense) error {
	n, w := dims(out)
	rows, tw := dims(table)
	if w != tw {
		return fmt.Errorf("rows of %v are not those of %v", out.Shape(), table.Shape())
	}
	return first(want(sized{"rows", out, n * w}, sized{"table", table, rows * w}), wantRows(idx, n, rows))
}

func concatenates(out *tensor.Dense, parts []*tensor.Dense) error {
	n := 0
	for _, p := range parts {
		if err := want(sized{"part", p, size(p)}); err != nil {
			return err
		}
		n += size(p)
	}
	return want(sized{"concatenation", out, n})
}

// part checks that the rows of p are rows of whole from that one on.
func part(whole, p *tensor.Dense, from int) error {
	rows, w := dims(whole)
	n, pw := dims(p)
	if w != pw || from < 0 || from+n > rows {
		return fmt.Errorf("%d rows of %v from row %d are not in %v", n, p.Shape(), from, whole.Shape())
	}
	return want(sized{"whole", whole, rows * w}, sized{"part", p, n * w})
}

// Gather copies rows of table.
func (e *Engine) Gather(out, table, idx *tensor.Dense) error {
	if err := gathers(out, table, idx); err != nil {
		return err
	}
	_, w := dims(table)
	for i, r := range i32(idx) {
		dst := f32(out)[i*w : i*w+w]
		clear(dst)
		if r >= 0 {
			copy(dst, f32(table)[int(r)*w:int(r)*w+w])
		}
	}
	return nil
}

// ScatterAdd adds rows of dy to rows of dtable.
func (e *Engine) ScatterAdd(dtable, dy, idx *tensor.Dense) error {
	if err := gathers(dy, dtable, idx); err != nil {
		return err
	}
	_, w := dims(dtable)
	clear(f32(dtable))
	for i, r := range i32(idx) {
		if r < 0 {
			continue
		}
		for j := 0; j < w; j++ {
			f32(dtable)[int(r)*w+j] += f32(dy)[i*w+j]
		}
	}
	return nil
}

// AddRows writes x[i] + table[idx[i]].
func (e *Engine) AddRows(out, x, table, idx *tensor.Dense) error {
	if err := first(gathers(out, table, idx), want(sized{"values", x, size(out)})); err != nil {
		return err
	}
	_, w := dims(table)
	for i, r := range i32(idx) {
		for j := 0; j < w; j++ {
			v := f32(x)[i*w+j]
			if r >= 0 {
				v += f32(table)[int(r)*w+j]
			}
			f32(out)[i*w+j] = v
		}
	}
	return nil
}

// Concat writes the parts one after the other.
func (e *Engine) Concat(out *tensor.Dense, parts ...*tensor.Dense) error {
	if err := concatenates(out, parts); err != nil {
		return err
	}
	at := 0
	for _, p := range parts {
		at += copy(f32(out)[at:], f32(p))
	}
	return nil
}

// Slice copies rows.
func (e *Engine) Slice(out, x *tensor.Dense, from int) error {
	if err := part(x, out, from); err != nil {
		return err
	}
	_, w := dims(x)
	copy(f32(out), f32(x)[from*w:])
	return nil
}

// PadRows sets out to zero but for x.
func (e *Engine) PadRows(out, x *tensor.Dense, from int) error {
	if err := part(out, x, from); err != nil {
		return err
	}
	_, w := dims(x)
	clear(f32(out))
	copy(f32(out)[from*w:], f32(x))
	return nil
}

// Transpose writes the transpose of x.
func (e *Engine) Transpose(out, x *tensor.Dense) error {
	if err := want(sized{"result", out, size(x)}); err != nil {
		return err
	}
	m, n := dims(x)
	for i := 0; i < m; i++ {
		for j := 0; j < n; j++ {
			f32(out)[j*m+i] = f32(x)[i*n+j]
		}
	}
	return nil
}
