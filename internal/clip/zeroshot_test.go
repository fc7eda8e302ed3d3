package clip

import (
	"context"
	"math"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
)

func TestAveragesOfTemplates(t *testing.T) {
	// Two templates, two classes; the second template's features are longer.
	features := [][]float32{{1, 0}, {0, 1}, {0, 3}, {4, 0}}
	for average, want := range map[Average][][]float32{
		Raw:  {{0.5, 1.5}, {2, 0.5}},
		Unit: {{math.Sqrt2 / 2, math.Sqrt2 / 2}, {math.Sqrt2 / 2, math.Sqrt2 / 2}},
	} {
		if e := largestError(averageTemplates(features, 2, average), want); e > 1e-7 {
			t.Errorf("average %d: %v, want %v", average, averageTemplates(features, 2, average), want)
		}
	}
}

func TestLogitsAreScaledCosines(t *testing.T) {
	got, err := Logits([][]float32{{3, 4}, {0, 0}}, [][]float32{{10, 0}, {0, 0.1}}, 100)
	if err != nil {
		t.Fatal(err)
	}
	if e := largestError(got, [][]float32{{60, 80}, {0, 0}}); e > 1e-6 {
		t.Errorf("%v", got)
	}
	if _, err := Logits([][]float32{{1, 2, 3}}, [][]float32{{1, 2}}, 1); err == nil ||
		!strings.Contains(err.Error(), "feature 0 has length 3, want 2") {
		t.Errorf("lengths that differ: %v", err)
	}
	if _, err := Logits(nil, nil, 1); err == nil {
		t.Error("no prototypes: no error")
	}
}

func TestPrototypesOfAModel(t *testing.T) {
	m, err := New(cliptest.Open(t, cliptest.Tiny()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := context.Background()
	classes := []string{"dog", "cat", "bird"}
	got, err := m.Prototypes(ctx, []string{"a {}.", "the {}"}, classes, Raw)
	if err != nil {
		t.Fatal(err)
	}
	first, err := m.Texts.Encode(ctx, []string{"a cat.", "the cat"})
	if err != nil {
		t.Fatal(err)
	}
	for j := range got[1] {
		if want := (first[0][j] + first[1][j]) / 2; math.Abs(float64(got[1][j]-want)) > 1e-6 {
			t.Fatalf("prototype of cat, value %d: %g, want %g", j, got[1][j], want)
		}
	}
	if _, err := m.Prototypes(ctx, []string{"no slot"}, classes, Raw); err == nil || !strings.Contains(err.Error(),
		"{}") {
		t.Errorf("template without a slot: %v", err)
	}
	if _, err := m.Prototypes(ctx, nil, classes, Raw); err == nil {
		t.Error("no templates: no error")
	}
}

// The values are NumPy's: np.float32(x).astype(np.float16).
func TestToFloat16(t *testing.T) {
	for x, want := range map[float32]float32{
		0: 0, 1: 1, -1: -1, 0.1: 0.0999755859375, 3.14159: 3.140625, 2049: 2048, 2051: 2052,
		-0.3333333: -0.333251953125,
		6.1e-5:     6.097555160522461e-05, 1e-7: 1.1920928955078125e-07, 2.9e-8: 0, 9.123456: 9.125,
	} {
		if got := toFloat16(x); got != want {
			t.Errorf("%g: %v, want %v", x, got, want)
		}
	}
	got := averageTemplates([][]float32{{0.1, 2049}, {0.3, 2051}}, 1, RawFloat16)
	if got[0][0] != 0.199951171875 || got[0][1] != 2050 {
		t.Errorf("mean %v", got)
	}
}
