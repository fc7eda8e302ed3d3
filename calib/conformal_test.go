package calib

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// conformalGolden is testdata/conformal.json, written by make_conformal.py.
type conformalGolden struct {
	TorchCP []struct {
		Score     string
		Coverage  float64
		Threshold float64
		Total     int
		SHA256    string
	}
	K, D, N, M     int
	Scale          float64
	Text, Features []float64
	Labels, Skewed []int
	Test, Logits   []float64
	ConfOT         []float64 `json:"conf_ot"`
	ConfOTSkewed   []float64 `json:"conf_ot_skewed"`
	SSText         []float64 `json:"ss_text"`
	SSTextLogits   []float64 `json:"ss_text_logits"`
	Full           map[string][][]int
}

func conformalGoldens(t *testing.T) (g conformalGolden) {
	t.Helper()
	raw, err := os.ReadFile("testdata/conformal.json")
	if err == nil {
		err = json.Unmarshal(raw, &g)
	}
	if err != nil || len(g.TorchCP) < 6 {
		t.Fatal(err, len(g.TorchCP))
	}
	return g
}

// made is the function of that name in make_conformal.py.
func made(n, k int) (Matrix, []int) {
	m, y := NewMatrix(n, k), make([]int, n)
	for i := range n {
		for c := range k {
			m.Data[i*k+c] = float64((i*7919+c*104729+i*c*31+i*i*17)%10007)/1500 + float64(c)*1e-4
		}
		y[i] = (i*13 + 5) % k
		if i%3 > 0 {
			y[i] = ArgMax(m.Row(i))
		}
	}
	return m, y
}

func TestSetsAreThoseOfTorchCPOn10000Samples(t *testing.T) {
	z, y := made(11000, 20)
	cal, test := Matrix{1000, 20, z.Data[:20000]}, Matrix{10000, 20, z.Data[20000:]}
	for _, want := range conformalGoldens(t).TorchCP {
		c, err := FitConformal(cal, y[:1000], ConformalOptions{Score: want.Score, Coverage: want.Coverage, Lambda: 0.02,
			K: 3})
		if err != nil {
			t.Fatal(err)
		}
		sets, err := c.Sets(test)
		if err != nil {
			t.Fatal(err)
		}
		inside := make([]byte, len(test.Data))
		total := 0
		for i, set := range sets {
			total += len(set)
			for _, k := range set {
				inside[i*20+k] = 1
			}
		}
		sum := sha256.Sum256(inside)
		if !near(c.Threshold, want.Threshold) || total != want.Total || hex.EncodeToString(sum[:]) != want.SHA256 {
			t.Errorf("%s, %g: threshold %v for %v, %d classes in all sets for %d, or other ones", want.Score,
				want.Coverage, c.Threshold, want.Threshold, total, want.Total)
		}
	}
}

func within(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= tolerance*max(1, math.Abs(w))) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], w)
			return
		}
	}
}

func TestTransportAndAdaptationAgreeWithNumPy(t *testing.T) {
	g := conformalGoldens(t)
	text, f, x := Matrix{g.K, g.D, g.Text}, Matrix{g.N, g.D, g.Features}, Matrix{g.M, g.D, g.Test}
	cal, test := Matrix{g.N, g.K, g.Logits[:g.N*g.K]}, Matrix{g.M, g.K, g.Logits[g.N*g.K:]}
	a, b, err := ConfOT(cal, test, g.Labels, TransportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "Conf-OT", append(slices.Clone(a.Data), b.Data...), g.ConfOT, 1e-10)
	a, b, err = ConfOT(cal, test, g.Skewed, TransportOptions{Epsilon: 0.5, Iterations: 7})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "Conf-OT, other labels", append(slices.Clone(a.Data), b.Data...), g.ConfOTSkewed, 1e-10)
	if cal.Data[0] != g.Logits[0] {
		t.Error("Conf-OT changes its input")
	}
	w, err := SSText(f, g.Labels, text, g.Scale)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "SS-Text", w.Data, g.SSText, 1e-10)
	l, err := CosineLogits(x, w, g.Scale)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "SS-Text logits", l.Data, g.SSTextLogits, 1e-10)
	for score, want := range g.Full {
		sets, err := FullConformal(f, g.Labels, text, g.Scale, x, ConformalOptions{Score: score, Coverage: 0.8})
		if err != nil || !reflect.DeepEqual(sets, want) {
			t.Errorf("full conformal adaptation, %s: %v, %v; want %v", score, sets, err, want)
		}
	}
}

