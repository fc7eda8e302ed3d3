package jpeg

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"clipcalib/internal/imageio/pillowtest"
)

func goldens(tb testing.TB) []pillowtest.Picture {
	tb.Helper()
	if many := os.Getenv("JPEG_GOLDENS"); many != "" {
		return pillowtest.Read(tb, many) // a longer set, made by testdata/golden.py
	}
	return pillowtest.Read(tb, "testdata/golden.jsonl")
}

func TestPixelsEqualPillow(t *testing.T) {
	for _, g := range goldens(t) {
		m, err := Decode(g.Data)
		g.Check(t, m, err)
		w, h, err := Size(g.Data)
		if err != nil || w != g.Width || h != g.Height {
			t.Errorf("%s: Size gives %d x %d, %v", g.What, w, h, err)
		}
	}
}

func find(t *testing.T, part string) pillowtest.Picture {
	t.Helper()
	for _, g := range goldens(t) {
		if strings.Contains(g.What, part) {
			return g
		}
	}
	t.Fatalf("no golden with %q", part)
	return pillowtest.Picture{}
}

func TestEveryCutIsTruncated(t *testing.T) {
	for _, what := range []string{"64x47 {'quality': 75, 'subsampling': 2}",
		"64x47 {'quality': 75, 'subsampling': 2, 'progressive'"} {
		g := find(t, what)
		for n := range len(g.Data) - 2 {
			m, err := Decode(g.Data[:n])
			if err == nil && pillowtest.HashRGB(m) == g.Hash {
				continue // only the end marker and padding bits are gone
			}
			if err == nil {
				t.Fatalf("%s: %d of %d bytes decode to another picture", g.What, n, len(g.Data))
			}
			if n >= 3 && !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s: %d of %d bytes: %v", g.What, n, len(g.Data), err)
			}
		}
	}
}

func TestDamageIsNoPanic(t *testing.T) {
	for _, g := range goldens(t) {
		for i := 2; i < len(g.Data); i += 3 {
			damaged := bytes.Clone(g.Data)
			damaged[i] ^= byte(1 << (i % 8))
			if w, h, err := Size(damaged); err == nil && w*h < 1<<20 {
				_, _ = Decode(damaged)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	sof := func(marker byte, fields ...byte) []byte {
		b := []byte{0xff, 0xd8, 0xff, marker, 0, byte(2 + len(fields))}
		return append(append(b, fields...), 0xff, 0xd9)
	}
	scan := func(file []byte) []byte {
		return append(file[:len(file)-2], 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0xff, 0xd9)
	}
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "does not start"},
		{"only markers", []byte{0xff, 0xd8, 0xff, 0xd9}, "no frame header"},
		{"header, no scan", sof(0xc0, 8, 0, 1, 0, 1, 1, 1, 0x11, 0), "no scan"},
		{"12 bits", sof(0xc1, 12, 0, 1, 0, 1, 1, 1, 0x11, 0), "12 bits"},
		{"lossless", sof(0xc3, 8, 0, 1, 0, 1, 1, 1, 0x11, 0), "lossless JPEG"},
		{"arithmetic", sof(0xc9, 8, 0, 1, 0, 1, 1, 1, 0x11, 0), "arithmetic coding"},
		{"no width", sof(0xc0, 8, 0, 1, 0, 0, 1, 1, 0x11, 0), "0 x 1"},
		{"two components", sof(0xc0, 8, 0, 1, 0, 1, 2, 1, 0x11, 0, 2, 0x11, 0), "2 components"},
		{"fractional sampling", scan(sof(0xc0, 8, 0, 1, 0, 1, 3, 1, 0x31, 0, 2, 0x21, 0, 3, 0x11, 0)), "fractional"},
		{"no quantisation table", scan(sof(0xc0, 8, 0, 1, 0, 1, 1, 1, 0x11, 0)), "quantisation table 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Decode(test.data)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}

// TestLargeClaimsAreCheap: a header that claims 65,535 x 65,535 pixels over a
// few bytes of data is refused before its planes are allocated.
func TestLargeClaimsAreCheap(t *testing.T) {
	g := find(t, "L 21x19")
	data := bytes.Clone(g.Data)
	at := bytes.Index(data, []byte{0xff, 0xc0})
	copy(data[at+5:], []byte{0xff, 0xff, 0xff, 0xff})
	allocated := testing.AllocsPerRun(1, func() {
		if _, err := Decode(data); !errors.Is(err, ErrTruncated) {
			t.Errorf("error %v, want truncated", err)
		}
	})
	if allocated > 20 {
		t.Errorf("%v allocations", allocated)
	}
}

func FuzzDecode(f *testing.F) {
	for i, g := range goldens(f) {
		if i%4 == 0 {
			f.Add(g.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, h, err := Size(data)
		if err != nil || w*h > 1<<12 || len(data) > 1<<14 {
			return
		}
		m, err := Decode(data)
		if err == nil && (m.Rect.Dx() != w || m.Rect.Dy() != h) {
			t.Fatalf("header says %d x %d, picture is %v", w, h, m.Rect)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, g := range goldens(b) {
		if !strings.Contains(g.What, "64x47") {
			continue
		}
		b.Run(strings.ReplaceAll(g.What, " ", ""), func(b *testing.B) {
			b.SetBytes(int64(g.Width * g.Height))
			for b.Loop() {
				if _, err := Decode(g.Data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleDecode() {
	_, err := Decode([]byte{0xff, 0xd8, 0xff})
	fmt.Println(err)
	// Output: no frame header in it: file is truncated
}
