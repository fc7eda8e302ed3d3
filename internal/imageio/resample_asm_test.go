//go:build (amd64 || arm64) && !noasm

package imageio

import (
	"bytes"
	"image"
	"math/rand/v2"
	"testing"
)

// TestAssemblyResizesAsGoDoes compares random resizes of random pictures.
func TestAssemblyResizesAsGoDoes(t *testing.T) {
	if !fast {
		t.Skip("this processor does not run the assembly")
	}
	defer func() { fast = true }()
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		src := image.NewNRGBA(image.Rect(0, 0, 1+r.IntN(90), 1+r.IntN(90)))
		for i := range src.Pix {
			src.Pix[i] = byte(r.UintN(256))
			if r.IntN(3) == 0 {
				src.Pix[i] = byte(255 * r.IntN(2)) // so that sums overshoot
			}
		}
		w, h := 1+r.IntN(120), 1+r.IntN(120)
		x, y := r.IntN(w), r.IntN(h)
		crop := image.Rect(x, y, x+1+r.IntN(w-x), y+1+r.IntN(h-y))
		f, order := Filter(r.IntN(2)), PassOrder(r.IntN(2))
		resize := func(assembly bool) *image.NRGBA {
			fast = assembly
			m, err := Resize(src, src.Rect, w, h, crop, f, order)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		if a, b := resize(true), resize(false); !bytes.Equal(a.Pix, b.Pix) {
			t.Fatalf("%v to %d x %d, part %v, filter %d, order %d: the results differ", src.Rect, w, h, crop, f, order)
		}
	}
}
