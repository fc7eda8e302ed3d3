package imageio

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/imageio/pillowtest"
)

// namedRefusals are the kinds that Pillow reads and that are refused here by
// name, as docs/PICTURES.md lists them.
var namedRefusals = []string{
	"LZMA compression is not supported", "Zstandard compression is not supported", "CIELAB colour is not supported",
	"CCITT run lengths (compression 2) are not supported",
}

func refusedByName(err error) bool {
	return err != nil && slices.ContainsFunc(namedRefusals,
		func(s string) bool { return strings.Contains(err.Error(), s) })
}

// TestEveryKindEqualsPillow: every kind of file that Pillow writes or reads of
// the formats, made by testdata/formats.py.
func TestEveryKindEqualsPillow(t *testing.T) {
	count, named := map[string]int{}, 0
	for _, g := range pillowtest.Read(t, "testdata/formats.jsonl") {
		m, err := Decode(g.Data)
		if refusedByName(err) {
			named++
			continue
		}
		g.Check(t, m, err)
		if f := sniff(g.Data); f != nil && g.Hash != "" {
			count[f.name]++
		}
	}
	t.Logf("%v, %d refused by name", count, named)
	if n := count["BMP"] + count["TIFF"] + count["PPM"]; n < 300 || named > 40 {
		t.Errorf("%d BMP, TIFF and PPM files, want 300; %d refused by name", n, named)
	}
}

// TestDamagedFilesAsPillow: damaged files are read or refused as Pillow does,
// and those that are read have its pixels. TIFF's fax codes and some of
// libtiff's strictness are the exceptions: there, pixels are compared only
// where both open a file.
func TestDamagedFilesAsPillow(t *testing.T) {
	read, alike := 0, 0
	for _, g := range pillowtest.Read(t, "testdata/damaged.jsonl") {
		m, err := Decode(g.Data)
		if (err == nil) == (g.Hash != "") {
			alike++
		} else if strings.HasPrefix(g.What, "TIFF") {
			continue
		}
		g.Check(t, m, err)
		if err == nil && g.Hash != "" {
			read++
		}
	}
	t.Logf("%d read, %d accepted alike", read, alike)
	if read < 200 {
		t.Errorf("%d files are read, want 200", read)
	}
}

func TestExtensions(t *testing.T) {
	names := Extensions()
	if !slices.IsSorted(names) || !slices.Contains(names, ".tif") {
		t.Errorf("extensions %v", names)
	}
	names[0] = "changed"
	if Extensions()[0] == "changed" {
		t.Error("a caller can change the list")
	}
	for name, want := range map[string]bool{"a/b.JPG": true, "x.tiff": true, "x.ppm": true, "x.txt": false,
		"jpg": false} {
		if IsPicture(name) != want {
			t.Errorf("IsPicture(%q) is not %v", name, want)
		}
	}
}

// TestLargeClaims: headers that claim more pixels than the limit are refused by
// every format before anything is allocated, and at the limit Pillow's error
// is, not its warning.
func TestLargeClaims(t *testing.T) {
	bmp := append([]byte("BM"+strings.Repeat("\x00",
		8)+"\x36\x00\x00\x00\x28\x00\x00\x00\xff\xff\x00\x00\xff\xff\x00\x00\x01\x00\x18\x00"), make([]byte, 40)...)
	files := map[string][]byte{
		"PPM": []byte("P6 65535 65535 255\n"),
		"BMP": bmp,
		"GIF": []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00"),
	}
	for name, data := range files {
		if _, err := Decode(data); err == nil || !strings.Contains(err.Error(), "exceeds the limit") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for side, want := range map[string]bool{"13377 13377": false, "13378 13378": true} {
		_, err := Decode([]byte("P6 " + side + " 255\n"))
		if err == nil || strings.Contains(err.Error(), "exceeds the limit of 178956970") != want {
			t.Errorf("%s: error %v", side, err)
		}
	}
}

// TestDeepPNGTakesOnePicture: 16 bits a sample are brought to 8 row by row.
func TestDeepPNGTakesOnePicture(t *testing.T) {
	var deep pillowtest.Picture
	for _, g := range goldens(t) {
		if g.What == "PNG kind 6 depth 16" {
			deep = g
		}
	}
	m, err := Decode(deep.Data)
	deep.Check(t, m, err)
	if len(m.Pix) != 4*deep.Width*deep.Height {
		t.Errorf("%d bytes for %d x %d pixels", len(m.Pix), deep.Width, deep.Height)
	}
}

func FuzzDamaged(f *testing.F) {
	for i, g := range pillowtest.Read(f, "testdata/damaged.jsonl") {
		if i%7 == 0 && len(g.Data) < 2000 {
			f.Add(g.Data)
		}
	}
	limits := Limits{Pixels: 1 << 12, Bytes: 1 << 14}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := limits.Decode(bytes.Clone(data))
		if err == nil && (m.Rect.Empty() || !m.Opaque()) {
			t.Fatalf("bounds %v, opaque %v", m.Rect, m.Opaque())
		}
		if err != nil && strings.Contains(err.Error(), "damaged file (") {
			t.Fatalf("a reader panics: %v", err)
		}
	})
}
