package imageio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/imageio/pillowtest"
)

func goldens(tb testing.TB) []pillowtest.Picture {
	tb.Helper()
	return pillowtest.Read(tb, "testdata/golden.jsonl")
}

func TestPixelsEqualPillow(t *testing.T) {
	for _, g := range goldens(t) {
		m, err := Decode(g.Data)
		g.Check(t, m, err)
	}
}

func encodedPNG(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBadFiles: every bad file gives one line that names the file and says
// what is wrong.
func TestBadFiles(t *testing.T) {
	huge := encodedPNG(t, 2, 2)
	copy(huge[16:], []byte{0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20}) // 20,000 x 20,000
	// The header's checksum must be right for the size to be believed.
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty.jpg", nil, "file is empty"},
		{"text.png", []byte("hello"), "not a picture in JPEG, PNG, WebP"},
		{"cut.png", encodedPNG(t, 30, 30)[:45], "PNG: file is truncated"},
		{"cut.jpg", []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), "JPEG: file is truncated"},
		{"cut.webp", []byte("RIFF\x10\x00\x00\x00WEBPVP8 "), "WebP: "},
		{"cut.gif", []byte("GIF89a\x01\x00\x01\x00"), "GIF: "},
		{"huge.png", huge, "20000 x 20000 pixels exceeds the limit"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.name)
			if err := os.WriteFile(path, test.data, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range []string{test.want, path} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if strings.Count(err.Error(), path) > 1 || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q is not one clear line", err)
			}
		})
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "gone.png"), t.TempDir()} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v does not name %s", err, path)
		}
	}
}

func TestLimits(t *testing.T) {
	data := encodedPNG(t, 30, 20)
	if _, err := (Limits{Pixels: 600, Bytes: 1 << 20}).Decode(data); err != nil {
		t.Error(err)
	}
	if _, err := (Limits{Pixels: 599, Bytes: 1 << 20}).Decode(data); err == nil {
		t.Error("600 pixels pass a limit of 599")
	}
	path := filepath.Join(t.TempDir(), "a.png")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (Limits{Pixels: 600, Bytes: 10}).Open(path); err == nil {
		t.Error("a file larger than the limit is read")
	}
}

func TestToRGBDropsAlpha(t *testing.T) {
	want := color.NRGBA{200, 100, 50, 255}
	sources := map[string]image.Image{}
	straight := image.NewNRGBA(image.Rect(3, 4, 5, 6))
	palette := image.NewPaletted(image.Rect(3, 4, 5, 6), color.Palette{color.NRGBA{200, 100, 50, 0}})
	deep := image.NewNRGBA64(image.Rect(3, 4, 5, 6))
	for y := 4; y < 6; y++ {
		for x := 3; x < 5; x++ {
			straight.SetNRGBA(x, y, color.NRGBA{200, 100, 50, 7})
			deep.SetNRGBA64(x, y, color.NRGBA64{200<<8 | 3, 100<<8 | 99, 50 << 8, 0})
		}
	}
	sources["NRGBA"], sources["palette"], sources["NRGBA64"] = straight, palette, deep
	for name, src := range sources {
		m := ToRGB(src)
		if m.Rect != image.Rect(0, 0, 2, 2) || m.NRGBAAt(1, 1) != want {
			t.Errorf("%s: %v in %v, want %v", name, m.NRGBAAt(1, 1), m.Rect, want)
		}
	}
	if straight.NRGBAAt(3, 4).A != 7 {
		t.Error("ToRGB changed its source")
	}
}

func FuzzDecode(f *testing.F) {
	for i, g := range goldens(f) {
		if i%5 == 0 {
			f.Add(g.Data)
		}
	}
	limits := Limits{Pixels: 1 << 12, Bytes: 1 << 14}
	f.Fuzz(func(t *testing.T, data []byte) {
		Several(data)
		m, err := limits.Decode(data)
		if err == nil && (m.Rect.Empty() || !m.Opaque()) {
			t.Fatalf("bounds %v, opaque %v", m.Rect, m.Opaque())
		}
	})
}

func ExampleOpen() {
	_, err := Open("no-such-picture.jpg")
	fmt.Println(err)
	// Output: image no-such-picture.jpg: no such file or directory
}

// TestGoDecodedJPEGIsClose: planes from Go's own decoder, whose inverse DCT
// rounds otherwise, give Pillow's pixels within a few levels.
func TestGoDecodedJPEGIsClose(t *testing.T) {
	var b bytes.Buffer
	src := image.NewNRGBA(image.Rect(0, 0, 61, 45))
	for i := range src.Pix {
		src.Pix[i] = uint8(i / 4 * (3 + i%4) / 9)
	}
	if err := stdjpeg.Encode(&b, src, &stdjpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	planes, err := stdjpeg.Decode(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Decode(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got := ToRGB(planes)
	for i := range want.Pix {
		if d := int(got.Pix[i]) - int(want.Pix[i]); d < -4 || d > 4 {
			t.Fatalf("byte %d is %d, want %d within 4", i, got.Pix[i], want.Pix[i])
		}
	}
	part := planes.(*image.YCbCr).SubImage(image.Rect(3, 5, 20, 20))
	if m := ToRGB(part); m.Rect != image.Rect(0, 0, 17, 15) {
		t.Errorf("part of a picture has bounds %v", m.Rect)
	}
}

func TestToRGBOfPremultipliedColour(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 2, 1))
	m.SetRGBA(0, 0, color.RGBA{1, 2, 3, 255})
	m.SetRGBA(1, 0, color.RGBA{50, 25, 0, 128})
	got := ToRGB(m)
	if got.NRGBAAt(0, 0) != (color.NRGBA{1, 2, 3, 255}) || got.NRGBAAt(1, 0) != (color.NRGBA{99, 49, 0, 255}) {
		t.Errorf("%v %v", got.NRGBAAt(0, 0), got.NRGBAAt(1, 0))
	}
}
