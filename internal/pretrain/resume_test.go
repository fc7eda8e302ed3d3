package pretrain

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
)

// trainerIn is newTrainer in a precision; it skips where the processor has not it.
func trainerIn(t *testing.T, r Recipe, precision string, threads int) *Trainer {
	t.Helper()
	d, err := device.Open(device.Options{Kind: "cpu", Threads: threads, Precision: precision})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	e := device.Engine(d)
	if precision == "bf16" && !engine.TrainsFloat16(e) {
		t.Skip("this processor does not multiply bfloat16")
	}
	tr, err := New(e, squares{r.ImageSize, 5 * kinds}, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// saved is the state after the steps up to the given one.
func saved(t *testing.T, tr *Trainer, step int) (path string, state []byte) {
	t.Helper()
	if err := tr.Run(context.Background(), until(step)); err != nil && !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "state.safetensors")
	if err := tr.Save(path); err != nil {
		t.Fatal(err)
	}
	state, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, state
}

func TestResumedRunEndsWithTheSameBytes(t *testing.T) {
	for _, precision := range []string{"fp32", "bf16"} {
		t.Run(precision, func(t *testing.T) {
			r := smallRecipe()
			_, whole := saved(t, trainerIn(t, r, precision, 2), r.Steps)
			half, _ := saved(t, trainerIn(t, r, precision, 2), 3)
			rest := trainerIn(t, r, precision, 1) // the number of threads is no matter
			if err := rest.Restore(half); err != nil {
				t.Fatal(err)
			}
			if rest.Step() != 3 {
				t.Fatalf("restored at step %d", rest.Step())
			}
			if _, state := saved(t, rest, r.Steps); !bytes.Equal(state, whole) {
				t.Error("the resumed run's state differs from the uninterrupted one's")
			}
		})
	}
}

func TestRestoreRefusesAnotherPrecision(t *testing.T) {
	r := smallRecipe()
	for _, p := range [][2]string{{"fp32", "bf16"}, {"bf16", "fp32"}} {
		path, _ := saved(t, trainerIn(t, r, p[0], 1), 1)
		err := trainerIn(t, r, p[1], 1).Restore(path)
		if err == nil || !strings.Contains(err.Error(), "--precision "+p[0]) {
			t.Errorf("a run in %s went on in %s: %v", p[0], p[1], err)
		}
	}
}

// TestPrecisionsAgree trains in both from the same seed; rounding is all that
// makes their losses differ.
func TestPrecisionsAgree(t *testing.T) {
	r := smallRecipe()
	r.Batch, r.Steps, r.Warmup, r.LR, r.Coloured = kinds, 60, 10, 3e-3, 1
	var losses [2][]float64
	for i, precision := range []string{"fp32", "bf16"} {
		tr := trainerIn(t, r, precision, 2)
		if err := tr.Run(context.Background(), func(p Point) error {
			losses[i] = append(losses[i], float64(p.Loss))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	// Small differences grow with every step: the first are compared each, the last
	// by their mean.
	first, means := 0.0, [2]float64{}
	for i, l := range losses[0] {
		if i < 10 {
			first = max(first, math.Abs(l-losses[1][i]))
		}
		if i >= r.Steps-20 {
			means[0], means[1] = means[0]+l/20, means[1]+losses[1][i]/20
		}
	}
	t.Logf("the first losses differ by up to %.3g, the last are %.3g and %.3g on average", first, means[0], means[1])
	if !(first < 0.03) || first == 0 || !(means[0] < 2.1) || !(math.Abs(means[0]-means[1]) < 0.1) {
		t.Error("they differ by more than rounding makes them")
	}
}
