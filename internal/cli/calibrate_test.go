package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/npy"
)

// logitFiles writes logits that are too sure, a flatter reference and labels.
func logitFiles(t *testing.T, dir string, n, k int) (logits, zeroShot, labels string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 5))
	var l, z []float32
	var y []int
	for range n {
		label := rng.IntN(k)
		y = append(y, label)
		for j := range k {
			v := rng.NormFloat64()
			if j == label {
				v++
			}
			l, z = append(l, float32(12*v)), append(z, float32(2*v+0.3*rng.NormFloat64()))
		}
	}
	logits, zeroShot, labels = filepath.Join(dir, "l.npy"), filepath.Join(dir, "z.npy"), filepath.Join(dir, "y.npy")
	for path, values := range map[string][]float32{logits: l, zeroShot: z} {
		if err := npy.WriteFile(path, values, n, k); err != nil {
			t.Fatal(err)
		}
	}
	if err := npy.WriteLabels(labels, y); err != nil {
		t.Fatal(err)
	}
	return logits, zeroShot, labels
}

func TestCalibrateHasTheKeysOfTheContract(t *testing.T) {
	t.Parallel()
	l, _, y := logitFiles(t, t.TempDir(), 60, 5)
	o := mustRun(t, "calibrate", "--logits", l, "--labels", y, "--json")
	if o.err != "" {
		t.Errorf("on standard error: %s", o.err)
	}
	m := metricsIn(t, []byte(o.out))
	for _, k := range []string{"accuracy", "ece", "adaptive_ece", "classwise_ece", "mce", "ace"} {
		if m[k] < 0 || m[k] > 1 {
			t.Errorf("%s is %g, want a fraction", k, m[k])
		}
	}
	if text := mustRun(t, "calibrate", "--logits", l, "--labels", y).out; !strings.Contains(text,
		"60 samples, 5 classes") || !strings.Contains(text, "ECE") {
		t.Errorf("printed %s", text)
	}
}

func TestCalibrateRemediesKeepAccuracyAndLowerECE(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, z, y := logitFiles(t, dir, 200, 5)
	plain := metricsIn(t, []byte(mustRun(t, "calibrate", "--logits", l, "--labels", y, "--json").out))
	scaled := filepath.Join(dir, "scaled.npy")
	for remedy, extra := range map[string][]string{
		"sals":        {"--zero-shot", z, "--out", scaled},
		"temperature": {"--fit-logits", l, "--fit-labels", y, "--fit-on-measured"},
		"vector":      {"--fit-on-measured"},
	} {
		o := mustRun(t, append([]string{"calibrate", "--logits", l, "--labels", y, "--json", "--remedy", remedy},
			extra...)...)
		m := metricsIn(t, []byte(o.out))
		if remedy != "vector" && m["accuracy"] != plain["accuracy"] || m["ece"] >= plain["ece"] {
			t.Errorf("%s: accuracy %g and ECE %g, before %g and %g", remedy, m["accuracy"], m["ece"], plain["accuracy"],
				plain["ece"])
		}
	}
	// What was written measures as what was printed, and has the zero-shot range.
	a := metricsIn(t, []byte(mustRun(t, "calibrate", "--logits", scaled, "--labels", y, "--json").out))
	b := metricsIn(t, []byte(mustRun(t, "calibrate", "--logits", z, "--labels", y, "--json").out))
	if math.Abs(a["logit_range"]-b["logit_range"]) > 1e-4 {
		t.Errorf("range %g after sals, %g zero-shot", a["logit_range"], b["logit_range"])
	}
}

func TestCalibrateCountsBinsAsAsked(t *testing.T) {
	t.Parallel()
	l, _, y := logitFiles(t, t.TempDir(), 200, 5)
	ece := func(bins int) float64 {
		return metricsIn(t, []byte(mustRun(t, "calibrate", "--logits", l, "--labels", y, "--json", "--bins",
			fmt.Sprint(bins)).out))["ece"]
	}
	if one, ten := ece(1), ece(10); one > ten+1e-12 {
		t.Errorf("ECE of one bin %g, of ten %g", one, ten)
	}
}

func TestCalibrateRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, _, y := logitFiles(t, dir, 20, 4)
	in := func(name string) string { return filepath.Join(dir, name) }
	small, _, few := logitFiles(t, in("small"), 10, 4)
	_, narrow, _ := logitFiles(t, in("narrow"), 20, 3)
	write := func(name string, values []float32, shape ...int) string {
		if err := npy.WriteFile(in(name), values, shape...); err != nil {
			t.Fatal(err)
		}
		return in(name)
	}
	nan := float32(math.NaN())
	holes := write("holes.npy", []float32{1, 2, nan, 4}, 2, 2)
	infinite := write("infinite.npy", []float32{1, 2, float32(math.Inf(1)), 4}, 2, 2)
	vector := write("vector.npy", []float32{1, 2, 3}, 3)
	empty := write("empty.npy", nil, 0, 4)
	halves := write("halves.npy", []float32{0, 0.5, 1}, 3)
	probabilities := write("probabilities.npy", []float32{0.25, 0.75, 0.5, 0.5}, 2, 2)
	two := in("two.npy")
	if err := npy.WriteLabels(two, []int{0, 1}); err != nil {
		t.Fatal(err)
	}
	beyond, below := in("beyond.npy"), in("below.npy")
	for path, v := range map[string]int{beyond: 4, below: -1} {
		labels := make([]int, 20)
		labels[7] = v
		if err := npy.WriteLabels(path, labels); err != nil {
			t.Fatal(err)
		}
	}
	raw := readFile(t, l)
	writeFile(t, in("cut.npy"), raw[:len(raw)-5])
	writeFile(t, in("not.npy"), []byte("hello"))
	out := in("never.npy")
	for _, c := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"no such file", []string{"--logits", in("absent.npy"), "--labels", y},
			[]string{"--logits", "absent.npy", "no such file"}},
		{"no such labels", []string{"--logits", l, "--labels", in("absent.npy")}, []string{"--labels", "absent.npy"}},
		{"NaN", []string{"--logits", holes, "--labels", two}, []string{"--logits", "holes.npy", "NaN"}},
		{"infinite", []string{"--logits", infinite, "--labels", two}, []string{"--logits", "infinite.npy", "Inf"}},
		{"a vector", []string{"--logits", vector, "--labels", y}, []string{"vector.npy"}},
		{"no rows", []string{"--logits", empty, "--labels", y}, []string{"empty.npy"}},
		{"fewer labels", []string{"--logits", l, "--labels", few}, []string{"10", "20", "y.npy"}},
		{"label too large", []string{"--logits", l, "--labels", beyond}, []string{"label 4", "7", "beyond.npy"}},
		{"label below 0", []string{"--logits", l, "--labels", below}, []string{"-1", "7", "below.npy"}},
		{"labels in halves", []string{"--logits", l, "--labels", halves}, []string{"--labels", "halves.npy", "0.5"}},
		{"truncated", []string{"--logits", in("cut.npy"), "--labels", y}, []string{"cut.npy"}},
		{"no npy", []string{"--logits", in("not.npy"), "--labels", y}, []string{"not.npy"}},
		{"sals without a reference", []string{"--logits", l, "--labels", y, "--remedy", "sals"},
			[]string{"--zero-shot"}},
		{"reference of fewer samples", []string{"--logits", l, "--labels", y, "--remedy", "sals", "--zero-shot", small},
			[]string{"--zero-shot", "10", "20"}},
		{"reference of fewer classes", []string{"--logits", l, "--labels", y, "--remedy", "sals", "--zero-shot",
			narrow}, []string{"--zero-shot", "3", "4"}},
		{"temperature without a fit set", []string{"--logits", l, "--labels", y, "--remedy", "temperature"},
			[]string{"--fit-logits", "--fit-labels"}},
		{"fit set that does not fit", []string{"--logits", l, "--labels", y, "--remedy", "temperature", "--fit-logits",
			l, "--fit-labels", few}, []string{"--fit-labels", "10", "20"}},
		{"fit set of other classes", []string{"--logits", l, "--labels", y, "--remedy", "temperature", "--fit-logits",
			narrow, "--fit-labels", y}, []string{"--fit-logits", "3 classes", "4"}},
		{"fit set that is measured", []string{"--logits", l, "--labels", y, "--remedy", "temperature", "--fit-logits",
			l, "--fit-labels", y}, []string{"--fit-on-measured", "20 of the 20"}},
		{"a reference that nothing uses", []string{"--logits", l, "--labels", y, "--zero-shot", l},
			[]string{"--zero-shot", "sals"}},
		{"a fold that nothing uses", []string{"--logits", l, "--labels", y, "--fit-fraction", "0.5"},
			[]string{"--fit-fraction", "none"}},
		{"two folds", []string{"--logits", l, "--labels", y, "--remedy", "platt", "--fit-fraction", "0.5",
			"--fit-on-measured"}, []string{"one fold"}},
		{"probabilities", []string{"--logits", probabilities, "--labels", two}, []string{"--probabilities",
			"adds up to 1"}},
		{"no probabilities", []string{"--logits", l, "--labels", y, "--probabilities"},
			[]string{"--probabilities", "not a probability"}},
		{"a picture of another kind", []string{"--logits", l, "--labels", y, "--plot", in("r.gif")},
			[]string{"--plot", ".svg"}},
		{"a calibrator of nothing", []string{"--logits", l, "--labels", y, "--save-calibrator", in("c.json")},
			[]string{"--save-calibrator"}},
		{"no calibrator", []string{"--logits", l, "--labels", y, "--calibrator", y},
			[]string{"--calibrator", "not a calibrator"}},
		{"training remedy", []string{"--logits", l, "--labels", y, "--remedy", "zs-norm"},
			[]string{"zs-norm", "sals", "temperature"}},
		{"no bins", []string{"--logits", l, "--labels", y, "--bins", "0"}, []string{"--bins"}},
		{"unknown flag", []string{"--logits", l, "--labels", y, "--bens", "3"}, []string{"--bens"}},
		{"a word too many", []string{"--logits", l, "--labels", y, "more"}, []string{"more"}},
		{"no labels", []string{"--logits", l}, []string{"labels"}},
		{"output into a file", []string{"--logits", l, "--labels", y, "--out", filepath.Join(y, "x.npy")},
			[]string{"x.npy", "not a directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"calibrate"}, c.args...)
			if c.name != "output into a file" && c.name != "no labels" {
				args = append(args, "--out", out)
			}
			failsClean(t, dir, args, c.words...)
		})
	}
}

