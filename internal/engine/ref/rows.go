package ref

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Gather copies rows of table.
func (e *Engine) Gather(out, table, idx *tensor.Dense) error {
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
	at := 0
	for _, p := range parts {
		at += copy(f32(out)[at:], f32(p))
	}
	return nil
}

// Slice copies rows.
func (e *Engine) Slice(out, x *tensor.Dense, from int) error {
	_, w := dims(x)
	copy(f32(out), f32(x)[from*w:])
	return nil
}

// PadRows sets out to zero but for x.
func (e *Engine) PadRows(out, x *tensor.Dense, from int) error {
	_, w := dims(x)
	clear(f32(out))
	copy(f32(out)[from*w:], f32(x))
	return nil
}

// Transpose writes the transpose of x.
func (e *Engine) Transpose(out, x *tensor.Dense) error {
	m, n := dims(x)
	for i := 0; i < m; i++ {
		for j := 0; j < n; j++ {
			f32(out)[j*m+i] = f32(x)[i*n+j]
		}
	}
	return nil
}

// Patchify cuts images into rows.
func (e *Engine) Patchify(out, images *tensor.Dense, p int) error {
	s := images.Shape()
	b, c, size := s[0], s[1], s[2]
	g := size / p
	rows, w := dims(out)
	if rows != b*g*g || w < c*p*p {
		return fmt.Errorf("patches %v do not hold images %v", out.Shape(), s)
	}
	clear(f32(out))
	for i := 0; i < b; i++ {
		for gy := 0; gy < g; gy++ {
			for gx := 0; gx < g; gx++ {
				at := ((i*g+gy)*g + gx) * w
				for ch := 0; ch < c; ch++ {
					for y := 0; y < p; y++ {
						from := ((i*c+ch)*size+gy*p+y)*size + gx*p
						at += copy(f32(out)[at:], f32(images)[from:from+p])
					}
				}
			}
		}
	}
	return nil
}

// Tokens prepends the class embedding and adds the positions.
func (e *Engine) Tokens(out, patches, cls, pos *tensor.Dense) error {
	t, w := dims(pos)
	rows, _ := dims(out)
	for r := 0; r < rows; r++ {
		b, i := r/t, r%t
		for j := 0; j < w; j++ {
			v := f32(cls)[j]
			if i > 0 {
				v = f32(patches)[(b*(t-1)+i-1)*w+j]
			}
			f32(out)[r*w+j] = v + f32(pos)[i*w+j]
		}
	}
	return nil
}

// TokensGrad writes the gradients of Tokens.
func (e *Engine) TokensGrad(dpatches, dcls, dpos, dy *tensor.Dense, batch int) error {
	rows, w := dims(dy)
	t := rows / batch
	sum := make([]float64, t*w)
	for r := 0; r < rows; r++ {
		b, i := r/t, r%t
		for j := 0; j < w; j++ {
			v := f32(dy)[r*w+j]
			sum[i*w+j] += float64(v)
			if i > 0 && dpatches != nil {
				f32(dpatches)[(b*(t-1)+i-1)*w+j] = v
			}
		}
	}
	for i, v := range sum {
		if dpos != nil {
			f32(dpos)[i] = float32(v)
		}
		if dcls != nil && i < w {
			f32(dcls)[i] = float32(v)
		}
	}
	return nil
}
