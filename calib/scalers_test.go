package calib

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

// TestScalersAgreeWithTorchUncertaintyAndNetcal compares with testdata/scalers.json,
// which testdata/make_scalers.py writes. torch-uncertainty's vector scaler has no
// bias, so it is another one than ours, which is that of Guo et al. (2017).
func TestScalersAgreeWithTorchUncertaintyAndNetcal(t *testing.T) {
	within := map[string]float64{
		"temperature": 5e-5, "matrix": 3e-4, // as far as their optimiser goes
		"isotonic": 2e-5, "histogram": 5e-6, // which keep probabilities of 0 at 1e-6
		"temperature netcal": 5e-4,
	}
	var all []struct {
		Name     string
		Scalers  map[string][]float64
		EmptyBin []bool `json:"empty_bin"`
	}
	raw, err := os.ReadFile("testdata/scalers.json")
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	cases := libraries(t).Cases
	if len(all) != len(cases) {
		t.Fatalf("%d cases, want %d", len(all), len(cases))
	}
	compared := 0
	for at, c := range cases {
		if all[at].Name != c.Name || len(all[at].Scalers) != len(within) {
			t.Fatalf("%s: %s, %d scalers", c.Name, all[at].Name, len(all[at].Scalers))
		}
		rest := Matrix{c.N - c.Fit, c.K, c.Logits[c.Fit*c.K:]}
		for name, want := range all[at].Scalers {
			kind, _, _ := strings.Cut(name, " ")
			made, _, err := FitCalibrator(kind, Matrix{c.Fit, c.K, c.Logits[:c.Fit*c.K]}, c.Labels[:c.Fit],
				FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			rows, err := made.Apply(rest)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Collect(rows)
			if err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i := range got.N {
				if kind == Histogram && all[at].EmptyBin[i] {
					continue // of a bin without samples of the fit theirs takes the middle
				}
				compared++
				softmaxInto(got.Row(i), got.Row(i))
				for k, p := range got.Row(i) {
					worst = max(worst, math.Abs(p-want[i*c.K+k]))
				}
			}
			t.Logf("%s: %s differs by %.3g", c.Name, name, worst)
			if !(worst <= within[name]) {
				t.Errorf("%s: %s differs by %.3g", c.Name, name, worst)
			}
		}
	}
	if compared < 900 {
		t.Errorf("%d rows compared", compared)
	}
}