func TestCalibrateJSONIsOneObject(t *testing.T) {
	t.Parallel()
	l, z, y := logitFiles(t, t.TempDir(), 30, 3)
	o := mustRun(t, "calibrate", "--logits", l, "--zero-shot", z, "--labels", y, "--remedy", "sals", "--json")
	d := json.NewDecoder(strings.NewReader(o.out))
	var v map[string]any
	if err := d.Decode(&v); err != nil || d.More() {
		t.Errorf("%v: %s", err, o.out)
	}
}

func TestCalibrateFormsWithoutHoles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, values []float32, shape ...int) string {
		path := filepath.Join(dir, name)
		if err := npy.WriteFile(path, values, shape...); err != nil {
			t.Fatal(err)
		}
		return path
	}
	vector := func(name string, y []int) string {
		path := filepath.Join(dir, name)
		if err := npy.WriteLabels(path, y); err != nil {
			t.Fatal(err)
		}
		return path
	}
	get := func(l, y string) map[string]float64 {
		raw := []byte(mustRun(t, "calibrate", "--logits", l, "--labels", y, "--json").out)
		var all map[string]any
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		m := metricsIn(t, raw)
		for _, k := range []string{"adaptive_ece_closed", "classwise_ece_closed"} {
			m[k] = all[k].(float64)
		}
		return m
	}
	// A constant predictor, right in 30 of 100: its one confidence lies in no
	// open bin of the adaptive error.
	var l []float32
	y := make([]int, 100)
	for i := range 100 {
		l = append(l, 2, 0, 0)
		if i >= 30 {
			y[i] = 1
		}
	}
	m := get(file("constant.npy", l, 100, 3), vector("constant_y.npy", y))
	want := math.Exp(2)/(math.Exp(2)+2) - 0.3
	if m["adaptive_ece"] != 0 || math.Abs(m["adaptive_ece_closed"]-want) > 1e-12 {
		t.Errorf("constant predictor: adaptive ECE %v open, %v closed; want 0 and %v", m["adaptive_ece"],
			m["adaptive_ece_closed"], want)
	}
	// Always wrong and always sure: the probability 0 of the label lies in no
	// open bin.
	m = get(file("saturated.npy", []float32{1000, 0, 1000, 0, 1000, 0}, 3, 2), vector("saturated_y.npy",
		[]int{1, 1, 1}))
	if m["classwise_ece"] != 0.5 || m["classwise_ece_closed"] != 1 {
		t.Errorf("saturated: class-wise ECE %v open, %v closed; want 0.5 and 1", m["classwise_ece"],
			m["classwise_ece_closed"])
	}
}

