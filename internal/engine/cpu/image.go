package cpu

import (
	"fmt"

	"clipcalib/internal/engine/cpu/vec"

	"gorgonia.org/tensor"
)

// Patchify cuts images into rows of patches, so that the patch convolution is
// a matrix product:
//
//	for b, gy, gx, c, y, x:
//	    out[(b*G + gy)*G + gx, (c*P + y)*P + x] = images[b, c, gy*P + y, gx*P + x]
//
// Columns of out behind the last are zeros.
func (e *Engine) Patchify(out, images *tensor.Dense, patch int) error {
	if isFloat16(out) {
		return e.inFloat32(out, []*tensor.Dense{}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.Patchify(out, images, patch)
		})
	}
	s := images.Shape()
	if len(s) != 4 || s[2] != s[3] || patch < 1 || s[2]%patch != 0 {
		return fmt.Errorf("images of shape %v cannot be cut into patches of %d x %d", s, patch, patch)
	}
	b, c, size := s[0], s[1], s[2]
	grid := size / patch
	width, err := patchWidth(out, b*grid*grid, c*patch*patch)
	if err == nil {
		err = want("images", images, b*c*size*size)
	}
	if err != nil {
		return err
	}
	src, dst := f32(images), f32(out)
	e.rows(b*grid, c*size*patch, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			img, gy := r/grid, r%grid
			for gx := 0; gx < grid; gx++ {
				row := dst[(r*grid+gx)*width:][:width]
				at := 0
				for ch := 0; ch < c; ch++ {
					from := ((img*c+ch)*size+gy*patch)*size + gx*patch
					for y := 0; y < patch; y++ {
						at += copy(row[at:at+patch], src[from+y*size:from+y*size+patch])
					}
				}
				clear(row[at:])
			}
		}
	})
	return nil
}

// patchWidth returns the columns of out, which must hold rows rows of least
// values or more.
func patchWidth(out *tensor.Dense, rows, least int) (int, error) {
	m, n := dims(out)
	if m != rows || n < least {
		return 0, fmt.Errorf("patches %v do not hold %d rows of %d values", out.Shape(), rows, least)
	}
	return n, want("patches", out, m*n)
}

// Tokens puts the class embedding before the patches and adds positions:
//
//	for b: out[b, 0] = cls + pos[0]; for i: out[b, i+1] = patches[b, i] + pos[i+1]
func (e *Engine) Tokens(out, patches, cls, pos *tensor.Dense) error {
	if isFloat16(out, patches) {
		return e.inFloat32(out, []*tensor.Dense{patches}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.Tokens(out, in[0], cls, pos)
		})
	}
	t, w := dims(pos)
	rows := len(f32(out)) / w
	if rows%t != 0 {
		return fmt.Errorf("tokens %v are not whole sequences of %d", out.Shape(), t)
	}
	err := wantAll(sized{"positions", pos, t * w}, sized{"class embedding", cls, w},
		sized{"patches", patches, (rows - rows/t) * w}, sized{"tokens", out, rows * w})
	if err != nil {
		return err
	}
	dst, src, c, p := f32(out), f32(patches), f32(cls), f32(pos)
	e.rows(rows, w, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			b, i := r/t, r%t
			row := c
			if i > 0 {
				from := (b*(t-1) + i - 1) * w
				row = src[from : from+w]
			}
			vec.Combine(dst[r*w:r*w+w], 1, row, 1, p[i*w:i*w+w], 0)
		}
	})
	return nil
}

// TokensGrad differentiates Tokens; any of the results may be nil:
//
//	for b, i: dpatches[b, i] = dy[b, i+1]
//	for i: dpos[i] = sum over b of dy[b, i]
//	dcls = dpos[0]
func (e *Engine) TokensGrad(dpatches, dcls, dpos, dy *tensor.Dense, batch int) error {
	rows, w := dims(dy)
	if batch < 1 || rows%batch != 0 {
		return fmt.Errorf("%d rows of tokens are not %d whole sequences", rows, batch)
	}
	t := rows / batch
	src, dp, dc, ds := f32(dy), f32(dpatches), f32(dcls), f32(dpos)
	for _, s := range []sized{{"gradient of the patches", dpatches, (rows - batch) * w},
		{"gradient of the class embedding", dcls, w}, {"gradient of the positions", dpos, t * w}} {
		if s.t != nil {
			if err := want(s.name, s.t, s.n); err != nil {
				return err
			}
		}
	}
	if dp != nil {
		for b := 0; b < batch; b++ {
			copy(dp[b*(t-1)*w:(b+1)*(t-1)*w], src[(b*t+1)*w:(b+1)*t*w])
		}
	}
	sum := func(dst []float32, i int) {
		copy(dst, src[i*w:i*w+w])
		for b := 1; b < batch; b++ {
			vec.Axpy(1, src[(b*t+i)*w:(b*t+i+1)*w], dst)
		}
	}
	if dc != nil {
		sum(dc, 0)
	}
	if ds != nil {
		e.rows(t, w*batch, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				sum(ds[i*w:i*w+w], i)
			}
		})
	}
	return nil
}
