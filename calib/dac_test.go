package calib

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

func TestDACFactorsAgreeWithTheReleasedCode(t *testing.T) {
	raw, err := os.ReadFile("testdata/dac_golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		ZeroShotBase [][]float64 `json:"zero_shot_base"`
		ZeroShotNew  [][]float64 `json:"zero_shot_new"`
		TunedBase    [][]float64 `json:"tuned_base"`
		TunedNew     [][]float64 `json:"tuned_new"`
		Factors3     []float64   `json:"factors_3"`
		Factors5     []float64   `json:"factors_5"`
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	rows := func(r [][]float64) Matrix {
		m, err := FromRows(r)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	f := ClassFeatures{ZeroShotBase: rows(golden.ZeroShotBase), ZeroShotNew: rows(golden.ZeroShotNew),
		TunedBase: rows(golden.TunedBase), TunedNew: rows(golden.TunedNew)}
	for k, want := range map[int][]float64{3: golden.Factors3, 0: golden.Factors5} {
		got, err := DACFactors(f, k)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if math.Abs(got[i]-w) > 1e-12 {
				t.Errorf("k %d, class %d: factor %g, want %g", k, i, got[i], w)
			}
		}
	}
	if golden.Factors5[1] != 1 {
		t.Error("no class of the golden file is a base class")
	}
}

func TestDACScalesByThePredictedClass(t *testing.T) {
	l := Matrix{N: 2, K: 2, Data: []float64{1, 3, 4, 2}}
	got, err := DAC(l, []float64{0.5, 2})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[2 6 2 1]"; fmt.Sprint(got.Data) != want {
		t.Errorf("logits %v, want %s", got.Data, want)
	}
	if _, err := DAC(l, []float64{1}); err == nil {
		t.Error("no error for too few factors")
	}
}

func TestDACRefusesFeaturesThatDoNotFit(t *testing.T) {
	m := func(n, k int) Matrix {
		out := NewMatrix(n, k)
		for i := range out.Data {
			out.Data[i] = float64(i + 1)
		}
		return out
	}
	good := ClassFeatures{ZeroShotBase: m(3, 4), ZeroShotNew: m(2, 4), TunedBase: m(3, 4), TunedNew: m(2, 4)}
	if _, err := DACFactors(good, 9); err != nil {
		t.Errorf("fewer base classes than neighbours: %v", err)
	}
	for want, change := range map[string]func(*ClassFeatures){
		"length":       func(f *ClassFeatures) { f.TunedBase = m(3, 5) },
		"same classes": func(f *ClassFeatures) { f.TunedNew = m(3, 4) },
		"no samples":   func(f *ClassFeatures) { f.ZeroShotBase = Matrix{} },
	} {
		bad := good
		change(&bad)
		if _, err := DACFactors(bad, 5); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	if _, err := DACFactors(good, -1); err == nil {
		t.Error("no error for -1 neighbours")
	}
}

func ExampleDACFactors() {
	near, far := Matrix{N: 1, K: 2, Data: []float64{0.8, 0.6}}, Matrix{N: 1, K: 2, Data: []float64{0, 1}}
	base := Matrix{N: 1, K: 2, Data: []float64{1, 0}}
	f, err := DACFactors(ClassFeatures{ZeroShotBase: base, TunedBase: base, ZeroShotNew: near, TunedNew: far}, 1)
	fmt.Printf("%.3f %v\n", f[0], err)
	// Output: 0.458 <nil>
}
