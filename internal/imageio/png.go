package imageio

import (
	"bytes"
	"image"
	"image/png"
)

// decodePNG decodes a PNG, or the default picture of an animated one.
func decodePNG(data []byte) (*image.NRGBA, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if deepGray(data) {
		return clippedGray(m), nil
	}
	return ToRGB(m), nil
}

// deepGray reports whether the header says grey of 16 bits without alpha.
func deepGray(data []byte) bool {
	const depth, kind = 24, 25 // positions in the header chunk
	return len(data) > kind && data[depth] == 16 && data[kind] == 0
}

// clippedGray converts 16-bit grey as Pillow converts its mode I;16: values
// above 255 become white, since that mode has no fixed range.
func clippedGray(m image.Image) *image.NRGBA {
	b := m.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		row := out.Pix[y*out.Stride:][:4*b.Dx()]
		for x := range b.Dx() {
			v := gray16At(m, b.Min.X+x, b.Min.Y+y)
			level := uint8(min(v, 255))
			setPixel(row, x, level, level, level)
		}
	}
	return out
}

func gray16At(m image.Image, x, y int) uint16 {
	switch m := m.(type) {
	case *image.Gray16:
		return m.Gray16At(x, y).Y
	case *image.NRGBA64:
		return m.NRGBA64At(x, y).R // grey with one value marked transparent
	}
	r, _, _, _ := m.At(x, y).RGBA()
	return uint16(r)
}
