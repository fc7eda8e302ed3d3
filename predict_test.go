package clipcalib_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"clipcalib"
	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/device"
	"clipcalib/internal/run"
	"clipcalib/vit"
)

// Each family, with remedies that act in training, at use and of a program's
// own: pictures come out the same by path, bytes and image, alone and together,
// and the numbers of one prediction agree with one another.
func TestRunsOfAllFamiliesPredict(t *testing.T) {
	for name, dir := range map[string]string{
		"taskres":        adapted(t, adapt.TaskRes{}, adapt.Penalty{}),
		"tip-adapter-f":  adapted(t, adapt.TipAdapterF{}, adapt.SaLS{}),
		"clip-adapter":   adapted(t, adapt.CLIPAdapter{}, crosswise{}),
		"coop":           learned(t, prompt.CoOp{Contexts: 2}, adapt.SaLS{}),
		"coop crosswise": learned(t, prompt.CoOp{Contexts: 2}, crosswise{}),
		"cocoop":         learned(t, prompt.CoCoOp{Contexts: 4}, nil),
		"maple":          learned(t, prompt.MaPLe{Contexts: 4, Depth: 2}, nil),
		"tpt":            tuned(t, testtime.TPT{}, adapt.SaLS{}),
		"c-tpt":          tuned(t, testtime.CTPT{Lambda: adapt.Zero}, adapt.Penalty{Lambda: 3}),
		"tpt crosswise":  tuned(t, testtime.TPT{}, crosswise{}),
	} {
		t.Run(name, func(t *testing.T) {
			r := openRun(t, dir, clipcalib.RunOptions{})
			all, err := r.Predict(t.Context(), iconFiles()...)
			if err != nil {
				t.Fatal(err)
			}
			if len(all.Pictures) != len(icons) {
				t.Fatalf("%d predictions", len(all.Pictures))
			}
			for i, p := range all.Pictures {
				consistent(t, r, p)
				data, err := os.ReadFile(icon(icons[i]))
				if err != nil {
					t.Fatal(err)
				}
				img, err := vit.DecodeImage(data)
				if err != nil {
					t.Fatal(err)
				}
				for _, one := range []clipcalib.Picture{clipcalib.FromBytes(p.Name, data), clipcalib.FromImage(p.Name,
					img)} {
					got, err := r.Predict(t.Context(), one)
					if err != nil {
						t.Fatal(err)
					}
					if !same(got.Pictures[0], p) {
						t.Errorf("%s by itself: %+v, among others: %+v", p.Name, got.Pictures[0], p)
					}
				}
			}
		})
	}
}

// same compares predictions of one picture: products of one or two rows are
// summed in another order than those of more, so that last bits differ.
func same(a, b clipcalib.Prediction) bool {
	near := func(x, y []float32) bool {
		return slices.EqualFunc(x, y, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-4 })
	}
	return a.Name == b.Name && a.Class == b.Class && math.Abs(a.Confidence-b.Confidence) < 1e-5 &&
		near(a.Logits, b.Logits) && near(a.Adapted, b.Adapted) && near(a.ZeroShot, b.ZeroShot)
}

func consistent(t *testing.T, r *clipcalib.Run, p clipcalib.Prediction) {
	t.Helper()
	sum, best := 0.0, 0
	for k, v := range p.Probabilities {
		if sum += v; v > p.Probabilities[best] {
			best = k
		}
	}
	if math.Abs(sum-1) > 1e-12 || p.Label != best || p.Class != r.Classes()[best] ||
		p.Confidence != p.Probabilities[best] {
		t.Errorf("%+v", p)
	}
	s, err := r.Summarize(p, 2)
	if err != nil || len(s.Top) != 2 || s.Top[0].Class != p.Class || s.Top[0].Confidence != p.Confidence ||
		s.Top[1].Confidence > p.Confidence {
		t.Errorf("summary %+v, %v", s, err)
	}
	switch r.Info().Remedy {
	case "sals": // the map of inference gives the zero-shot range
		if got := span(p.Logits); math.Abs(got-p.ZeroShotRange) > 1e-3 {
			t.Errorf("range after SaLS %g, zero-shot %g", got, p.ZeroShotRange)
		}
	case "crosswise-test":
		if got := span(p.Logits); math.Abs(got-2*p.Range) > 1e-3 {
			t.Errorf("range %g, want twice %g", got, p.Range)
		}
	}
	if math.Abs(span(p.Adapted)-p.Range) > 1e-6 || math.Abs(p.Range/p.ZeroShotRange-p.RangeRatio) > 1e-9 {
		t.Errorf("ranges %g, %g, ratio %g", p.Range, p.ZeroShotRange, p.RangeRatio)
	}
}

func span(row []float32) float64 {
	low, high := row[0], row[0]
	for _, v := range row {
		low, high = min(low, v), max(high, v)
	}
	return float64(high) - float64(low)
}

