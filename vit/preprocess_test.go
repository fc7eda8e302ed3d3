package vit

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"os"
	"testing"

	"clipcalib/internal/imageio"
)

// picture is the formula of testdata/preprocess_golden.py.
func picture(w, h, seed int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			flat := (y/7+x/5+seed)%3 == 0
			for c := range 3 {
				v := uint32((y*w+x)*3+c)*2654435761 + uint32(seed)*40503
				v ^= v >> 13
				v *= 1274126177
				v ^= v >> 16
				b := uint8(v)
				if flat {
					b = uint8(x*3 + y*5 + seed)
				}
				m.Pix[m.PixOffset(x, y)+c] = b
			}
			m.Pix[m.PixOffset(x, y)+3] = 255
		}
	}
	return m
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:24]
}

func hashRGB(m *image.NRGBA) string {
	var packed []byte
	for i := 0; i < len(m.Pix); i += 4 {
		packed = append(packed, m.Pix[i:i+3]...)
	}
	return hashOf(packed)
}

func hashFloats(x []float32) string {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return hashOf(b)
}

type goldenCase struct {
	w, h, size          int
	source, crop, input string
	linearW, linearH    int
	linear              string
	older               string
}

func goldenCases(t *testing.T) []goldenCase {
	t.Helper()
	f, err := os.Open("testdata/preprocess_golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan() // versions
	var cases []goldenCase
	for lines.Scan() {
		var c goldenCase
		fields := []any{&c.w, &c.h, &c.size, &c.source, &c.crop, &c.input, &c.linearW, &c.linearH, &c.linear, &c.older}
		if err := json.Unmarshal(lines.Bytes(), &fields); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if len(cases) < 200 {
		t.Fatalf("only %d golden cases", len(cases))
	}
	return cases
}

func TestEqualsPillowAndTorchvision(t *testing.T) {
	for i, c := range goldenCases(t) {
		src := picture(c.w, c.h, i)
		if got := hashRGB(src); got != c.source {
			t.Fatalf("case %d: the test's picture is not the golden's", i)
		}
		p := NewPreprocessor(c.size)
		crop, err := p.Crop(src)
		if err != nil {
			t.Fatalf("%d x %d: %v", c.w, c.h, err)
		}
		if got := hashRGB(crop); got != c.crop {
			t.Errorf("%d x %d to %d: crop differs from Pillow's", c.w, c.h, c.size)
		}
		input, err := p.Image(src)
		if err != nil {
			t.Fatal(err)
		}
		if got := hashFloats(input); got != c.input {
			t.Errorf("%d x %d to %d: normalised input differs from torchvision's", c.w, c.h, c.size)
		}
		older, err := p.HorizontalFirst().Crop(src)
		if err != nil {
			t.Fatal(err)
		}
		if got := hashRGB(older); got != c.older {
			t.Errorf("%d x %d to %d: horizontal-first crop differs from older Pillow's", c.w, c.h, c.size)
		}
		linear, err := imageio.Resize(src, src.Rect, c.linearW, c.linearH, image.Rect(0, 0, c.linearW, c.linearH),
			imageio.Bilinear, imageio.CurrentPillow)
		if err != nil {
			t.Fatal(err)
		}
		if got := hashRGB(linear); got != c.linear {
			t.Errorf("%d x %d to %d x %d: bilinear differs from Pillow's", c.w, c.h, c.linearW, c.linearH)
		}
	}
}

func TestCropOffsetRoundsHalfToEven(t *testing.T) {
	for full, want := range map[int]int{224: 0, 225: 0, 226: 1, 227: 2, 229: 2, 231: 4, 233: 4} {
		if got := cropOffset(full, 224); got != want {
			t.Errorf("cropOffset(%d, 224) = %d, want %d", full, got, want)
		}
	}
}

func TestPreprocessRefuses(t *testing.T) {
	good := picture(8, 8, 0)
	tests := []struct {
		name string
		run  func() error
	}{
		{"no image", func() error { _, err := NewPreprocessor(32).Image(nil); return err }},
		{"no pixels", func() error { _, err := NewPreprocessor(32).Image(image.NewGray(image.Rectangle{})); return err }},
		{"size 0", func() error { _, err := NewPreprocessor(0).Image(good); return err }},
		{"negative size", func() error { _, err := NewPreprocessor(-3).Image(good); return err }},
		{"huge size", func() error { _, err := NewPreprocessor(1 << 30).Image(good); return err }},
		{"zero value", func() error { _, err := Preprocessor{}.Image(good); return err }},
		{"short destination", func() error { return NewPreprocessor(32).Into(make([]float32, 5), good) }},
		{"view of another size", func() error {
			p := NewPreprocessor(32)
			return p.Normalize(make([]float32, p.Len()), good)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.run() == nil {
				t.Error("no error")
			}
		})
	}
}

func TestSubImageIsItsOwnPicture(t *testing.T) {
	whole := picture(90, 70, 3)
	part := whole.SubImage(image.Rect(11, 9, 71, 59))
	alone := image.NewNRGBA(image.Rect(0, 0, 60, 50))
	for y := range 50 {
		for x := range 60 {
			alone.Set(x, y, whole.At(x+11, y+9))
		}
	}
	p := NewPreprocessor(32)
	got, err := p.Image(part)
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.Image(alone)
	if err != nil {
		t.Fatal(err)
	}
	if hashFloats(got) != hashFloats(want) {
		t.Error("a sub-image and a copy of it give different inputs")
	}
}

func BenchmarkPreprocess500x375(b *testing.B) {
	src := picture(500, 375, 1)
	p := NewPreprocessor(224)
	dst := make([]float32, p.Len())
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Into(dst, src); err != nil {
			b.Fatal(err)
		}
	}
}

func ExamplePreprocessor() {
	red := image.NewNRGBA(image.Rect(0, 0, 640, 480))
	for i := range red.Pix {
		red.Pix[i] = []uint8{255, 0, 0, 255}[i%4]
	}
	p := NewPreprocessor(224)
	x, err := p.Image(red)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(x), x[0], x[224*224], x[2*224*224])
	// Output: 150528 1.9303361 -1.7520971 -1.4802198
}

func ExamplePreprocessor_Crop() {
	crop, err := NewPreprocessor(96).Crop(image.NewGray(image.Rect(0, 0, 300, 100)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(crop.Rect)
	// Output: (0,0)-(96,96)
}
