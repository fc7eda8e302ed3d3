package ref

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Patchify cuts images into rows.
func (e *Engine) Patchify(out, images *tensor.Dense, p int) error {
	s := images.Shape()
	if len(s) != 4 || s[1] != 3 || s[2] != s[3] || p < 1 || s[2]%p != 0 {
		return fmt.Errorf("images of shape %v cannot be cut into patches of %d x %d", s, p, p)
	}
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
	rows, ow := dims(out)
	if ow != w || rows%t != 0 {
		return fmt.Errorf("tokens %v are not whole sequences of %d", out.Shape(), t)
	}
	err := want(sized{"patches", patches, rows / t * (t - 1) * w}, sized{"class", cls, w}, sized{"positions", pos,
		t * w})
	if err != nil {
		return err
	}
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
	if batch < 1 || rows%batch != 0 {
		return fmt.Errorf("%d rows of tokens are not %d whole sequences", rows, batch)
	}
	t := rows / batch
	err := wantIf(sized{"patches", dpatches, (rows - batch) * w}, sized{"class", dcls, w}, sized{"positions", dpos,
		t * w})
	if err != nil {
		return err
	}
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