// drawn are samples whose labels are drawn from a softmax of other logits.
func drawn(rng *rand.Rand, n, k int) (Matrix, []int) {
	m, y := NewMatrix(n, k), make([]int, n)
	probs := make([]float64, k)
	for i := range n {
		for c := range probs {
			v := 2 * rng.NormFloat64()
			probs[c] = v
			m.Data[i*k+c] = 1.7*v + rng.NormFloat64() // miscalibrated
		}
		softmaxInto(probs, probs)
		u := rng.Float64()
		for c, p := range probs {
			y[i] = c
			if u -= p; u <= 0 {
				break
			}
		}
	}
	return m, y
}

// Over 1,000 random splits the coverage lies where its exact distribution has
// it, in the mean and in its spread.
func TestCoverageOverSplitsIsBetaBinomial(t *testing.T) {
	const pool, n, m, splits = 2000, 99, 200, 1000
	for _, o := range []ConformalOptions{
		{Score: LAC}, {Score: APS, Randomized: true}, {Score: RAPS, Randomized: true, Lambda: 0.01, K: 2},
		{Score: APS}} {
		rng := rand.New(rand.NewPCG(1, 2))
		interval, err := CoverageInterval(n, m, 0.9, 0.99)
		if err != nil {
			t.Fatal(err)
		}
		sum, outside := 0.0, 0
		var z Matrix
		var y []int
		for split := range splits {
			if split%200 == 0 { // a pool is finite: a new one now and then
				z, y = drawn(rng, pool, 8)
			}
			order := rng.Perm(pool)[:n+m]
			pick := func(index []int) (Rows, []int) {
				labels := make([]int, len(index))
				for j, i := range index {
					labels[j] = y[i]
				}
				r, err := SelectRows(z, index)
				if err != nil {
					t.Fatal(err)
				}
				return r, labels
			}
			calRows, calLabels := pick(order[:n])
			testRows, testLabels := pick(order[n:])
			o.Seed = uint64(split)
			c, err := FitConformal(calRows, calLabels, o)
			if err != nil {
				t.Fatal(err)
			}
			sets, err := c.Sets(testRows)
			if err != nil {
				t.Fatal(err)
			}
			f, err := EvaluateSets(sets, testLabels, 8, 0.9)
			if err != nil {
				t.Fatal(err)
			}
			sum += f.Coverage
			if !interval.Contains(f.Coverage) {
				outside++
			}
		}
		// The mean of beta-binomial shares is r/(n+1) = 0.9 exactly. Of 1,000
		// splits about 10 lie outside of 99 per cent; 25 are 5 deviations.
		mean := sum / splits
		t.Logf("%+v: mean coverage %.4f, %d of %d splits outside [%.3f, %.3f]", o, mean, outside, splits, interval.Low,
			interval.High)
		if math.Abs(mean-0.9) > 0.005 || outside > 25 {
			t.Errorf("%s randomized %v: mean coverage %v, %d of %d splits outside %v", o.Score, o.Randomized, mean,
				outside, splits, interval)
		}
	}
}

