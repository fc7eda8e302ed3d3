package ref

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// keys lists the rows a row attends to.
type keys func(i int) []int

func sequenceKeys(tokens int) keys {
	return func(i int) []int {
		first := i / tokens * tokens
		ks := make([]int, tokens)
		for j := range ks {
			ks[j] = first + j
		}
		return ks
	}
}

// sequences checks that the rows are so many sequences.
func sequences(qkv *tensor.Dense, batch, tokens int) error {
	if n, _ := dims(qkv); batch < 1 || tokens < 1 || n != batch*tokens {
		return fmt.Errorf("attention: %d rows are not %d sequences of %d", n, batch, tokens)
	}
	return nil
}

// projected checks a packed input projection and results or their gradients.
func projected(qkv *tensor.Dense, heads int, outs ...*tensor.Dense) error {
	n, w3 := dims(qkv)
	if heads < 1 || w3%(3*heads) != 0 {
		return fmt.Errorf("attention: %d columns cannot be split into query, key and value of %d heads", w3, heads)
	}
	for _, o := range outs {
		if err := want(sized{"result", o, n * w3 / 3}); err != nil {
			return err
		}
	}
	return nil
}

// Attention attends within each sequence.
func (e *Engine) Attention(out, qkv *tensor.Dense, batch, tokens, heads int) error {
	if err := first(sequences(qkv, batch, tokens), projected(qkv, heads, out)); err != nil {
		return err
	}
	return attend(out, qkv, heads, sequenceKeys(tokens))
}

// AttentionGrad writes the gradient of Attention.
func (e *Engine) AttentionGrad(dqkv, qkv, out, dout *tensor.Dense, batch, tokens, heads int) error {
	if err := first(sequences(qkv, batch, tokens), projected(qkv, heads, out, dout), alike(qkv, dqkv)); err != nil {
		return err
	}
	return attendGrad(dqkv, qkv, dout, heads, sequenceKeys(tokens))
}

func probabilities(x []float32, i, w, h, hd int, ks []int) []float64 {
	p := make([]float64, len(ks))
	top := math.Inf(-1)
	for a, j := range ks {
		for c := 0; c < hd; c++ {
			p[a] += float64(x[i*3*w+h*hd+c]) * float64(x[j*3*w+w+h*hd+c])
		}
		p[a] /= math.Sqrt(float64(hd))
		top = math.Max(top, p[a])
	}
	var sum float64
	for a := range p {
		p[a] = math.Exp(p[a] - top)
		sum += p[a]
	}
	for a := range p {
		p[a] /= sum
	}
	return p
}

func attend(out, qkv *tensor.Dense, heads int, ks keys) error {
	n, w3 := dims(qkv)
	w := w3 / 3
	hd := w / heads
	x, o := f32(qkv), f32(out)
	for i := 0; i < n; i++ {
		js := ks(i)
		for h := 0; h < heads; h++ {
			p := probabilities(x, i, w, h, hd, js)
			for c := 0; c < hd; c++ {
				var s float64
				for a, j := range js {
					s += p[a] * float64(x[j*w3+2*w+h*hd+c])
				}
				o[i*w+h*hd+c] = float32(s)
			}
		}
	}
	return nil
}

func attendGrad(dqkv, qkv, dout *tensor.Dense, heads int, ks keys) error {
	n, w3 := dims(qkv)
	w := w3 / 3
	hd := w / heads
	x, do := f32(qkv), f32(dout)
	d := make([]float64, n*w3)
	for i := 0; i < n; i++ {
		js := ks(i)
		for h := 0; h < heads; h++ {
			p := probabilities(x, i, w, h, hd, js)
			dp := make([]float64, len(js))
			var mean float64
			for a, j := range js {
				for c := 0; c < hd; c++ {
					g := float64(do[i*w+h*hd+c])
					dp[a] += g * float64(x[j*w3+2*w+h*hd+c])
					d[j*w3+2*w+h*hd+c] += p[a] * g
				}
				mean += p[a] * dp[a]
			}
			for a, j := range js {
				ds := p[a] * (dp[a] - mean) / math.Sqrt(float64(hd))
				for c := 0; c < hd; c++ {
					d[i*w3+h*hd+c] += ds * float64(x[j*w3+w+h*hd+c])
					d[j*w3+w+h*hd+c] += ds * float64(x[i*w3+h*hd+c])
				}
			}
		}
	}
	for i, v := range d {
		f32(dqkv)[i] = float32(v)
	}
	return nil
}
