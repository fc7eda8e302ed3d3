package calib

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSaLSKeepsTheArgMaxAndTakesTheZeroShotRange(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 200 {
		l, zs, y := randomCase(rng, 1+rng.IntN(6), 2+rng.IntN(20))
		mapped, err := SaLS(l, zs)
		if err != nil {
			t.Fatal(err)
		}
		temps, err := Temperatures(l, zs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range l.N {
			if ArgMax(mapped.Row(i)) != ArgMax(l.Row(i)) {
				t.Fatalf("arg max moved: %v to %v", l.Row(i), mapped.Row(i))
			}
			lo, hi := limits(mapped.Row(i))
			zsLo, zsHi := limits(zs.Row(i))
			if lo != zsLo || hi != zsHi {
				t.Fatalf("range [%v, %v], want [%v, %v]", lo, hi, zsLo, zsHi)
			}
			// softmax(l') = softmax(l/T)
			byT := make([]float64, l.K)
			for k, v := range l.Row(i) {
				byT[k] = v / temps[i]
			}
			p, q := make([]float64, l.K), make([]float64, l.K)
			softmaxInto(p, mapped.Row(i))
			softmaxInto(q, byT)
			for k := range p {
				if !near(p[k], q[k]) {
					t.Fatalf("probabilities %v, by temperature %v", p, q)
				}
			}
		}
		before, _ := Evaluate(l, y, Options{})
		after, _ := Evaluate(mapped, y, Options{})
		if before.Accuracy != after.Accuracy {
			t.Fatalf("accuracy %v became %v", before.Accuracy, after.Accuracy)
		}
		again, _ := SaLS(mapped, zs)
		for i, v := range again.Data {
			if !near(v, mapped.Data[i]) {
				t.Fatal("mapping twice differs from mapping once")
			}
		}
	}
}

func TestZeroRangesAreDefined(t *testing.T) {
	cases := []struct {
		name         string
		l, zs, want  []float64
		temperatures float64
	}{
		{"equal adapted logits move to the minimum", []float64{4, 4, 4}, []float64{1, 3, 2}, []float64{1, 1, 1}, 1},
		{"equal zero-shot logits make a uniform prediction", []float64{1, 5, 3}, []float64{2, 2, 2}, []float64{2, 2, 2},
			math.Inf(1)},
		{"both equal", []float64{4, 4, 4}, []float64{2, 2, 2}, []float64{2, 2, 2}, 1},
		{"one class", []float64{4}, []float64{-3}, []float64{-3}, 1},
		{"difference overflows", []float64{-1.5e308, 0, 1.5e308}, []float64{0, 1, 2}, []float64{0, 1, 2}, math.Inf(1)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l, zs := Matrix{1, len(c.l), c.l}, Matrix{1, len(c.zs), c.zs}
			got, err := SaLS(l, zs)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range got.Data {
				if v != c.want[k] {
					t.Errorf("mapped to %v, want %v", got.Data, c.want)
					break
				}
			}
			if temps, _ := Temperatures(l, zs); temps[0] != c.temperatures {
				t.Errorf("temperature %v, want %v", temps[0], c.temperatures)
			}
		})
	}
}

func TestRemediesRejectSetsOfDifferentSize(t *testing.T) {
	l, zs := NewMatrix(3, 2), NewMatrix(2, 2)
	if _, err := SaLS(l, zs); err == nil {
		t.Error("SaLS accepts 3 rows against 2")
	}
	if _, err := Temperatures(l, zs); err == nil {
		t.Error("Temperatures accepts 3 rows against 2")
	}
	if _, _, err := Penalty(l, zs, 1); err == nil {
		t.Error("Penalty accepts 3 rows against 2")
	}
	if _, _, err := ZSNormLoss(l, zs, []int{0, 0, 0}); err == nil {
		t.Error("ZSNormLoss accepts 3 rows against 2")
	}
	if _, err := ZSNormGrad(l, l, zs); err == nil {
		t.Error("ZSNormGrad accepts a gradient of another shape")
	}
	if _, err := SaLS(l, Matrix{3, 1, []float64{0, math.NaN(), 0}}); err == nil {
		t.Error("SaLS accepts NaN among the zero-shot logits")
	}
}

func TestZeroShotClassesMayDifferInOrderAndNumber(t *testing.T) {
	l := Matrix{1, 3, []float64{0, 5, 10}}
	a, _ := SaLS(l, Matrix{1, 3, []float64{1, 2, 3}})
	b, err := SaLS(l, Matrix{1, 4, []float64{3, 2, 1, 1.5}})
	if err != nil {
		t.Fatal(err)
	}
	for k := range a.Data {
		if a.Data[k] != b.Data[k] {
			t.Errorf("%v against %v", a.Data, b.Data)
		}
	}
}
