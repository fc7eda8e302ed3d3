package jpeg

import "image"

// Convert upsamples and converts YCbCr planes that another decoder made, as
// this package does with its own. It returns nil for part of a picture whose
// chroma samples do not start where the part does.
func Convert(m *image.YCbCr) *image.NRGBA {
	hExp, vExp := 1, 1
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		hExp = 2
	case image.YCbCrSubsampleRatio420:
		hExp, vExp = 2, 2
	case image.YCbCrSubsampleRatio440:
		vExp = 2
	case image.YCbCrSubsampleRatio411:
		hExp = 4
	case image.YCbCrSubsampleRatio410:
		hExp, vExp = 4, 2
	}
	b := m.Rect
	if b.Empty() || b.Min.X%hExp != 0 || b.Min.Y%vExp != 0 {
		return nil
	}
	w, h := ceilDiv(b.Dx(), hExp), ceilDiv(b.Dy(), vExp)
	at := m.COffset(b.Min.X, b.Min.Y)
	d := decoder{width: b.Dx(), height: b.Dy(), jfif: true, comps: []component{
		{pixels: m.Y[m.YOffset(b.Min.X, b.Min.Y):], stride: m.YStride, width: b.Dx(), rows: b.Dy(), hExp: 1, vExp: 1},
		{pixels: m.Cb[at:], stride: m.CStride, width: w, rows: h, hExp: hExp, vExp: vExp},
		{pixels: m.Cr[at:], stride: m.CStride, width: w, rows: h, hExp: hExp, vExp: vExp},
	}}
	return d.picture()
}