func TestCalibrateKeepsAndUsesACalibrator(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, _, y := logitFiles(t, dir, 300, 4)
	saved := filepath.Join(dir, "c.json")
	for _, kind := range calib.CalibratorKinds() {
		a := mustRun(t, "calibrate", "--logits", l, "--labels", y, "--json", "--remedy", kind, "--fit-fraction", "0.5",
			"--save-calibrator", saved,
			"--plot", filepath.Join(dir, kind+".svg"), "--draws", "0")
		var doc struct {
			Samples int
			Fold    struct {
				Samples int
				Rows    string
			}
			Before struct{ NLL float64 }
			NLL    float64
		}
		if err := json.Unmarshal([]byte(a.out), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Samples != 150 || doc.Fold.Samples != 150 || !strings.Contains(doc.Fold.Rows, "150 of 300") ||
			doc.NLL >= doc.Before.NLL {
			t.Errorf("%s: %+v", kind, doc)
		}
		b := mustRun(t, "calibrate", "--logits", l, "--labels", y, "--calibrator", saved, "--out",
			filepath.Join(dir, "out.npy"), "--per-class")
		if !strings.Contains(b.out, "300 samples, 4 classes, remedy "+kind) || !strings.Contains(b.err, "very file") {
			t.Errorf("%s again: %s%s", kind, b.out, b.err)
		}
		if svg := readFile(t, filepath.Join(dir, kind+".svg")); !strings.Contains(string(svg), "<svg") {
			t.Error("no picture")
		}
	}
	raw := readFile(t, saved)
	damaged := strings.Replace(string(raw), "0.", "1.", 1)
	writeFile(t, saved, []byte(damaged))
	fails(t, []string{"calibrate", "--logits", l, "--labels", y, "--calibrator", saved}, "checksum")
}

func TestLogitsOfOneClassAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, y := filepath.Join(dir, "l.npy"), filepath.Join(dir, "y.npy")
	if err := errors.Join(npy.WriteFile(l, []float32{1, 2, 3}, 3, 1), npy.WriteLabels(y, []int{0, 0, 0})); err != nil {
		t.Fatal(err)
	}
	fails(t, []string{"calibrate", "--logits", l, "--labels", y}, "logits of one class")
	fails(t, []string{"conformal", "--logits", l, "--labels", y, "--splits", "2"}, "logits of one class")
}

func TestCalibrateSaysWhatAFitCannotPromise(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, _, _ := logitFiles(t, dir, 40, 4)
	_, _, values, err := npy.ReadMatrix(l)
	if err != nil {
		t.Fatal(err)
	}
	right := make([]int, 40)
	for i := range right {
		right[i] = calib.ArgMax(values[i*4 : i*4+4])
	}
	y := filepath.Join(dir, "right.npy")
	if err := npy.WriteLabels(y, right); err != nil {
		t.Fatal(err)
	}
	o := mustRun(t, "calibrate", "--logits", l, "--labels", y, "--remedy", "temperature", "--fit-on-measured")
	if !strings.Contains(o.err, "at its bound") || !strings.Contains(o.out, "a bound") ||
		!strings.Contains(o.err, "flattered") {
		t.Errorf("printed %s%s", o.out, o.err)
	}
}
