package imageio

import (
	"image"
	"math/rand/v2"
	"testing"
)

func TestOnePixelThatIsNotOpaqueIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		whole := image.NewNRGBA(image.Rect(0, 0, 1+r.IntN(40), 1+r.IntN(20)))
		for i := range whole.Pix {
			if whole.Pix[i] = byte(r.UintN(256)); i%4 == 3 {
				whole.Pix[i] = 255
			}
		}
		if !isOpaque(whole) {
			t.Fatalf("%v is opaque", whole.Rect)
		}
		x, y := r.IntN(whole.Rect.Dx()), r.IntN(whole.Rect.Dy())
		whole.Pix[whole.PixOffset(x, y)+3] = byte(r.UintN(255))
		if isOpaque(whole) != whole.Opaque() {
			t.Errorf("%v: pixel %d, %d is not opaque", whole.Rect, x, y)
		}
		part := whole.SubImage(image.Rect(0, 0, 1+r.IntN(whole.Rect.Dx()), 1+r.IntN(whole.Rect.Dy()))).(*image.NRGBA)
		if isOpaque(part) != part.Opaque() {
			t.Errorf("%v of %v, pixel %d, %d", part.Rect, whole.Rect, x, y)
		}
	}
}
