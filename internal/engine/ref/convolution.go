package ref

import (
	"math"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Conv is the sum over the kernel's nine places, by the definition.
func (e *Engine) Conv(c engine.Conv) error {
	s, err := c.Shape()
	if err == nil {
		err = want(sized{"pictures", c.X, s.Batch * s.Side * s.Side * s.In}, sized{"weight", c.W, s.Out * 9 * s.In},
			sized{"bias", c.Bias, s.Out}, sized{"result", c.Out, s.Rows() * s.Out})
	}
	if err != nil {
		return err
	}
	x, w, bias, out := f32(c.X), f32(c.W), f32(c.Bias), f32(c.Out)
	for r := range s.Rows() {
		b, oy, ox := r/(s.OutSide*s.OutSide), r/s.OutSide%s.OutSide, r%s.OutSide
		for n := range s.Out {
			sum := float64(bias[n])
			for k := range 9 {
				y, z := oy*s.Stride+k/3-1, ox*s.Stride+k%3-1
				if y < 0 || y >= s.Side || z < 0 || z >= s.Side {
					continue
				}
				for ch := range s.In {
					sum += float64(x[((b*s.Side+y)*s.Side+z)*s.In+ch]) * float64(w[(n*9+k)*s.In+ch])
				}
			}
			out[r*s.Out+n] = float32(act(sum, c.Act))
		}
	}
	return nil
}

// AvgPool writes the means of squares of 2x2 pixels.
func (e *Engine) AvgPool(out, x *tensor.Dense, side int) error {
	s, err := engine.AvgPoolShape(out, x, side)
	if err == nil {
		err = want(sized{"pictures", x, size(x)}, sized{"means", out, size(out)})
	}
	if err != nil {
		return err
	}
	src, dst := f32(x), f32(out)
	for r := range s.Batch * s.N {
		b, y, z := r/s.N, r%s.N/(side/2), r%s.N%(side/2)
		for j := range s.Width {
			var sum float64
			for k := range 4 {
				sum += float64(src[((b*side+2*y+k/2)*side+2*z+k%2)*s.Width+j])
			}
			dst[r*s.Width+j] = float32(sum / 4)
		}
	}
	return nil
}

// PoolTokens puts the mean before the rows and adds the positions.
func (e *Engine) PoolTokens(out, x, pos *tensor.Dense) error {
	s, err := engine.PoolTokensShape(out, x, pos)
	if err == nil {
		err = want(sized{"rows", x, size(x)}, sized{"positions", pos, size(pos)}, sized{"tokens", out, size(out)})
	}
	if err != nil {
		return err
	}
	src, p, dst := f32(x), f32(pos), f32(out)
	for b := range s.Batch {
		for j := range s.Width {
			var sum float64
			for i := range s.N {
				v := float64(src[(b*s.N+i)*s.Width+j])
				sum += v
				dst[(b*(s.N+1)+i+1)*s.Width+j] = float32(v + float64(p[(i+1)*s.Width+j]))
			}
			dst[b*(s.N+1)*s.Width+j] = float32(sum/float64(s.N) + float64(p[j]))
		}
	}
	return nil
}

// PoolAttention attends with one query a sequence.
func (e *Engine) PoolAttention(out, q, kv *tensor.Dense, heads int) error {
	s, err := engine.PoolAttentionShape(out, q, kv, heads)
	if err == nil {
		err = want(sized{"queries", q, size(q)}, sized{"keys and values", kv, size(kv)},
			sized{"result", out, size(out)})
	}
	if err != nil {
		return err
	}
	query, rows, dst := f32(q), f32(kv), f32(out)
	d := s.Width / heads
	p := make([]float64, s.N)
	for b := range s.Batch {
		for from := 0; from < s.Width; from += d {
			most, total := math.Inf(-1), 0.0
			for t := range p {
				row := rows[(b*s.N+t)*2*s.Width+from:][:d]
				p[t] = 0
				for j, v := range row {
					p[t] += float64(query[b*s.Width+from+j]) * float64(v)
				}
				p[t] /= math.Sqrt(float64(d))
				most = max(most, p[t])
			}
			for t := range p {
				p[t] = math.Exp(p[t] - most)
				total += p[t]
			}
			for j := range d {
				var sum float64
				for t := range p {
					sum += p[t] / total * float64(rows[(b*s.N+t)*2*s.Width+s.Width+from+j])
				}
				dst[b*s.Width+from+j] = float32(sum)
			}
		}
	}
	return nil
}