// What a run says of pictures is what eval keeps of the same ones.
func TestPredictIsEval(t *testing.T) {
	dir := adapted(t, adapt.TaskRes{}, adapt.SaLS{})
	model := openDemo(t)
	var paths []string
	for _, name := range icons {
		paths = append(paths, icon(name))
	}
	features, err := model.Images.EncodeFiles(t.Context(), paths)
	if err != nil {
		t.Fatal(err)
	}
	data := adapt.Data{Features: adapt.FromRows(features), Labels: []int{0, 1, 2, 0, 1, 2}}
	out := filepath.Join(t.TempDir(), "eval")
	if _, err := run.Eval(t.Context(), run.EvalOptions{Run: dir, Data: &data, Out: out,
		Device: model.Device}); err != nil {
		t.Fatal(err)
	}
	want, err := run.ReadEvaluation(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := openRun(t, dir, clipcalib.RunOptions{}).Predict(t.Context(), iconFiles()...)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range got.Pictures {
		for k, v := range p.Logits {
			if float64(v) != want.Logits.Row(i)[k] || float64(p.ZeroShot[k]) != want.ZeroShot.Row(i)[k] {
				t.Errorf("%s, class %d: logits %g and %g, eval has %g and %g", p.Name, k, v, p.ZeroShot[k],
					want.Logits.Row(i)[k], want.ZeroShot.Row(i)[k])
			}
		}
	}
}

func TestPicturesThatCannotBeReadAreNamed(t *testing.T) {
	r := openRun(t, adapted(t, adapt.TaskRes{}, nil), clipcalib.RunOptions{})
	for name, p := range map[string]clipcalib.Picture{
		"no such.png": clipcalib.FromFile("no such.png"),
		"zeros":       clipcalib.FromBytes("zeros", make([]byte, 1000)),
		"nothing":     clipcalib.FromBytes("nothing", nil),
		"no pixels":   clipcalib.FromImage("no pixels", image.NewNRGBA(image.Rectangle{})),
	} {
		_, err := r.Predict(t.Context(), clipcalib.FromFile(icon("bus")), p)
		var bad *clipcalib.PictureError
		if !errors.As(err, &bad) || bad.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDriftIsToldWithoutLabels(t *testing.T) {
	dir := adapted(t, adapt.TaskRes{}, nil)
	r := openRun(t, dir, clipcalib.RunOptions{})
	got, err := r.Predict(t.Context(), iconFiles()[:3]...)
	if err != nil {
		t.Fatal(err)
	}
	d, err := run.ReadDrift(dir)
	if err != nil || d == nil || d.Pictures != 3 || d.Rows != 3 {
		t.Fatalf("%+v, %v", d, err)
	}
	low, high := math.Inf(1), 0.0
	for _, p := range got.Pictures {
		low, high = min(low, p.RangeRatio), max(high, p.RangeRatio)
		if want := p.RangeRatio < d.Lower() || p.RangeRatio > d.Upper(); !p.Drift.Known || p.Drift.Drifted != want {
			t.Errorf("%+v, bounds %g to %g", p.Drift, d.Lower(), d.Upper())
		}
	}
	// The training pictures again: their extremes are the statistics' own.
	if math.Abs(low-d.Ratios[0]) > 1e-6 || math.Abs(high-d.Ratios[len(d.Ratios)-1]) > 1e-6 {
		t.Errorf("ratios %g to %g, kept %v", low, high, d.Ratios)
	}
	if got.Drift.Pictures != 3 || got.Drift.Expected != 0.5 || !got.Drift.Known {
		t.Errorf("batch %+v", got.Drift)
	}
	if err := os.Remove(filepath.Join(dir, "drift.json")); err != nil {
		t.Fatal(err)
	}
	if got, err = openRun(t, dir, clipcalib.RunOptions{}).Predict(t.Context(), iconFiles()[0]); err != nil ||
		got.Drift.Known ||
		got.Pictures[0].Drift.Known || !strings.Contains(got.Pictures[0].Drift.Note, "not known") {
		t.Errorf("without statistics: %+v, %v", got, err)
	}
}

func TestPredictionStopsWithItsContext(t *testing.T) {
	dev, err := clipcalib.OpenDevice(clipcalib.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	r := openRun(t, adapted(t, adapt.TaskRes{}, nil), clipcalib.RunOptions{Device: dev})
	release, err := device.Hold(t.Context(), dev)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, stop := context.WithTimeout(t.Context(), 50e6)
	defer stop()
	if _, err := r.Predict(ctx, iconFiles()...); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// One run answers many goroutines at once, of every family, by a handler too.
func TestARunIsSafeForConcurrentUse(t *testing.T) {
	for name, dir := range map[string]string{
		"adapters":  adapted(t, adapt.TaskRes{}, adapt.SaLS{}),
		"prompts":   learned(t, prompt.CoOp{Contexts: 2}, nil),
		"test-time": tuned(t, testtime.TPT{}, nil),
	} {
		r := openRun(t, dir, clipcalib.RunOptions{})
		h, err := clipcalib.NewHandler(r, clipcalib.HandlerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(icon("bus"))
		if err != nil {
			t.Fatal(err)
		}
		want, err := r.Predict(t.Context(), clipcalib.FromBytes("bus", body))
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				got, err := r.Predict(t.Context(), clipcalib.FromBytes("bus", body))
				if err != nil || !same(got.Pictures[0], want.Pictures[0]) {
					t.Errorf("%s: %v", name, err)
				}
			})
			wait.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("POST", "/predict", bytes.NewReader(body)))
				if w.Code != 200 || !strings.Contains(w.Body.String(), `"class":"`+want.Pictures[0].Class+`"`) {
					t.Errorf("%s: status %d, %s", name, w.Code, w.Body)
				}
			})
		}
		wait.Wait()
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
