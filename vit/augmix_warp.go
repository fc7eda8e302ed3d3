package vit

import (
	"image"
	"math"
)

// matrix is the affine map from output to input coordinates of a geometric
// operation on a w x h picture; false for other operations.
func (s AugMixStep) matrix(w, h int) (a [6]float64, ok bool) {
	sign := 1.0
	if s.Negative {
		sign = -1
	}
	shear := sign * (s.Level * 0.3 / 10)
	shift := func(size int) float64 { return sign * math.Trunc(s.Level*(float64(size)/3)/10) }
	switch s.Op {
	case Rotate:
		return rotation(sign*math.Trunc(s.Level*30/10), w, h), true
	case ShearX:
		return [6]float64{1, shear, 0, 0, 1, 0}, true
	case ShearY:
		return [6]float64{1, 0, 0, shear, 1, 0}, true
	case TranslateX:
		return [6]float64{1, 0, shift(w), 0, 1, 0}, true
	case TranslateY:
		return [6]float64{1, 0, 0, 0, 1, shift(h)}, true
	}
	return a, false
}

// rotation turns about the centre, with the sines rounded to 15 decimals as
// Pillow's Image.rotate rounds them.
func rotation(degrees float64, w, h int) [6]float64 {
	angle := -(math.Mod(degrees+360, 360) * (math.Pi / 180))
	cos, sin := round15(math.Cos(angle)), round15(math.Sin(angle))
	cx, cy := float64(w)/2, float64(h)/2
	a := [6]float64{cos, sin, 0, -sin, cos, 0}
	a[2] = float64(float64(a[0]*-cx)+float64(a[1]*-cy)) + cx
	a[5] = float64(float64(a[3]*-cx)+float64(a[4]*-cy)) + cy
	return a
}

func round15(v float64) float64 { return math.RoundToEven(v*1e15) / 1e15 }

// affine resamples bilinearly as Pillow's Geometry.c does: pixel centres lie at
// halves, outputs that fall outside the picture are black, edges repeat within
// half a pixel, and the result is truncated.
func affine(m *image.NRGBA, a [6]float64) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			px := out.Pix[y*out.Stride+4*x:][:4]
			px[3] = 255
			xo, yo := float64(x)+0.5, float64(y)+0.5
			xi := float64(float64(a[0]*xo)+float64(a[1]*yo)) + a[2]
			yi := float64(float64(a[3]*xo)+float64(a[4]*yo)) + a[5]
			if xi >= 0 && xi < float64(w) && yi >= 0 && yi < float64(h) {
				bilinearAt(px, m, xi-0.5, yi-0.5)
			}
		}
	}
	return out
}

// bilinearAt writes the colour at a point given in pixel indices.
func bilinearAt(px []uint8, m *image.NRGBA, x, y float64) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	fx, fy := math.Floor(x), math.Floor(y)
	dx, dy := x-fx, y-fy
	x0, y0 := int(fx), int(fy)
	left, right := 4*min(max(x0, 0), w-1), 4*min(max(x0+1, 0), w-1)
	upper := m.Pix[m.Stride*min(max(y0, 0), h-1):]
	lower := upper
	if y0+1 < h {
		lower = m.Pix[m.Stride*(y0+1):]
	}
	mix := func(a, b, t float64) float64 { return a + float64((b-a)*t) }
	for c := range 3 {
		top := mix(float64(upper[left+c]), float64(upper[right+c]), dx)
		bottom := mix(float64(lower[left+c]), float64(lower[right+c]), dx)
		px[c] = uint8(mix(top, bottom, dy))
	}
}
