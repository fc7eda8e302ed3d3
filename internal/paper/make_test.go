package paper

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"clipcalib/calib"
	"clipcalib/internal/recipe"
)

// predicted are predictions of two classes, the first right of n right.
func predicted(t *testing.T, n, right int, margin float64) calib.Predictions {
	t.Helper()
	m := calib.NewMatrix(n, 2)
	labels := make([]int, n)
	for i := range n {
		m.Row(i)[0] = margin
		if i >= right {
			labels[i] = 1
		}
	}
	p, err := calib.Predict(m, labels)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// taskRes is measured on the four sets, with accuracies of 10 samples for each
// seed.
func taskRes(t *testing.T, bySeed map[string][4]int) (out []Measured) {
	t.Helper()
	for seed, right := range bySeed {
		for i, set := range []string{"ImageNetV2", "ImageNetSketch", "ImageNetA", "ImageNetR"} {
			out = append(out, Measured{Model: "RN50", Row: "TaskRes", Set: set, Seed: seed,
				Predictions: predicted(t, 10, right[i], 1), Where: seed + "/" + set})
		}
	}
	return out
}

func adapters(t *testing.T) recipe.Table {
	t.Helper()
	table, err := recipe.FindTable("adapters")
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestAveragesAreOfSetsAndThenOfSeeds(t *testing.T) {
	measured := taskRes(t, map[string][4]int{"1": {5, 6, 7, 8}, "2": {6, 7, 8, 9}, "3": {4, 5, 6, 7}})
	sheet, err := Make(adapters(t), measured, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(sheet.Blocks) != 1 || len(sheet.Blocks[0].Lines) != 1 {
		t.Fatalf("rows that nobody asked for: %+v", sheet.Blocks)
	}
	l := sheet.Blocks[0].Lines[0]
	// Means 65, 75 and 55; Student's t of 2 degrees of freedom at 97.5 % is 4.302653 (SciPy).
	a := *l.Average.Accuracy
	half := 4.302652729911275 * 10 / math.Sqrt(3)
	if a.N != 3 || math.Abs(a.Mean-65) > 1e-12 || math.Abs(a.Std-10) > 1e-12 || math.Abs(a.High-a.Mean-half) > 1e-8 {
		t.Errorf("%+v", a)
	}
	if d := *l.Average.DiffAccuracy; math.Abs(d-(65-41.18)) > 1e-12 {
		t.Errorf("difference %v", d)
	}
	if e := l.Sets[3].Accuracy; math.Abs(e.Mean-80) > 1e-12 {
		t.Errorf("ImageNetR: %+v", e)
	}
	if !strings.Contains(strings.Join(sheet.Notes, "\n"), "ImageNetA: 10 pictures, where the published set has 7500") {
		t.Errorf("notes %q", sheet.Notes)
	}
}

func TestAnAverageWantsEverySet(t *testing.T) {
	measured := taskRes(t, map[string][4]int{"1": {5, 6, 7, 8}})[:3]
	absent := []Absent{{"RN50", "TaskRes", "ImageNetR", "the disk is full"}}
	sheet, err := Make(adapters(t), measured, absent)
	if err != nil {
		t.Fatal(err)
	}
	l := sheet.Blocks[0].Lines[0]
	if l.Average.Accuracy != nil || l.Average.Why != "1 of 4 sets are missing" || l.Sets[3].Why != "the disk is full" {
		t.Errorf("%+v", l)
	}
	for _, format := range Formats {
		var b bytes.Buffer
		if err := sheet.Write(&b, format, 80); err != nil || !strings.Contains(b.String(), "the disk is full") {
			t.Errorf("%s does not say why: %v\n%s", format, err, b.String())
		}
	}
	if err := sheet.Write(&bytes.Buffer{}, "doc", 80); err == nil {
		t.Error("an unknown format is written")
	}
}

// Nothing wrong among ten is no proof of 100 %.
func TestTheAccuracyOfOneSeedHasWilsonsInterval(t *testing.T) {
	sheet, err := Make(adapters(t), taskRes(t, map[string][4]int{"1": {10, 6, 7, 8}}), nil)
	if err != nil {
		t.Fatal(err)
	}
	// 10 / (10 + z^2), z = 1.959964.
	if a := sheet.Blocks[0].Lines[0].Sets[0].Accuracy; math.Abs(a.Low-72.2467) > 1e-3 || a.High != 100 {
		t.Errorf("%+v", a)
	}
}

func TestTwoResultsOfOneSeedMustAgree(t *testing.T) {
	measured := taskRes(t, map[string][4]int{"1": {5, 6, 7, 8}})
	if _, err := Make(adapters(t), append(measured, measured[0]), nil); err != nil {
		t.Errorf("the same result twice: %v", err)
	}
	other := measured[0]
	other.Predictions, other.Where = predicted(t, 10, 9, 1), "elsewhere"
	_, err := Make(adapters(t), append(measured, other), nil)
	if err == nil || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("results that differ: %v", err)
	}
}

func TestDiagramsOfSeedsAreOnes(t *testing.T) {
	a, b := predicted(t, 10, 5, 1).Reliability(10), predicted(t, 30, 24, 1).Reliability(10)
	p := pooled(pooled(calib.Reliability{}, a), b)
	if p.Samples != 40 || math.Abs(p.Accuracy-29./40) > 1e-12 || p.Bins[7].Count != 40 ||
		math.Abs(p.Bins[7].Accuracy-29./40) > 1e-12 {
		t.Errorf("%+v", p)
	}
}

func TestTheErrorOfAnECEIsThatOfTheBootstrap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, over := range []float64{1, 2.5} { // one is near calibrated, one over-confident
		m := calib.NewMatrix(3000, 5)
		labels := make([]int, m.N)
		for i := range labels {
			weights, sum := make([]float64, 5), 0.0
			for j := range weights {
				v := 1.2 * r.NormFloat64()
				m.Row(i)[j] = over * v
				weights[j] = math.Exp(v)
				sum += weights[j]
			}
			at := r.Float64() * sum
			for j, w := range weights {
				if at -= w; at < 0 {
					labels[i] = j
					break
				}
			}
		}
		p, err := calib.Predict(m, labels)
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Bootstrap(calib.BootstrapOptions{Draws: 400, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		// Near zero the bins' gaps change sign and the bootstrap's is the smaller.
		got, want := eceError(p, 10), b["ece"].StandardError
		if ratio := got / want; ratio < 0.85 || ratio > 2 || over > 1 && ratio > 1.15 {
			t.Errorf("ECE %.4f: error %.5f, the bootstrap's %.5f", p.ECE(10), got, want)
		}
	}
}
