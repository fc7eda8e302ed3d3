package weights

import (
	"os"
	"testing"
)

// BenchmarkOpenAndReadAll opens the checkpoint CLIPCALIB_WEIGHTS names and
// reads every tensor as float32, as loading a model does.
func BenchmarkOpenAndReadAll(b *testing.B) {
	path := os.Getenv("CLIPCALIB_WEIGHTS")
	if path == "" {
		path = fixture("clip_zip.pt")
	}
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(f.Size())
		for _, name := range f.Names() {
			t, _ := f.Lookup(name)
			if _, err := t.Float32(); err != nil {
				b.Fatal(err)
			}
		}
		f.Close()
	}
}

func BenchmarkWiden(b *testing.B) {
	const n = 1 << 22
	dst := make([]float32, n)
	for _, d := range []DType{F32, F16, BF16, F64} {
		raw := make([]byte, n*d.Size())
		for i := range raw {
			raw[i] = byte(i * 7)
		}
		b.Run(d.String(), func(b *testing.B) {
			b.SetBytes(n * 4)
			for b.Loop() {
				toFloat32(dst, raw, d)
			}
		})
	}
}
