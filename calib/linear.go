package calib

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"
)

// affine writes W·in + b to dst.
func (c Calibrator) affine(dst, in []float64) {
	for k := range dst {
		w := c.Weights[k*c.Classes : (k+1)*c.Classes]
		dst[k] = c.Bias[k] + floats.Dot(w, in)
	}
}

// fitLinear minimises the likelihood of vector or matrix scaling (Guo et al.,
// 2017), a convex problem, by L-BFGS from the fitted temperature; working on
// logits/T keeps the problem well scaled.
func (c *Calibrator) fitLinear(m Matrix, labels []int, l2 float64, fit *CalibratorFit) error {
	k := m.K
	t, err := FitTemperature(m, labels)
	if err != nil {
		return err
	}
	// Of separable samples T is a bound that leaves nothing to work with.
	scale := t.T
	if t.AtBound {
		scale = 1
	}
	scaled, err := Scale(m, scale)
	if err != nil {
		return err
	}
	weights := k
	if c.Kind == FullMatrix {
		weights = k * k
	}
	x := make([]float64, weights+k)
	for i := range k {
		if c.Kind == FullMatrix {
			x[i*k+i] = 1
		} else {
			x[i] = 1
		}
	}
	p := &linearProblem{m: scaled, labels: labels, matrix: c.Kind == FullMatrix, l2: l2}
	result, err := optimize.Minimize(optimize.Problem{
		Func: func(x []float64) float64 { return p.at(x).value },
		Grad: func(grad, x []float64) { copy(grad, p.at(x).grad) },
	}, x, &optimize.Settings{
		GradientThreshold: 1e-9,
		MajorIterations:   2000,
		// The value stands still before the gradient is exactly 0.
		Converger: &optimize.FunctionConverge{Absolute: 1e-15, Relative: 1e-15, Iterations: 20},
	}, &optimize.LBFGS{})
	if result == nil {
		return err
	}
	if p.broken {
		return errors.New("the likelihood is not finite: logits too large")
	}
	x = result.X
	fit.NotConverged = floats.Norm(p.at(x).grad, math.Inf(1)) > 1e-5
	fit.Parameters = len(x)
	c.Weights, c.Bias = make([]float64, weights), make([]float64, k)
	for i := range weights {
		c.Weights[i] = x[i] / scale
	}
	copy(c.Bias, x[weights:])
	return nil
}

// linearProblem is the likelihood as a function of weights and biases.
type linearProblem struct {
	m      Matrix
	labels []int
	matrix bool
	l2     float64
	broken bool

	last linearValue // of the optimiser's last point: it asks for value and gradient apart
}

type linearValue struct {
	x, grad []float64
	value   float64
}

func (p *linearProblem) at(x []float64) linearValue {
	if p.last.x != nil && floats.Equal(p.last.x, x) {
		return p.last
	}
	k := p.m.K
	weights := len(x) - k
	c := Calibrator{Classes: k, Weights: x[:weights], Bias: x[weights:]}
	parts := partsOf(p.m.N, len(x))
	sums := make([]linearValue, parts)
	for i := range sums {
		sums[i].grad = make([]float64, len(x))
	}
	eachBlock(p.m, parts, func(part, from int, block []float64) error { // cannot fail
		s, out := &sums[part], make([]float64, k)
		for at := 0; at < len(block); at += k {
			row, y := block[at:at+k], p.labels[from+at/k]
			if p.matrix {
				c.affine(out, row)
			} else {
				for j := range out {
					out[j] = c.Weights[j]*row[j] + c.Bias[j]
				}
			}
			peak := out[ArgMax(out)]
			own := out[y]
			s.value += peak + math.Log(softmaxFrom(out, out, peak)) - own
			out[y]--
			for j, g := range out {
				s.grad[weights+j] += g
				if p.matrix {
					floats.AddScaled(s.grad[j*k:(j+1)*k], g, row)
				} else {
					s.grad[j] += g * row[j]
				}
			}
		}
		return nil
	})
	total := sums[0]
	for _, s := range sums[1:] {
		total.value += s.value
		floats.Add(total.grad, s.grad)
	}
	total.value /= float64(p.m.N)
	floats.Scale(1/float64(p.m.N), total.grad)
	p.regularise(x, weights, &total)
	p.broken = p.broken || math.IsNaN(total.value) || math.IsInf(total.value, 0)
	total.x = append([]float64(nil), x...)
	p.last = total
	return total
}

func (p *linearProblem) regularise(x []float64, weights int, v *linearValue) {
	if p.l2 == 0 {
		return
	}
	k := p.m.K
	for j := weights; j < len(x); j++ {
		v.value += p.l2 / float64(k) * x[j] * x[j]
		v.grad[j] += 2 * p.l2 / float64(k) * x[j]
	}
	if !p.matrix {
		return
	}
	w := p.l2 / float64(k*(k-1))
	for j := range weights {
		if j/k != j%k {
			v.value += w * x[j] * x[j]
			v.grad[j] += 2 * w * x[j]
		}
	}
}
