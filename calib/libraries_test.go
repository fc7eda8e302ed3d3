package calib

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

// libraryCase is one entry of testdata/libraries.json, which
// testdata/make_libraries.py writes with scikit-learn, torchmetrics, netcal and
// others.
type libraryCase struct {
	Name    string
	N, K    int
	Fit     int // the first so many samples are fitted on, the rest are mapped
	Logits  []float64
	Labels  []int
	Metrics map[string]float64
	Scalers map[string][]float64
}

type libraryFile struct {
	Cases      []libraryCase
	Statistics struct {
		Wilson []struct {
			Hits, N          int
			Level, Low, High float64
		}
		P          []float64
		BH         []float64 `json:"benjamini_hochberg"`
		Detectable struct{ Error, Level, Power, Want float64 }
		Coverage   []struct {
			Cal, Test                  int
			Coverage, Level, Low, High float64
		}
	}
}

func libraries(t *testing.T) (f libraryFile) {
	t.Helper()
	raw, err := os.ReadFile("testdata/libraries.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Cases) < 3 {
		t.Fatalf("%d cases", len(f.Cases))
	}
	return f
}

func TestMetricsAgreeWithTheLibraries(t *testing.T) {
	missing := map[string]int{}
	cases := libraries(t).Cases
	defer func() {
		for name, n := range missing {
			if n == len(cases) {
				t.Errorf("%s: in no case", name)
			}
		}
	}()
	for _, c := range cases {
		p, err := Predict(Matrix{c.N, c.K, c.Logits}, c.Labels)
		if err != nil {
			t.Fatal(err)
		}
		smooth, _ := p.SmoothECE()
		for name, f := range map[string]struct{ got, within float64 }{
			"torchmetrics l1 10":            {p.ECE(10), 5e-7},
			"torchmetrics l1 15":            {p.ECE(15), 5e-7},
			"torchmetrics l2 10":            {p.L2Error(10), 5e-7},
			"torchmetrics l2 15":            {p.L2Error(15), 5e-7},
			"torchmetrics max 10":           {p.MCE(10), 5e-7},
			"torchmetrics max 15":           {p.MCE(15), 5e-7},
			"netcal ECE 10":                 {p.ECE(10), 1e-12},
			"netcal ECE 15":                 {p.ECE(15), 1e-12},
			"netcal ACE 10":                 {p.ACE(10), 1e-12},
			"netcal ACE 15":                 {p.ACE(15), 1e-12},
			"netcal MCE 10":                 {p.MCE(10), 1e-12},
			"netcal MCE 15":                 {p.MCE(15), 1e-12},
			"sklearn log_loss":              {p.NLL(), 1e-12},
			"sklearn roc_auc":               {p.AUROC(), 1e-12},
			"torch_uncertainty AURC":        {p.AURC(), 1e-12},
			"smooth 0.05":                   {p.SmoothECEAt(0.05), 1e-6},
			"smooth 0.2":                    {p.SmoothECEAt(0.2), 1e-6},
			"relplot smECE":                 {smooth, 2e-3}, // ten bisections
			"verified unbiased l2 15":       {p.DebiasedL2Error(15), 1e-12},
			"verified normal debiased l1 4": {p.DebiasedECE(4), 3e-4}, // of random draws
		} {
			want, ok := c.Metrics[name]
			if !ok {
				missing[name]++ // the script says where a library does not define it
				continue
			}
			if !(math.Abs(f.got-want) <= f.within) {
				t.Errorf("%s: %s is %.15g, want %.15g", c.Name, name, f.got, want)
			}
		}
	}
}

func TestCalibratorsAgreeWithTheLibraries(t *testing.T) {
	within := map[string]float64{"temperature": 1e-6, "vector": 1e-6, "matrix": 2e-6, "platt": 2e-5,
		"isotonic": 1e-8, "isotonic netcal": 1e-8, "histogram": 1e-8}
	for _, c := range libraries(t).Cases {
		fitOn := Matrix{c.Fit, c.K, c.Logits[:c.Fit*c.K]}
		rest := Matrix{c.N - c.Fit, c.K, c.Logits[c.Fit*c.K:]}
		if len(c.Scalers) != len(within) {
			t.Fatalf("%s: %d scalers", c.Name, len(c.Scalers))
		}
		for name, want := range c.Scalers {
			kind, _, _ := strings.Cut(name, " ")
			made, fit, err := FitCalibrator(kind, fitOn, c.Labels[:c.Fit], FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if fit.NotConverged || fit.AtBound || fit.Samples != c.Fit {
				t.Errorf("%s: %s: %+v", c.Name, name, fit)
			}
			// What is kept in a file does the same.
			var file bytes.Buffer
			if err := SaveCalibrator(&file, SavedCalibrator{Calibrator: made}); err != nil {
				t.Fatal(err)
			}
			saved, err := LoadCalibrator(&file)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := saved.Calibrator.Apply(rest)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Collect(rows)
			if err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i := range got.N {
				softmaxInto(got.Row(i), got.Row(i))
				for k, p := range got.Row(i) {
					worst = max(worst, math.Abs(p-want[i*c.K+k]))
				}
			}
			if !(worst <= within[name]) {
				t.Errorf("%s: %s differs by %.3g", c.Name, name, worst)
			}
		}
	}
}

func TestStatisticsAgreeWithSciPy(t *testing.T) {
	s := libraries(t).Statistics
	for _, w := range s.Wilson {
		got, err := Wilson(w.Hits, w.N, w.Level)
		if err != nil || math.Abs(got.Low-w.Low) > 1e-12 || math.Abs(got.High-w.High) > 1e-12 {
			t.Errorf("Wilson of %d of %d: %v, %v; want %v to %v", w.Hits, w.N, got, err, w.Low, w.High)
		}
	}
	got, err := BenjaminiHochberg(s.P)
	if err != nil || len(got) != len(s.BH) {
		t.Fatal(got, err)
	}
	for i, want := range s.BH {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("adjusted p %d: %v, want %v", i, got[i], want)
		}
	}
	d, err := DetectableDifference(s.Detectable.Error, s.Detectable.Level, s.Detectable.Power)
	if err != nil || math.Abs(d-s.Detectable.Want) > 1e-12 {
		t.Errorf("detectable %v, %v; want %v", d, err, s.Detectable.Want)
	}
	if _, err := BenjaminiHochberg([]float64{0.1, math.NaN()}); err == nil {
		t.Error("a p-value of NaN is taken")
	}
}
