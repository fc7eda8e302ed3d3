package calib

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestBadInputIsAnErrorThatNamesThePlace(t *testing.T) {
	good := func() Matrix { return Matrix{2, 3, []float64{1, 2, 3, 4, 5, 6}} }
	nan, inf := good(), good()
	nan.Data[4] = math.NaN()
	inf.Data[2] = math.Inf(-1)
	cases := []struct {
		name   string
		logits Matrix
		labels []int
		want   string
	}{
		{"empty", Matrix{}, nil, "no samples"},
		{"no classes", Matrix{N: 2}, []int{0, 0}, "no classes"},
		{"shape", Matrix{2, 3, make([]float64, 5)}, []int{0, 0}, "do not fit 5 values"},
		{"overflowing shape", Matrix{1 << 62, 4, nil}, nil, "do not fit 0 values"},
		{"negative shape", Matrix{-2, -3, make([]float64, 6)}, nil, "do not fit"},
		{"NaN", nan, []int{0, 0}, "row 1, column 1 is NaN"},
		{"infinite", inf, []int{0, 0}, "row 0, column 2 is -Inf"},
		{"few labels", good(), []int{0}, "1 labels for 2 rows"},
		{"label too large", good(), []int{0, 3}, "label 3 at row 1 is outside 0 to 2"},
		{"label negative", good(), []int{-1, 0}, "label -1 at row 0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Evaluate(c.logits, c.labels, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			for name, loss := range lossesUnderTest {
				if name == "penalty" { // takes no labels
					continue
				}
				if _, _, err := loss(c.logits, c.logits, c.labels); err == nil {
					t.Errorf("%s accepts it", name)
				}
			}
			if _, err := FitTemperature(c.logits, c.labels); err == nil {
				t.Error("FitTemperature accepts it")
			}
		})
	}
	if _, err := Evaluate(Matrix{}, nil, Options{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty set: %v is not ErrEmpty", err)
	}
	if _, err := Evaluate(good(), []int{0, 0}, Options{Bins: -1}); err == nil {
		t.Error("negative bin count accepted")
	}
	if _, err := Evaluate(good(), []int{0, 0}, Options{FineBins: 1 << 40}); err == nil {
		t.Error("huge bin count accepted")
	}
}

func TestConstructorsRejectWhatDoesNotFit(t *testing.T) {
	if _, err := FromRows([][]float64{{1, 2}, {3}}); err == nil || !strings.Contains(err.Error(),
		"row 1 has 1 values") {
		t.Errorf("ragged rows: %v", err)
	}
	if _, err := FromRows(nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("no rows: %v", err)
	}
	if _, err := FromFloat32(2, 2, make([]float32, 3)); err == nil {
		t.Error("3 values accepted for a 2 by 2 matrix")
	}
}

func TestMetricsAreFiniteForSmallestSets(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {1, 5}, {4, 1}, {2, 2}} {
		m := NewMatrix(shape[0], shape[1])
		got, err := Evaluate(m, make([]int, shape[0]), Options{})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(got) // fails on NaN and infinities
		if err != nil {
			t.Errorf("%v: %v", shape, err)
		}
		if got.LogitRange != 0 || got.LogitNorm != 0 || got.Accuracy != 1 {
			t.Errorf("%v: %s", shape, raw)
		}
	}
}

func TestHugeLogitsGiveFiniteMetrics(t *testing.T) {
	m := Matrix{2, 2, []float64{1e308, -1e308, 0, 1e308}}
	got, err := Evaluate(m, []int{0, 1}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Accuracy != 1 || got.ECE != 0 || got.NLL != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAdaptiveECELeavesOutTheMinimumUnlessClosed(t *testing.T) {
	// Four equal confidences of 1/2, half of them right.
	p, err := Predict(NewMatrix(4, 2), []int{0, 0, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.AdaptiveECE(5); got != 0 {
		t.Errorf("reference form: %v, want 0", got)
	}
	if got := p.AdaptiveECEClosed(5); got != 0.25 {
		t.Errorf("closed form: %v, want 0.25", got)
	}
}

func TestMetricsDoNotDependOnTheOrderOfSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	l, _, y := randomCase(rng, 50, 7)
	want, _ := Evaluate(l, y, Options{})
	shuffled, labels := l.Clone(), append([]int(nil), y...)
	for i, j := range rng.Perm(50) {
		copy(shuffled.Row(i), l.Row(j))
		labels[i] = y[j]
	}
	got, _ := Evaluate(shuffled, labels, Options{})
	if !near(got.ECE, want.ECE) || !near(got.AdaptiveECE, want.AdaptiveECE) ||
		!near(got.ClasswiseECE, want.ClasswiseECE) || !near(got.NLL, want.NLL) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestReliabilityAddsUpToItsSummary(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	l, _, y := randomCase(rng, 80, 4)
	p, err := Predict(l, y)
	if err != nil {
		t.Fatal(err)
	}
	r := p.Reliability(0)
	if len(r.Bins) != DefaultBins {
		t.Fatalf("%d bins", len(r.Bins))
	}
	count, accuracy, confidence, ece := 0, 0.0, 0.0, 0.0
	for _, b := range r.Bins {
		w := float64(b.Count) / float64(r.Samples)
		count += b.Count
		accuracy += w * b.Accuracy
		confidence += w * b.Confidence
		ece += w * math.Abs(b.Gap())
		if b.Count > 0 && (b.Confidence <= b.Lower || b.Confidence > b.Upper) {
			t.Errorf("mean confidence outside its bin: %+v", b)
		}
	}
	if count != 80 || !near(accuracy, r.Accuracy) || !near(confidence, r.Confidence) || !near(ece, p.ECE(10)) {
		t.Errorf("bins add to %d %v %v %v, summary %+v", count, accuracy, confidence, ece, r)
	}
}

func TestLogSoftmaxStaysFiniteWhereSoftmaxUnderflows(t *testing.T) {
	m := Matrix{1, 2, []float64{0, -2000}}
	p, _ := Softmax(m)
	logp, _ := LogSoftmax(m)
	if p.Data[1] != 0 || logp.Data[1] != -2000 {
		t.Errorf("softmax %v, log-softmax %v", p.Data, logp.Data)
	}
}
