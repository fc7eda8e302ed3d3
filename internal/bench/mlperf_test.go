package bench

import (
	"image"
	"strings"
	"testing"
	"time"

	"clipcalib/internal/data"
	"clipcalib/internal/device"
)

// madeSet is pictures of two classes, one in bright colours.
func madeSet(n int) *data.Set {
	s := &data.Set{Name: "made", Classes: []string{"a dark thing", "a bright thing"}}
	for i := range n {
		s.Items = append(s.Items, data.Item{Path: "made " + string(rune('a'+i)), Label: i % 2,
			Load: func() (image.Image, error) {
				img := image.NewNRGBA(image.Rect(0, 0, 40, 36))
				for k := range img.Pix {
					if img.Pix[k] = uint8(i%2*200 + (k*(i+3))%50); k%4 == 3 {
						img.Pix[k] = 255
					}
				}
				return img, nil
			}})
	}
	return s
}

// TestMLPerfLikeKeepsItsCounts wants the least time, samples and queries of each
// scenario, accuracy beside the reference, and the report to say that it asked
// for less than MLPerf does.
func TestMLPerfLikeKeepsItsCounts(t *testing.T) {
	c, err := Config("tiny")
	if err != nil {
		t.Fatal(err)
	}
	ck, err := Random(c)
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	const least = 30 * time.Millisecond
	r, err := MeasureMLPerf(t.Context(), Options{Device: device.Options{Kind: "cpu", Threads: 1},
		Precisions: []string{"fp32", "bf16"}, Parts: []string{Images}, Batches: []int{7}},
		MLPerf{Time: least, Samples: 100, Name: "tiny", Checkpoint: ck, Set: madeSet(9), Templates: []string{"{}"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range r.Runs {
		f := run.MLPerf
		if f == nil || f.Full || f.Pictures != 9 || f.Of != 9 || f.Accuracy < 0 || f.Accuracy > 1 ||
			!strings.Contains(f.Reference, "fp32") || !strings.Contains(f.String(), "less than MLPerf asks") {
			t.Fatalf("%+v", f)
		}
		if run.Precision == "fp32" && (f.Accuracy != f.ReferenceAccuracy || f.ECE != f.ReferenceECE || f.Agree != 1 ||
			!f.Enough) {
			t.Errorf("beside itself: %+v", f)
		}
		if len(run.Figures) != 3 {
			t.Fatalf("%+v", run.Figures)
		}
		for i, want := range []struct{ queries, batch int }{{15, 7}, {singleStreamQueries, 1}, {multiStreamQueries,
			8}} {
			g := run.Figures[i]
			if g.Runs < want.queries || g.Batch != want.batch || g.Timed < least.Seconds() ||
				(g.Latency == nil) != (i == 0) ||
				g.Latency != nil && g.Latency.Requests != g.Runs {
				t.Errorf("%+v", g)
			}
			if got := float64(g.Runs*g.Items) / g.Timed; got < 0.999*g.Rate || got > 1.001*g.Rate {
				t.Errorf("%s: %g samples a second, all over all are %g", g.What, g.Rate, got)
			}
		}
	}
	low := MLPerfFacts{Accuracy: 0.5, ReferenceAccuracy: 0.6, Full: true}
	if s := low.String(); !strings.Contains(s, "NOT MET") || !strings.Contains(s, "as MLPerf asks") {
		t.Error(s)
	}
}

// TestProductsAreThoseOfTheBlocks times a tower's products on the processor.
func TestProductsAreThoseOfTheBlocks(t *testing.T) {
	r, err := Measure(t.Context(), Options{Device: device.Options{Kind: "cpu", Threads: 1}, Models: []string{"tiny"},
		Batches: []int{2, 3}, Parts: []string{Products}, Budget: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range r.Runs[0].Products {
		names = append(names, p.Shape)
		if !(p.GFLOPS > 0 && p.Seconds > 0 && p.Runs > 0) || p.Algorithm == "" {
			t.Errorf("%+v", p)
		}
	}
	want := "patches 8 x 64 x 768, bias; qkv 10 x 192 x 64, bias; out 10 x 64 x 64, bias; fc1 10 x 256 x 64, bias; " +
		"fc2 10 x 64 x 256, bias; patches 12 x 64 x 768"
	if got := strings.Join(names, "; "); len(names) != 10 || !strings.HasPrefix(got, want) {
		t.Error(got)
	}
}
