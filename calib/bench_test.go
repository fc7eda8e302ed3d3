package calib

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkEvaluate5000x1000(b *testing.B) {
	l, _, y := randomCase(rand.New(rand.NewPCG(1, 1)), 5000, 1000)
	for b.Loop() {
		if _, err := Evaluate(l, y, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFitTemperature5000x1000(b *testing.B) {
	l, _, y := randomCase(rand.New(rand.NewPCG(1, 1)), 5000, 1000)
	for b.Loop() {
		if _, err := FitTemperature(l, y); err != nil {
			b.Fatal(err)
		}
	}
}