func TestCoverageIntervalAgreesWithSciPy(t *testing.T) {
	for _, c := range libraries(t).Statistics.Coverage {
		got, err := CoverageInterval(c.Cal, c.Test, c.Coverage, c.Level)
		if err != nil || math.Abs(got.Low-c.Low) > 1e-12 || math.Abs(got.High-c.High) > 1e-12 {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

func TestByClassEveryClassIsCovered(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	z, y := drawn(rng, 6000, 5)
	cal, test := Matrix{3000, 5, z.Data[:15000]}, Matrix{3000, 5, z.Data[15000:]}
	kept := []int{}
	for i, label := range y[:3000] { // class 4 has three samples, class 3 none
		if label < 3 || label == 4 && len(kept) < 30 {
			kept = append(kept, i)
		}
	}
	few, err := SelectRows(cal, kept)
	if err != nil {
		t.Fatal(err)
	}
	labels := make([]int, len(kept))
	for j, i := range kept {
		labels[j] = y[i]
	}
	c, err := FitConformal(few, labels, ConformalOptions{ByClass: true})
	if err != nil || !slices.Equal(c.Unassured, []int{3, 4}) || !math.IsInf(c.Thresholds[3], 1) {
		t.Fatalf("%+v, %v", c, err)
	}
	sets, err := c.Sets(test)
	if err != nil {
		t.Fatal(err)
	}
	f, err := EvaluateSets(sets, y[3000:], 5, 0.9)
	if err != nil || f.ByClass[3] != 1 || f.ByClass[4] != 1 || f.WorstCoverage < 0.85 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestConformalRefusesWhatGivesNoGuarantee(t *testing.T) {
	z, y := drawn(rand.New(rand.NewPCG(6, 4)), 60, 3)
	eight, nine := Matrix{8, 3, z.Data[:24]}, Matrix{9, 3, z.Data[:27]}
	if _, err := FitConformal(eight, y[:8], ConformalOptions{}); !errors.Is(err, ErrFewSamples) ||
		!strings.Contains(err.Error(), "at least 9") {
		t.Errorf("8 samples for 0.9: %v", err)
	}
	if _, err := FitConformal(nine, y[:9], ConformalOptions{}); err != nil {
		t.Errorf("9 samples for 0.9: %v", err)
	}
	for _, coverage := range []float64{-0.1, 1, 1.5, math.NaN()} {
		if _, err := FitConformal(z, y, ConformalOptions{Coverage: coverage}); err == nil {
			t.Errorf("a coverage of %v is taken", coverage)
		}
	}
	c, err := FitConformal(z, y, ConformalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sets(NewMatrix(4, 2)); err == nil {
		t.Error("logits of another class count are taken")
	}
	if _, _, err := ConfOT(z, z, make([]int, 60), TransportOptions{}); !errors.Is(err, ErrFewSamples) {
		t.Errorf("a class without calibration samples: %v", err)
	}
	if _, _, err := ConfOT(z, z, make([]int, 60), TransportOptions{Uniform: true}); err != nil {
		t.Error(err)
	}
	far, _ := FromRows([][]float64{{1e5, 0}, {0, -1e5}})
	if _, _, err := ConfOT(far, far, []int{0, 1}, TransportOptions{}); err == nil || !strings.Contains(err.Error(),
		"ε") {
		t.Errorf("logits that vanish: %v", err)
	}
	if _, err := FullConformal(eight, y[:8], NewMatrix(3, 3), 10, nine, ConformalOptions{}); !errors.Is(err,
		ErrFewSamples) {
		t.Errorf("full conformal adaptation on 8 samples: %v", err)
	}
}

func TestSplitsKeepTheSharesOfClasses(t *testing.T) {
	labels := make([]int, 101)
	for i := range labels {
		labels[i] = i % 7 % 4
	}
	a, b, err := SplitStratified(labels, 0.3, 5)
	if err != nil || len(a) != 30 || len(a)+len(b) != 101 {
		t.Fatal(len(a), len(b), err)
	}
	count := func(index []int) (c [4]int) {
		for _, i := range index {
			c[labels[i]]++
		}
		return c
	}
	all, first := count(append(slices.Clone(a), b...)), count(a)
	for k := range all {
		if share := 0.3 * float64(all[k]); math.Abs(float64(first[k])-share) >= 1 {
			t.Errorf("class %d: %d of %d", k, first[k], all[k])
		}
	}
	if c, _, _ := SplitStratified(labels, 0.3, 6); slices.Equal(a, c) {
		t.Error("the seed changes nothing")
	}
	if _, _, err := SplitStratified(labels, 1, 0); err == nil {
		t.Error("a share of 1 is taken")
	}
}
