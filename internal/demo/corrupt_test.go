package demo

import (
	"bytes"
	"image"
	"math"
	"testing"
)

// garments returns some clean test pictures.
func garments(t *testing.T, n int) []*image.NRGBA {
	t.Helper()
	task, err := FashionPack()
	if err != nil {
		t.Fatal(err)
	}
	set, err := task.Source().Set(FoldTest)
	if err != nil {
		t.Fatal(err)
	}
	var out []*image.NRGBA
	for i := range n {
		img, err := set.Items[i*len(set.Items)/n].Image()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, img)
	}
	return out
}

func squaredError(a, b *image.NRGBA) float64 {
	sum := 0.0
	for i := range a.Pix {
		d := float64(a.Pix[i]) - float64(b.Pix[i])
		sum += d * d
	}
	return sum / float64(len(a.Pix))
}

func TestCorruptionsGrowWithSeverity(t *testing.T) {
	pictures := garments(t, 40)
	for _, kind := range Corruptions {
		last := 0.0
		for severity := 1; severity <= MaxSeverity; severity++ {
			total := 0.0
			for i, img := range pictures {
				out, err := Corrupt(img, kind, severity, 1, i)
				if err != nil {
					t.Fatal(err)
				}
				total += squaredError(img, out)
			}
			if total <= last {
				t.Errorf("%s: severity %d changes no more than %d", kind, severity, severity-1)
			}
			last = total
		}
	}
}

func TestCorruptionsRepeatAndDependOnTheirKey(t *testing.T) {
	img := garments(t, 1)[0]
	before := bytes.Clone(img.Pix)
	for _, kind := range Corruptions {
		a, err := Corrupt(img, kind, 3, 7, 5)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Corrupt(img, kind, 3, 7, 5)
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("%s: two calls differ", kind)
		}
	}
	a, _ := Corrupt(img, Noise, 3, 7, 5)
	for name, key := range map[string][2]uint64{"seed": {8, 5}, "index": {7, 6}} {
		b, _ := Corrupt(img, Noise, 3, key[0], int(key[1]))
		if bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("another %s gives the same noise", name)
		}
	}
	if !bytes.Equal(before, img.Pix) {
		t.Error("the original was changed")
	}
}

func TestNoiseHasTheStatedSpread(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 128, 128))
	for i := range img.Pix {
		img.Pix[i] = 128
	}
	out, err := Corrupt(img, Noise, 1, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	sum, sum2, n := 0.0, 0.0, 0.0
	for i, v := range out.Pix {
		if i%4 != 3 {
			d := float64(v) - 128
			sum, sum2, n = sum+d, sum2+d*d, n+1
		}
	}
	if mean, sd := sum/n, math.Sqrt(sum2/n); math.Abs(mean) > 0.5 || math.Abs(sd/255-0.08) > 0.002 {
		t.Errorf("mean %.3f and deviation %.4f, want 0 and 0.08", mean, sd/255)
	}
}

// TestLinearCorruptionsKeepAFlatPicture holds for those that average pixels.
func TestLinearCorruptionsKeepAFlatPicture(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 17, 11))
	for i := range img.Pix {
		img.Pix[i] = 200
	}
	for _, kind := range []Corruption{Blur, Contrast, Pixelate, Rotate} {
		for severity := 1; severity <= MaxSeverity; severity++ {
			out, err := Corrupt(img, kind, severity, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range out.Pix {
				if i%4 != 3 && v != 200 {
					t.Fatalf("%s %d: pixel %d is %d, want 200", kind, severity, i/4, v)
				}
			}
		}
	}
}

func TestPixelateAveragesBoxes(t *testing.T) {
	p := &planes{width: 4, height: 2}
	for c := range p.channel {
		p.channel[c] = []float64{0, 1, 0, 0, 1, 0, 1, 1}
	}
	p.pixelate(0.5)
	for i, want := range []float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5} {
		if got := p.channel[0][i]; math.Abs(got-want) > 1e-12 {
			t.Errorf("pixel %d is %v, want %v", i, got, want)
		}
	}
}

func TestCorruptRefuses(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	for name, call := range map[string]func() error{
		"kind":     func() error { _, err := Corrupt(img, "fog", 1, 1, 0); return err },
		"severity": func() error { _, err := Corrupt(img, Blur, 6, 1, 0); return err },
		"picture":  func() error { _, err := Corrupt(&image.NRGBA{}, Blur, 1, 1, 0); return err },
	} {
		if call() == nil {
			t.Errorf("no error for a bad %s", name)
		}
	}
}
