package calib

import (
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

// Every resampled metric is that of a set in which the samples really occur so
// often, ties of confidence included.
func TestResampledMetricsAreThoseOfTheRepeatedSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 20 {
		n, k := 2+rng.IntN(60), 2+rng.IntN(4)
		l := NewMatrix(n, k)
		labels := make([]int, n)
		for i := range l.Data {
			l.Data[i] = math.Round(4*rng.NormFloat64()) / 2 // with ties
		}
		for i := range labels {
			labels[i] = rng.IntN(k)
		}
		p, err := Predict(l, labels)
		if err != nil {
			t.Fatal(err)
		}
		counts := make([]uint32, n)
		var rows [][]float64
		var repeated []int
		for range n {
			i := rng.IntN(n)
			counts[i]++
		}
		for i, c := range counts {
			for range c {
				rows, repeated = append(rows, l.Row(i)), append(repeated, labels[i])
			}
		}
		m, err := FromRows(rows)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Predict(m, repeated)
		if err != nil {
			t.Fatal(err)
		}
		got := newResampler(p, Options{}).walker().measure(counts)
		for j, w := range []float64{want.Accuracy(), want.ECE(0), want.AdaptiveECEClosed(0), want.MCE(0), want.ACE(0),
			want.NLL(), want.Brier(), want.LogitRange(), want.LogitNorm(), want.AUROC(), want.AURC()} {
			if !near(got[j], w) && !(math.IsNaN(w) && math.IsNaN(got[j])) {
				t.Errorf("round %d: %s of the resample %v, of the repeated samples %v", round, resampledNames[j],
					got[j], w)
			}
		}
	}
}

func TestBootstrapDependsOnTheSeedOnlyAndCoversTheTruth(t *testing.T) {
	l, _, y := randomCase(rand.New(rand.NewPCG(8, 8)), 300, 5)
	p, err := Predict(l, y)
	if err != nil {
		t.Fatal(err)
	}
	run := func(seed uint64) Resampled {
		r, err := p.Bootstrap(BootstrapOptions{Draws: 400, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a := run(1)
	old := runtime.GOMAXPROCS(1)
	b := run(1)
	runtime.GOMAXPROCS(old)
	if !reflect.DeepEqual(a, b) || reflect.DeepEqual(a, run(2)) {
		t.Error("the draws depend on more or less than the seed")
	}
	if len(a) != len(resampledNames) {
		t.Errorf("%d metrics", len(a))
	}
	for _, name := range []string{"accuracy", "nll", "brier"} {
		if e := a[name]; !(e.Low < e.Value && e.Value < e.High) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	// The standard error of a mean is known.
	acc := a["accuracy"]
	if want := math.Sqrt(acc.Value * (1 - acc.Value) / 300); math.Abs(acc.StandardError/want-1) > 0.12 {
		t.Errorf("standard error of the accuracy %v, want about %v", acc.StandardError, want)
	}
}

func TestPairedBootstrapCancelsWhatIsShared(t *testing.T) {
	l, _, y := randomCase(rand.New(rand.NewPCG(8, 9)), 300, 5)
	p, err := Predict(l, y)
	if err != nil {
		t.Fatal(err)
	}
	same, err := PairedBootstrap(p, p, BootstrapOptions{Draws: 100})
	if err != nil || !EveryDifferenceIncludesZero(same) || same["nll"].StandardError != 0 || same["nll"].P != 1 {
		t.Errorf("a set against itself: %+v, %v", same["nll"], err)
	}
	sharp, _ := Scale(l, 0.2)
	q, err := Predict(sharp, y)
	if err != nil {
		t.Fatal(err)
	}
	d, err := PairedBootstrap(p, q, BootstrapOptions{Draws: 200})
	if err != nil || d["ece"].IncludesZero || d["ece"].Value < 0.1 || d["ece"].P > 0.05 || !d["accuracy"].IncludesZero {
		t.Errorf("ECE %+v, accuracy %+v, %v", d["ece"], d["accuracy"], err)
	}
	other := slices.Clone(y)
	other[0] = (other[0] + 1) % 5
	q, _ = Predict(l, other)
	if _, err := PairedBootstrap(p, q, BootstrapOptions{}); err == nil {
		t.Error("unlike labels are taken")
	}
}

func TestRowsInPiecesGiveWhatTheMatrixGives(t *testing.T) {
	l, z, y := randomCase(rand.New(rand.NewPCG(5, 9)), 5000, 40)
	want, err := Evaluate(l, y, Options{})
	if err != nil {
		t.Fatal(err)
	}
	pieces := MapRows(l, func(int, []float64) {})
	got, err := EvaluateRows(pieces, y, Options{})
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	a, _ := SaLS(l, z)
	rows, err := SaLSRows(pieces, z)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Collect(rows)
	if err != nil || !slices.Equal(a.Data, b.Data) {
		t.Errorf("SaLS in pieces differs: %v", err)
	}
	f1, err1 := FitTemperature(l, y)
	f2, err2 := FitTemperatureRows(pieces, y)
	if err1 != nil || err2 != nil || f1 != f2 {
		t.Errorf("%+v, %v; %+v, %v", f1, err1, f2, err2)
	}
	l.Data[4999*40+7] = math.Inf(-1)
	if _, err := EvaluateRows(pieces, y, Options{}); err == nil {
		t.Error("an infinity passes")
	}
	if _, err := FitTemperatureRows(pieces, y); err == nil {
		t.Error("an infinity passes the fit")
	}
}
