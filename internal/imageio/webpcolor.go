package imageio

import "image"

// videoToRGB converts the 4:2:0 planes of a lossy WebP as libwebp does: chroma
// interpolated with weights 9, 3, 3 and 1 sixteenths, and the studio-range
// BT.601 matrix in 14-bit fixed point.
func videoToRGB(m *image.YCbCr) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	half := (w + 1) / 2
	cb, cr := make([]uint8, 2*half), make([]uint8, 2*half)
	for y := range h {
		near := y / 2
		far := near - 1
		if y&1 == 1 {
			far = near + 1
		}
		far = min(max(far, 0), (h+1)/2-1)
		interpolate(cb, m.Cb[near*m.CStride:][:half], m.Cb[far*m.CStride:][:half])
		interpolate(cr, m.Cr[near*m.CStride:][:half], m.Cr[far*m.CStride:][:half])
		luma := m.Y[y*m.YStride:][:w]
		row := out.Pix[y*out.Stride:][:4*w]
		for x, l := range luma {
			r, g, b := videoPixel(int(l), int(cb[x]), int(cr[x]))
			setPixel(row, x, r, g, b)
		}
	}
	return out
}

// interpolate computes one row of chroma at full resolution from the stored
// rows nearest and second nearest to it. libwebp rounds in two steps, through
// the average of a diagonal.
func interpolate(out, near, far []uint8) {
	n := len(near)
	edge := func(x int) uint8 { return uint8((3*int(near[x]) + int(far[x]) + 2) >> 2) }
	out[0] = edge(0)
	for x := 1; x < n; x++ {
		nl, nr := int(near[x-1]), int(near[x])
		fl, fr := int(far[x-1]), int(far[x])
		sum := nl + nr + fl + fr + 8
		out[2*x-1] = uint8(((sum+2*(nr+fl))>>3 + nl) >> 1)
		out[2*x] = uint8(((sum+2*(nl+fr))>>3 + nr) >> 1)
	}
	out[2*n-1] = edge(n - 1)
}

func videoPixel(y, u, v int) (r, g, b uint8) {
	mul := func(v, coefficient int) int { return v * coefficient >> 8 }
	clip6 := func(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }
	l := mul(y, 19077)
	r = clip6(l + mul(v, 26149) - 14234)
	g = clip6(l - mul(u, 6419) - mul(v, 13320) + 8708)
	b = clip6(l + mul(u, 33050) - 17685)
	return r, g, b
}
