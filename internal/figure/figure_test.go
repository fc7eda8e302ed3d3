package figure

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/npy"
	"clipcalib/internal/table"
)

// madeTable is runs of one method under two remedies, shots and seeds, made of
// random logits as run folders on disk.
func madeTable(t *testing.T, shots ...int) table.Table {
	t.Helper()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	const n, k = 40, 5
	var runs []string
	for _, remedy := range []string{"none", "sals"} {
		for _, s := range shots {
			for seed := 1; seed <= 2; seed++ {
				run := filepath.Join(dir, fmt.Sprintf("%s-%d-%d", remedy, s, seed))
				sub := filepath.Join(run, "targets", "home")
				logits, zero, labels := make([]float32, n*k), make([]float32, n*k), make([]int, n)
				for i := range logits {
					logits[i], zero[i] = float32(8*random.NormFloat64()), float32(2*math.Sin(float64(i)))
				}
				for i := range labels {
					labels[i] = i % k
				}
				for _, err := range []error{
					os.MkdirAll(sub, 0o755),
					npy.WriteFile(filepath.Join(sub, "logits.npy"), logits, n, k),
					npy.WriteFile(filepath.Join(sub, "zero_shot_logits.npy"), zero, n, k),
					npy.WriteLabels(filepath.Join(sub, "labels.npy"), labels),
					os.WriteFile(filepath.Join(sub, "target.yaml"), fmt.Appendf(nil,
						"method: taskres\nremedy: %s\ninputs: {data: /d/home, data_sha256: abc, templates: ['{}']}\nsamples: %d\nnumber_of_classes: %d\n", remedy, n, k), 0o644),
					os.WriteFile(filepath.Join(run, "recipe.yaml"), fmt.Appendf(nil,
						"family: adapters\nmethod: taskres\nremedy: %s\nseed: %d\ninputs: {weights_sha256: w, data: /d/home, data_sha256: d%d, shots: %d, data_seed: %d, templates: ['{}']}\n",
						remedy, seed, seed, s, seed), 0o644),
				} {
					if err != nil {
						t.Fatal(err)
					}
				}
				runs = append(runs, run)
			}
		}
	}
	found, _, err := table.Read(runs, 10)
	if err != nil {
		t.Fatal(err)
	}
	return table.Make(found, 10)
}

func TestFiguresAreTheSameBytesEachTime(t *testing.T) {
	made := madeTable(t, 1, 16)
	for name, drawIt := range map[string]func(table.Table) (Figure, error){"curves": Curves, "ranges": Ranges, "norms": Norms} {
		for _, format := range Formats {
			var last []byte
			for range 2 {
				f, err := drawIt(made)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), name+format)
				if err := Write(path, f); err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(path)
				if err != nil || len(got) < 1000 || bytes.Contains(got, []byte("NaN")) {
					t.Fatalf("%s%s: %d bytes, %v", name, format, len(got), err)
				}
				if last != nil && !bytes.Equal(got, last) {
					t.Errorf("%s%s: other bytes the second time", name, format)
				}
				last = got
			}
			want := map[string]string{".svg": "<?xml", ".pdf": "%PDF-", ".png": "\x89PNG"}[format]
			if !strings.HasPrefix(string(last), want) {
				t.Errorf("%s%s begins %q", name, format, last[:8])
			}
		}
	}
}

func TestCurvesHoldMeansAndSpreads(t *testing.T) {
	made := madeTable(t, 16, 1)
	lines, names := byRecipe(made, "home", table.Main[0])
	if fmt.Sprint(names) != "[TaskRes TaskRes + SaLS]" {
		t.Fatalf("lines %q", names)
	}
	for _, g := range made.Groups[1:] {
		s, _ := g.Spread("home", "accuracy")
		found := false
		for _, line := range lines {
			if len(line) != 2 || line[0].shots != 1 || line[1].shots != 16 {
				t.Errorf("line %+v", line)
			}
			for _, p := range line {
				found = found || p.mean == 100*s.Mean && p.std == 100*s.Std
			}
		}
		if !found {
			t.Errorf("no point of %+v", s)
		}
	}
	if _, err := Curves(madeTable(t, 4)); err == nil {
		t.Error("curves over one number of shots")
	}
}

func TestOutlinesHoldAllSamples(t *testing.T) {
	sum := 0.0
	for _, p := range outline([]float64{1, 2, 2, 31}, 1, 1) {
		sum += p.Y
	}
	if math.Abs(sum-100) > 1e-9 {
		t.Errorf("%v per cent of the samples are drawn", sum)
	}
}

func TestUnknownEndingsAreRefused(t *testing.T) {
	f, err := Ranges(madeTable(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(t.TempDir(), "x.jpg"), f); err == nil || !strings.Contains(err.Error(), ".svg") {
		t.Errorf("%v", err)
	}
}
