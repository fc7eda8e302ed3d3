package calib

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// The reference's formulas in float32 lose probabilities that underflow and put
// confidences at an edge into the other bin; ours are those of float64. See
// testdata/make_float32.py.
func TestMetricsAreThoseOfFloat64(t *testing.T) {
	raw, err := os.ReadFile("testdata/float32.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]struct {
		Logits           [][]float64
		Labels           []int
		Float32, Float64 float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for name, figure := range map[string]func(Metrics) float64{
		"classwise, underflow": func(m Metrics) float64 { return m.ClasswiseECE },
		"ace, edge at 0.9":     func(m Metrics) float64 { return m.ACE },
	} {
		c := cases[name]
		var l Matrix
		for _, row := range c.Logits {
			l.N, l.K, l.Data = l.N+1, len(row), append(l.Data, row...)
		}
		m, err := Evaluate(l, c.Labels, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := figure(m); math.Abs(got-c.Float64) > 1e-12 || math.Abs(got-c.Float32) < 0.05 {
			t.Errorf("%s: %.12g, want %.12g (float32: %.12g)", name, got, c.Float64, c.Float32)
		}
	}
}
