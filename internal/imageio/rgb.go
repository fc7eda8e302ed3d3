package imageio

import (
	"encoding/binary"
	"image"
	"image/color"

	"clipcalib/internal/imageio/jpeg"
)

// ToRGB converts any image as Pillow's convert("RGB") does: alpha is dropped,
// not blended, palettes are looked up, 16-bit colour keeps its high byte, and
// CMYK is multiplied out. YCbCr planes, as Go's own JPEG decoder returns them,
// are upsampled and converted as libjpeg does. The result is an opaque
// *image.NRGBA with bounds starting at (0, 0); its pixels are shared with src
// when src already is one.
func ToRGB(src image.Image) *image.NRGBA {
	if m, ok := src.(*image.NRGBA); ok && m.Rect.Min == (image.Point{}) && isOpaque(m) {
		return m
	}
	if m, ok := src.(*image.YCbCr); ok {
		if rgb := jpeg.Convert(m); rgb != nil {
			return rgb
		}
	}
	b := src.Bounds()
	dst := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		convertRow(dst.Pix[y*dst.Stride:][:4*b.Dx()], src, b.Min.X, b.Min.Y+y)
	}
	return dst
}

// isOpaque is m.Opaque, several pixels at a time: every view of a picture asks.
func isOpaque(m *image.NRGBA) bool {
	const alpha = 0xff000000ff000000
	for y := range m.Rect.Dy() {
		row := m.Pix[y*m.Stride:][:4*m.Rect.Dx()]
		all := uint64(alpha)
		for len(row) >= 16 {
			all &= binary.LittleEndian.Uint64(row) & binary.LittleEndian.Uint64(row[8:])
			row = row[16:]
		}
		for ; len(row) > 0; row = row[4:] {
			all &= uint64(row[3])<<24 | alpha&^0xff000000
		}
		if all != alpha {
			return false
		}
	}
	return true
}

// convertRow writes one row of src, from (x0, y) on, as opaque pixels.
func convertRow(out []byte, src image.Image, x0, y int) {
	n := len(out) / 4
	switch m := src.(type) {
	case *image.NRGBA:
		copy(out, m.Pix[m.PixOffset(x0, y):][:4*n])
		for i := range n {
			out[4*i+3] = 255
		}
	case *image.RGBA:
		pix := m.Pix[m.PixOffset(x0, y):][:4*n]
		copy(out, pix)
		for i := range n {
			if out[4*i+3] != 255 {
				c := straight(m.RGBAAt(x0+i, y))
				setPixel(out, i, c.R, c.G, c.B)
			}
		}
	case *image.Gray:
		for i, v := range m.Pix[m.PixOffset(x0, y):][:n] {
			setPixel(out, i, v, v, v)
		}
	case *image.Paletted:
		for i, v := range m.Pix[m.PixOffset(x0, y):][:n] {
			if int(v) < len(m.Palette) {
				c := straight(m.Palette[v])
				setPixel(out, i, c.R, c.G, c.B)
			} else {
				setPixel(out, i, 0, 0, 0)
			}
		}
	case *image.CMYK:
		pix := m.Pix[m.PixOffset(x0, y):][:4*n]
		for i := range n {
			r, g, b := cmykToRGB(pix[4*i], pix[4*i+1], pix[4*i+2], pix[4*i+3])
			setPixel(out, i, r, g, b)
		}
	default:
		for i := range n {
			c := straight(src.At(x0+i, y))
			setPixel(out, i, c.R, c.G, c.B)
		}
	}
}

func setPixel(out []byte, i int, r, g, b uint8) {
	p := out[4*i:][:4]
	p[0], p[1], p[2], p[3] = r, g, b, 255
}

// straight returns a colour without alpha multiplied in. The types that hold
// straight colour are read directly, since Go's own conversion loses the
// colour of a transparent pixel and Pillow keeps it.
func straight(c color.Color) color.NRGBA {
	switch c := c.(type) {
	case color.NRGBA:
		return c
	case color.NRGBA64:
		return color.NRGBA{uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8), uint8(c.A >> 8)}
	case color.NYCbCrA:
		r, g, b := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
		return color.NRGBA{r, g, b, c.A}
	}
	return color.NRGBAModel.Convert(c).(color.NRGBA)
}

// cmykToRGB multiplies the inks out as Pillow's cmyk2rgb does.
func cmykToRGB(c, m, y, k uint8) (r, g, b uint8) {
	white := uint32(255 - k)
	ink := func(v uint8) uint8 {
		t := uint32(v)*white + 128
		return uint8(white - (t+t>>8)>>8)
	}
	return ink(c), ink(m), ink(y)
}
