package figure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/bench"
)

// TestBenchDrawsEveryFigure looks for every kind of figure and the peaks in the
// text of the drawing.
func TestBenchDrawsEveryFigure(t *testing.T) {
	figure := func(what string, batch int, rate, flop, gb float64) bench.Figure {
		return bench.Figure{What: what, Model: "ViT-B/16", Batch: batch, Rate: rate, Unit: "images/s", GFLOPS: flop,
			GBS:       gb,
			Intensity: flop / gb, Timing: bench.Timing{RelStd: 0.01}}
	}
	f, err := Bench(bench.Result{Runs: []bench.Run{
		{Precision: "bf16", PeakGFLOPS: 1000, BandwidthGBS: 50, Figures: []bench.Figure{
			figure("image encoding, on the device", 1, 10, 100, 20), figure("image encoding, on the device", 32, 40,
				400, 20),
			figure("CoOp step, 100 classes", 32, 1, 200, 30)}},
		{Precision: "fp32", Figures: []bench.Figure{{What: "TPT image", Rate: 3}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.svg")
	if err := Write(path, f); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ViT-B/16 images, on the device", "ViT-B/16 CoOp step, 100", "1000 GFLOP/s, 50 GB/s",
		"bf16", "fp32", "images a second"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the drawing", want)
		}
	}
	if _, err := Bench(bench.Result{}); err == nil {
		t.Error("a drawing of nothing")
	}
}
