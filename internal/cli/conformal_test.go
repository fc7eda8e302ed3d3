package cli

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/npy"
)

// drawnLogits writes logits of samples drawn alike.
func drawnLogits(t *testing.T, dir, name string, n, k int, seed uint64) (logits, labels string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 5))
	var l []float32
	var y []int
	for range n {
		label := rng.IntN(k)
		y = append(y, label)
		for j := range k {
			v := 2 * rng.NormFloat64()
			if j == label {
				v += 3
			}
			l = append(l, float32(v))
		}
	}
	logits, labels = filepath.Join(dir, name+".npy"), filepath.Join(dir, name+"_y.npy")
	if err := npy.WriteFile(logits, l, n, k); err != nil {
		t.Fatal(err)
	}
	if err := npy.WriteLabels(labels, y); err != nil {
		t.Fatal(err)
	}
	return logits, labels
}

func TestConformalCoversAndSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, y := drawnLogits(t, dir, "test", 1500, 6, 1)
	c, cy := drawnLogits(t, dir, "cal", 1000, 6, 2)
	for _, method := range []string{"split", "conf-ot"} {
		for _, extra := range [][]string{nil, {"--randomized"}, {"--by-class"}} {
			args := append([]string{"conformal", "--logits", l, "--labels", y, "--cal-logits", c, "--cal-labels", cy,
				"--method", method, "--json"}, extra...)
			var d struct {
				Expected struct{ Low, High float64 } `json:"expected_coverage"`
				Scores   []struct {
					Score    string
					MeanSize float64 `json:"mean_size"`
					Figures  struct{ Coverage float64 }
				}
			}
			if err := json.Unmarshal([]byte(mustRun(t, args...).out), &d); err != nil {
				t.Fatal(err)
			}
			if len(d.Scores) != 3 {
				t.Fatalf("%v: %+v", args, d)
			}
			for _, s := range d.Scores {
				if s.Figures.Coverage < 0.86 || s.Figures.Coverage > 0.96 || s.MeanSize <= 0 {
					t.Errorf("%s %v: %+v", method, extra, s)
				}
			}
		}
	}
	sets := filepath.Join(dir, "sets.csv")
	o := mustRun(t, "conformal", "--logits", l, "--cal-logits", c, "--cal-labels", cy, "--score", "lac", "--out", sets)
	if lines := strings.Count(string(readFile(t, sets)), "\n"); lines != 1501 || !strings.Contains(o.out,
		"1500 samples") {
		t.Errorf("%d lines; %s", lines, o.out)
	}
	o = mustRun(t, "conformal", "--logits", l, "--labels", y, "--splits", "10", "--coverage", "0.8")
	if !strings.Contains(o.out, "10 splits") || !strings.Contains(o.out, "raps") {
		t.Error(o.out)
	}
}

func TestConformalOnFeatures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fold := makeClusters(4, 12, 8, 1.5, 3).write(t, filepath.Join(dir, "fold.safetensors"))
	test := makeClusters(4, 20, 8, 1.5, 4)
	file := test.write(t, filepath.Join(dir, "test.safetensors"))
	for _, method := range []string{"ss-text", "full"} {
		o := mustRun(t, "conformal", "--method", method, "--features", file, "--labels", file+"#labels",
			"--cal-features",
			fold, "--logit-scale", "20", "--coverage", "0.8")
		if !strings.Contains(o.out, "80 samples, 4 classes, "+method) {
			t.Error(o.out)
		}
	}
}

