package calib

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Every loss against central differences, on logits kept away from ties.
func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	const h = 1e-5
	for name, loss := range lossesUnderTest {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(21, 22))
			for range 20 {
				l, zs, y := randomCase(rng, 3, 5)
				_, grad, err := loss(l, zs, y)
				if err != nil {
					t.Fatal(err)
				}
				for i := range l.Data {
					up, down := l.Clone(), l.Clone()
					up.Data[i] += h
					down.Data[i] -= h
					above, _, _ := loss(up, zs, y)
					below, _, _ := loss(down, zs, y)
					numeric := (above - below) / (2 * h)
					if math.Abs(numeric-grad.Data[i]) > 2e-7*max(1, math.Abs(numeric)) {
						t.Fatalf("entry %d: %v, by differences %v", i, grad.Data[i], numeric)
					}
				}
			}
		})
	}
}

func TestZSNormGradOfAnyUpstreamGradient(t *testing.T) {
	const h = 1e-6
	rng := rand.New(rand.NewPCG(31, 32))
	l, zs, _ := randomCase(rng, 4, 6)
	upstream := NewMatrix(4, 6)
	for i := range upstream.Data {
		upstream.Data[i] = rng.NormFloat64()
	}
	value := func(l Matrix) float64 {
		mapped, err := ZSNorm(l, zs)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, v := range mapped.Data {
			sum += v * upstream.Data[i]
		}
		return sum
	}
	grad, err := ZSNormGrad(l, zs, upstream)
	if err != nil {
		t.Fatal(err)
	}
	for i := range l.Data {
		up, down := l.Clone(), l.Clone()
		up.Data[i] += h
		down.Data[i] -= h
		if numeric := (value(up) - value(down)) / (2 * h); math.Abs(numeric-grad.Data[i]) > 1e-6 {
			t.Errorf("entry %d: %v, by differences %v", i, grad.Data[i], numeric)
		}
	}
}

func TestPenaltyIsZeroInsideAndOnTheEdgesOfTheRange(t *testing.T) {
	zs := Matrix{1, 3, []float64{1, 2, 3}}
	value, grad, err := Penalty(Matrix{1, 3, []float64{3, 1, 2}}, zs, DefaultLambda)
	if err != nil || value != 0 {
		t.Errorf("value %v, error %v", value, err)
	}
	for _, g := range grad.Data {
		if g != 0 {
			t.Errorf("gradient %v, want zeros", grad.Data)
		}
	}
	value, grad, _ = Penalty(Matrix{1, 3, []float64{6, 0, 2}}, zs, 3)
	if value != 4 || grad.Data[0] != 1 || grad.Data[1] != -1 || grad.Data[2] != 0 {
		t.Errorf("value %v, gradient %v; want 4 and [1 -1 0]", value, grad.Data)
	}
}

func TestPenaltyLossIsTheSumOfItsParts(t *testing.T) {
	l, zs, y := randomCase(rand.New(rand.NewPCG(41, 42)), 4, 5)
	ce, ceGrad, _ := CrossEntropy(l, y)
	pen, penGrad, _ := Penalty(l, zs, DefaultLambda)
	value, grad, err := PenaltyLoss(l, zs, y, DefaultLambda)
	if err != nil || !near(value, ce+pen) {
		t.Errorf("value %v, want %v; error %v", value, ce+pen, err)
	}
	for i, g := range grad.Data {
		if !near(g, ceGrad.Data[i]+penGrad.Data[i]) {
			t.Errorf("gradient %d: %v", i, g)
		}
	}
}

func TestLossesStayFiniteOnEqualAndSaturatedLogits(t *testing.T) {
	for _, l := range []Matrix{
		{2, 3, []float64{0, 0, 0, 7, 7, 7}},
		{2, 3, []float64{5000, 0, -5000, 0, 5000, 0}},
		{1, 1, []float64{3}},
	} {
		zs := l.Clone()
		labels := make([]int, l.N)
		for name, loss := range lossesUnderTest {
			value, grad, err := loss(l, zs, labels)
			if err != nil || math.IsNaN(value) || math.IsInf(value, 0) || grad.Check() != nil {
				t.Errorf("%s of %v: value %v, gradient %v, error %v", name, l.Data, value, grad.Data, err)
			}
		}
	}
}
