package testtime

import (
	"context"
	"fmt"
	"math"
	"testing"

	"clipcalib/adapt"
	"clipcalib/weights"
)

// goldenViews are the views of an image of testdata/make_golden.py: a picture,
// and the picture with noise.
func goldenViews(c weights.Config, image int) [][]float32 {
	const views = 64
	size := 3 * c.Vision.ImageSize * c.Vision.ImageSize
	picture, noise := hashed(1000+uint64(image), size), hashed(2000+uint64(image), views*size)
	out := make([][]float32, views)
	for v := range out {
		out[v] = make([]float32, size)
		for i, x := range picture {
			if v > 0 {
				out[v][i] = float32(2*x + noise[v*size+i])
			} else {
				out[v][i] = float32(2 * x)
			}
		}
	}
	return out
}

type golden struct {
	t *testing.T
	v weights.View
}

func openGolden(t *testing.T, path string) golden {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return golden{t, f.View()}
}

// rows returns a matrix of the file as rows.
func (g golden) rows(name string) [][]float32 {
	g.t.Helper()
	shape, ok := g.v.Shape(name)
	if !ok {
		g.t.Fatalf("the golden file has no %q", name)
	}
	flat, err := g.v.Get(name, shape...)
	if err != nil {
		g.t.Fatal(err)
	}
	n := len(flat) / shape[0]
	out := make([][]float32, shape[0])
	for i := range out {
		out[i] = flat[i*n : (i+1)*n]
	}
	return out
}

// relative is the largest difference relative to the largest value wanted.
func relative(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var worst, top float64
	for i, w := range want {
		top = math.Max(top, math.Abs(float64(w)))
		if d := math.Abs(float64(got[i]) - float64(w)); !(d <= worst) {
			worst = d
		}
	}
	return worst / top
}

func TestTenImagesAgreeWithPyTorch(t *testing.T) {
	g := openGolden(t, "testdata/golden.safetensors")
	images, texts := openModel(t, goldenConfig, "")
	ctx := context.Background()
	var features [][][]float32
	for i := range g.rows("zero_shot") {
		f, err := images.Encode(ctx, goldenViews(goldenConfig, i))
		if err != nil {
			t.Fatal(err)
		}
		features = append(features, f)
	}
	both := []adapt.Compat{adapt.Textbook, adapt.CLIPCalib}
	for _, c := range []struct {
		remedy adapt.Remedy
		compat []adapt.Compat
	}{
		{adapt.None{}, both[:1]}, {adapt.SaLS{}, both[:1]}, {adapt.ZSNorm{}, both}, {adapt.Penalty{}, both},
	} {
		for _, compat := range c.compat {
			for _, m := range []Method{TPT{}, CTPT{}, OTPT{}} {
				name := fmt.Sprintf("%s %s %s", m.Name(), c.remedy.Name(), compat)
				t.Run(name, func(t *testing.T) {
					tuner, err := NewTuner(ctx, images, texts, goldenClasses, m, c.remedy, Options{Compat: compat})
					if err != nil {
						t.Fatal(err)
					}
					defer tuner.Close()
					checkGolden(t, tuner, features, g, name)
				})
			}
		}
	}
}

func checkGolden(t *testing.T, tuner *Tuner, features [][][]float32, g golden, name string) {
	ctx := context.Background()
	const tolerance = 1e-4
	worst := map[string]float64{}
	for i, f := range features {
		p, err := tuner.TuneFeatures(ctx, f, fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		unit, err := tuner.viewFeatures(f)
		if err != nil {
			t.Fatal(err)
		}
		_, grad, err := tuner.differentiate(ctx, unit)
		if err != nil {
			t.Fatal(err)
		}
		for v, k := range g.rows("kept")[i] {
			if p.Kept[v] != int(k) {
				t.Fatalf("image %d: views %v are kept, PyTorch keeps %v", i, p.Kept, g.rows("kept")[i])
			}
		}
		for what, pair := range map[string][2][]float32{
			"loss":             {{float32(p.Loss)}, g.rows(name + " loss")[i]},
			"gradient":         {grad, g.rows(name + " gradient")[i]},
			"tuned vectors":    {p.Context, g.rows(name + " context")[i]},
			"tuned logits":     {p.Logits, g.rows(name + " logits")[i]},
			"zero-shot logits": {p.ZeroShot, g.rows("zero_shot")[i]},
		} {
			e := relative(pair[0], pair[1])
			worst[what] = math.Max(worst[what], e)
			if !(e <= tolerance) {
				t.Errorf("image %d: %s differ by %.2g of the largest, want at most %g", i, what, e, tolerance)
			}
		}
	}
	t.Logf("%d images, largest relative differences: loss %.1e, gradient %.1e, tuned vectors %.1e, tuned logits %.1e",
		len(features), worst["loss"], worst["gradient"], worst["tuned vectors"], worst["tuned logits"])
}