func TestConformalRefusesWhatGivesNoGuarantee(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, y := drawnLogits(t, dir, "test", 40, 4, 1)
	c, cy := drawnLogits(t, dir, "cal", 40, 4, 2)
	few, fewY := drawnLogits(t, dir, "few", 8, 4, 3)
	wide, wideY := drawnLogits(t, dir, "wide", 40, 5, 4)
	zeros := filepath.Join(dir, "zeros.npy")
	if err := npy.WriteLabels(zeros, make([]int, 40)); err != nil {
		t.Fatal(err)
	}
	fold := []string{"--cal-logits", c, "--cal-labels", cy}
	for _, k := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"too few", []string{"--cal-logits", few, "--cal-labels", fewY}, []string{"8", "at least 9"}},
		{"too few by class", append(fold, "--by-class", "--coverage", "0.99"), []string{"99", "by class"}},
		{"coverage 0", append(fold, "--coverage", "0"), []string{"--coverage 0"}},
		{"coverage 1", append(fold, "--coverage", "1"), []string{"--coverage 1"}},
		{"other classes", []string{"--cal-logits", wide, "--cal-labels", wideY}, []string{"5 classes", "4"}},
		{"the test fold", []string{"--cal-logits", l, "--cal-labels", y}, []string{"40 of the 40", "calibrated on"}},
		{"no fold", nil, []string{"--cal-logits", "--splits"}},
		{"a class without samples", []string{"--cal-logits", c, "--cal-labels", zeros, "--method", "conf-ot"},
			[]string{"class 1", "--marginal"}},
		{"unknown score", append(fold, "--score", "top"), []string{"--score top", "raps"}},
		{"unknown method", append(fold, "--method", "spilt"), []string{"spilt", "split"}},
		{"sets of three scores", append(fold, "--out", filepath.Join(dir, "o.csv")), []string{"--out", "one score"}},
		{"features for split", append(fold, "--logit-scale", "100"), []string{"--logit-scale"}},
		{"full without features", []string{"--method", "full"}, []string{"not on logits"}},
	} {
		t.Run(k.name, func(t *testing.T) {
			failsClean(t, dir, append([]string{"conformal", "--logits", l, "--labels", y}, k.args...), k.words...)
		})
	}
	// The same of features.
	clusters := makeClusters(4, 12, 8, 1.5, 3)
	foldFile := clusters.write(t, filepath.Join(dir, "fold.safetensors"))
	testFile := makeClusters(4, 20, 8, 1.5, 4).write(t, filepath.Join(dir, "test.safetensors"))
	tiny := makeClusters(4, 2, 8, 1.5, 5).write(t, filepath.Join(dir, "tiny.safetensors"))
	thin := makeClusters(4, 20, 6, 1.5, 4).write(t, filepath.Join(dir, "thin.safetensors"))
	for _, method := range []string{"ss-text", "full"} {
		for _, k := range []struct {
			name      string
			test, cal string
			more      []string
			words     []string
		}{
			{"too few", testFile, tiny, nil, []string{"too few", "at least 9"}},
			{"coverage 0", testFile, foldFile, []string{"--coverage", "0"}, []string{"--coverage 0"}},
			{"coverage 1", testFile, foldFile, []string{"--coverage", "1"}, []string{"--coverage 1"}},
			{"the test fold", foldFile, foldFile, nil, []string{"48 of the 48", "calibrated on"}},
			{"other widths", thin, foldFile, nil, []string{"6", "8"}},
			{"other classes", testFile, foldFile, []string{"--labels", wideY}, []string{"40", "80"}},
		} {
			t.Run(method+" "+k.name, func(t *testing.T) {
				failsClean(t, dir, append([]string{"conformal", "--method", method, "--features", k.test,
					"--cal-features", k.cal,
					"--logit-scale", "20"}, k.more...), k.words...)
			})
		}
	}
	first := filepath.Join(dir, "first.npy") // class 3 has none
	some := make([]int, 48)
	for i := range some {
		some[i] = i % 3
	}
	if err := npy.WriteLabels(first, some); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"ss-text", "full"} {
		o := mustRun(t, "conformal", "--method", method, "--features", testFile, "--cal-features", foldFile,
			"--cal-labels",
			first, "--logit-scale", "20")
		if !strings.Contains(o.err, "1 of 4 classes, as class 3") {
			t.Errorf("%s: a class without samples: %s", method, o.err)
		}
	}
	// What remains is said.
	o := mustRun(t, "conformal", "--logits", l, "--labels", y, "--cal-logits", c, "--cal-labels", zeros)
	if !strings.Contains(o.err, "3 of 4 classes") {
		t.Errorf("classes without samples: %s", o.err)
	}
	if fmt.Sprint(o.code) != "0" {
		t.Error(o.code)
	}
}
