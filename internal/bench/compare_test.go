package bench

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/engine"
)

func TestCompare(t *testing.T) {
	figure := func(what string, rate, std float64) Figure {
		return Figure{What: what, Model: "m", Batch: 8, Rate: rate, Unit: "images/s", Timing: Timing{RelStd: std,
			Runs: 9}}
	}
	a := Result{Schema: Schema, Version: "1", Card: &engine.GPU{Name: "One"}, Driver: "580.1",
		Runs: []Run{{Precision: "bf16", PeakGFLOPS: 100, BandwidthGBS: 10, Peaks: []float64{100, 99},
			Bandwidths: []float64{10, 9},
			Figures: []Figure{figure("x", 5, 0.01), figure("y", 5, 0.01), figure("z", 5, 0), figure("a alone", 1,
				0)}}}}
	b := a
	b.Runs = []Run{{Precision: "bf16", PeakGFLOPS: 300, BandwidthGBS: 9.9, Peaks: []float64{300, 299},
		Bandwidths: []float64{9.9, 9},
		Figures: []Figure{figure("x", 10, 0.02), figure("y", 4.9, 0.01), figure("z", 4, 0.01), figure("b alone", 1,
			0)}}}
	pairs, onlyA, onlyB := Compare(a, b)
	var got []string
	for _, p := range pairs {
		got = append(got, p.What+": "+p.Verdict)
	}
	want := "matrix products: faster, memory: within noise, x: faster, y: within noise, z: spread unknown"
	if strings.Join(got, ", ") != want || pairs[0].Ratio != 3 || pairs[2].Ratio != 2 ||
		math.Abs(pairs[2].Noise-2*math.Hypot(0.01, 0.02)) > 1e-15 {
		t.Errorf("%+v", pairs)
	}
	if len(onlyA) != 1 || onlyA[0] != "bf16 a alone m 8" || len(onlyB) != 1 || onlyB[0] != "bf16 b alone m 8" {
		t.Errorf("only in one: %q, %q", onlyA, onlyB)
	}
	var text bytes.Buffer
	if err := ComparedGrid(pairs, "a.json", "b.json").WriteMarkdown(&text); err != nil ||
		!strings.Contains(text.String(), "a.json") || !strings.Contains(text.String(), "within noise") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

// TestCompareWantsEverythingOnce wants a doubled figure and a doubled run to be
// named, and results of two schemas to be told apart.
func TestCompareWantsEverythingOnce(t *testing.T) {
	x := Figure{What: "x", Model: "m", Batch: 8, Rate: 5, Unit: "images/s"}
	faster, other := x, x
	faster.Rate, other.Batch = 6, 9
	for name, c := range map[string]struct {
		runs []Run
		want string
	}{
		"distinct":  {[]Run{{Figures: []Figure{x, other}}, {Precision: "bf16", Figures: []Figure{x}}}, ""},
		"figure":    {[]Run{{Figures: []Figure{x, faster}}}, `"x m 8" is measured twice, as 5 and 6`},
		"run":       {[]Run{{Figures: []Figure{x}}, {Figures: []Figure{x}}}, "twice"},
		"run peaks": {[]Run{{PeakGFLOPS: 1}, {PeakGFLOPS: 2}}, `"matrix products"`},
	} {
		err := Result{Runs: c.runs}.Distinct()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if d := SchemasDiffer(Result{Schema: 1}, Result{Schema: Schema}); len(d) != 2 ||
		!strings.Contains(d[0], "five groups") || !strings.Contains(d[1], "ten groups") {
		t.Errorf("%q", d)
	}
	for v := 1; v <= Schema; v++ {
		if schemaRates[v] == "" || SchemasDiffer(Result{Schema: v}, Result{Schema: v}) != nil {
			t.Errorf("schema %d: %q", v, schemaRates[v])
		}
	}
}

func TestReadTakesWhatItWrote(t *testing.T) {
	a := Result{Schema: Schema, Version: "1", Runs: []Run{{Precision: "fp32", Figures: []Figure{{What: "x", Rate: 1,
		Timing: Timing{Seconds: 2, RelStd: 0.5}}}}}}
	path := filepath.Join(t.TempDir(), "a.json")
	write := func(text []byte) {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	write(text)
	if back, err := Read(path); err != nil || back.Machine() != a.Machine() || back.Runs[0].Figures[0].Seconds != 2 {
		t.Errorf("%v: %+v", err, back)
	}
	for text, want := range map[string]string{
		`{"rate": 1}`:                                          "no runs",
		`{"schema": 3, "runs": [1]}`:                           "no result", // of another type
		`{"schema": 3, "runs": [{}]}`:                          "schema 3 is of a later clipcalib",
		`{"schema": -1, "runs": [{}]}`:                         "schema -1",
		`{"runs": [{"figures": [{"what": "x", "rate": -1}]}]}`: `"x" has a rate of -1`,
		`[`: "no result",
	} {
		write([]byte(text))
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	// As programs wrote it before there was a version.
	write([]byte(`{"version":"v0","go":"go1.26","runs":[{"engine":"cpu","precision":"fp32","figures":[{"what":"x",` +
		`"rate":2,"unit":"images/s","seconds":0.5,"runs":3,"spread":1.1}]}]}`))
	if back, err := Read(path); err != nil || back.Schema != 1 || back.Runs[0].Figures[0].Spread != 1.1 {
		t.Errorf("%v: %+v", err, back)
	}
}

// TestNoShareIsOverOne wants a figure that goes over the measured peak to have
// no share of it, and its table to say so.
func TestNoShareIsOverOne(t *testing.T) {
	r := Run{PeakGFLOPS: 100, BandwidthGBS: 10, Figures: []Figure{
		{What: "fits", GFLOPS: 50, GBS: 4, Rate: 1}, {What: "fast", GFLOPS: 120, GBS: 20, Rate: 1}}}
	r.shares()
	if f := r.Figures[0]; f.Share != 0.5 || f.BandwidthShare != 0.4 || f.Intensity != 12.5 || f.RooflineShare != 0.5 ||
		f.Over != nil {
		t.Errorf("%+v", f)
	}
	if f := r.Figures[1]; f.Share != 0 || f.BandwidthShare != 0 || f.RooflineShare != 0 || len(f.Over) != 3 {
		t.Errorf("%+v", f)
	}
	g, notes := r.Grid()
	if g.Rows[1][7] != "over" || g.Rows[0][7] != "50%" || len(notes) != 1 {
		t.Errorf("%q %q", g.Rows, notes)
	}
}
