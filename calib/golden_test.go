package calib

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// goldenCase is one entry of testdata/golden.json, which
// testdata/make_golden.py writes with NumPy and PyTorch in float64.
type goldenCase struct {
	Name        string
	N, K        int
	Bins        int
	FineBins    int `json:"fine_bins"`
	Logits      []float64
	ZeroShot    []float64 `json:"zero_shot"`
	Labels      []int
	Metrics     map[string]float64
	SaLS        []float64
	SaLSMetrics map[string]float64 `json:"sals_metrics"`
	Losses      map[string]struct {
		Value float64
		Grad  []float64
	}
	Temperature *struct {
		T       float64
		LBFGS   float64
		NLL     float64
		GridNLL float64 `json:"grid_nll"`
		GridECE float64 `json:"grid_ece"`
	}
}

func (c goldenCase) logits() Matrix   { return Matrix{c.N, c.K, c.Logits} }
func (c goldenCase) zeroShot() Matrix { return Matrix{c.N, c.K, c.ZeroShot} }

func goldens(t *testing.T) []goldenCase {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []goldenCase }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("golden.json holds no cases")
	}
	return file.Cases
}

// near compares to 1e-12, relative above 1.
func near(got, want float64) bool {
	return math.Abs(got-want) <= 1e-12*max(1, math.Abs(want))
}

func checkMetrics(t *testing.T, logits Matrix, labels []int, opt Options, want map[string]float64) {
	t.Helper()
	m, err := Evaluate(logits, labels, opt)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]float64
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%d metrics, want %d", len(got), len(want))
	}
	for key, w := range want {
		if g, ok := got[key]; !ok || !near(g, w) {
			t.Errorf("%s = %v, want %v", key, g, w)
		}
	}
}

func TestMetricsAgreeWithNumPy(t *testing.T) {
	for _, c := range goldens(t) {
		t.Run(c.Name, func(t *testing.T) {
			checkMetrics(t, c.logits(), c.Labels, Options{Bins: c.Bins, FineBins: c.FineBins}, c.Metrics)
		})
	}
}

func TestSaLSAgreesWithPyTorch(t *testing.T) {
	for _, c := range goldens(t) {
		if c.SaLSMetrics == nil {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			mapped, err := SaLS(c.logits(), c.zeroShot())
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.SaLS {
				if !near(mapped.Data[i], want) {
					t.Errorf("entry %d = %v, want %v", i, mapped.Data[i], want)
				}
			}
			checkMetrics(t, mapped, c.Labels, Options{Bins: c.Bins, FineBins: c.FineBins}, c.SaLSMetrics)
		})
	}
}

// lossesUnderTest maps the names of the golden file to calls with the same
// constants.
var lossesUnderTest = map[string]func(l, zs Matrix, y []int) (float64, Matrix, error){
	"cross_entropy":   func(l, _ Matrix, y []int) (float64, Matrix, error) { return CrossEntropy(l, y) },
	"label_smoothing": func(l, _ Matrix, y []int) (float64, Matrix, error) { return LabelSmoothing(l, y, 0.05) },
	"ecp":             func(l, _ Matrix, y []int) (float64, Matrix, error) { return ECP(l, y, 0.1) },
	"focal":           func(l, _ Matrix, y []int) (float64, Matrix, error) { return Focal(l, y, 3) },
	"adaptive_focal":  func(l, _ Matrix, y []int) (float64, Matrix, error) { return AdaptiveFocal(l, y) },
	"mbls":            func(l, _ Matrix, y []int) (float64, Matrix, error) { return MbLS(l, y, 2, 0.1) },
	"logit_norm":      func(l, _ Matrix, y []int) (float64, Matrix, error) { return LogitNorm(l, y, 0.04) },
	"brier":           func(l, _ Matrix, y []int) (float64, Matrix, error) { return BrierLoss(l, y) },
	"zs_norm":         func(l, zs Matrix, y []int) (float64, Matrix, error) { return ZSNormLoss(l, zs, y) },
	"penalty":         func(l, zs Matrix, _ []int) (float64, Matrix, error) { return Penalty(l, zs, DefaultLambda) },
}

func TestLossesAndGradientsAgreeWithPyTorch(t *testing.T) {
	seen := 0
	for _, c := range goldens(t) {
		for name, want := range c.Losses {
			seen++
			t.Run(c.Name+"/"+name, func(t *testing.T) {
				value, grad, err := lossesUnderTest[name](c.logits(), c.zeroShot(), c.Labels)
				if err != nil {
					t.Fatal(err)
				}
				if !near(value, want.Value) {
					t.Errorf("value %v, want %v", value, want.Value)
				}
				for i, g := range grad.Data {
					if !near(g, want.Grad[i]) {
						t.Errorf("gradient %d: %v, want %v", i, g, want.Grad[i])
					}
				}
			})
		}
	}
	if seen < 3*len(lossesUnderTest) {
		t.Errorf("only %d losses compared", seen)
	}
}

func TestTemperatureAgreesWithLBFGSAndBrent(t *testing.T) {
	seen := 0
	for _, c := range goldens(t) {
		want := c.Temperature
		if want == nil {
			continue
		}
		seen++
		t.Run(c.Name, func(t *testing.T) {
			fit, err := FitTemperature(c.logits(), c.Labels)
			if err != nil {
				t.Fatal(err)
			}
			if fit.AtBound || math.Abs(fit.T/want.T-1) > 1e-10 || !near(fit.NLL, want.NLL) {
				t.Errorf("fit %+v, want %+v", fit, *want)
			}
			if math.Abs(fit.T/want.LBFGS-1) > 1e-6 {
				t.Errorf("T = %v, L-BFGS found %v", fit.T, want.LBFGS)
			}
			for by, grid := range map[Criterion]float64{ByNLL: want.GridNLL, ByECE: want.GridECE} {
				g, err := GridTemperature(c.logits(), c.Labels, by)
				if err != nil || math.Abs(g.T-grid) > 1e-9 {
					t.Errorf("grid by %d: T = %v (%v), want %v", by, g.T, err, grid)
				}
			}
		})
	}
	if seen == 0 {
		t.Error("no temperatures compared")
	}
}
