package jpeg

import "image"

// Conversion from YCbCr in 16-bit fixed point, as libjpeg's jdcolor.c builds
// its tables: R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb.
var (
	crToR, cbToB [256]int32
	crToG, cbToG [256]int32 // still times 65536; cbToG holds the rounding
)

func init() {
	for i := range 256 {
		x := int32(i) - 128
		crToR[i] = (91881*x + 1<<15) >> 16
		cbToB[i] = (116130*x + 1<<15) >> 16
		crToG[i] = -46802 * x
		cbToG[i] = -22554*x + 1<<15
	}
}

func clip(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31)) // 0 below the range, 255 above
	}
	return uint8(v)
}

// ycc converts one pixel.
func ycc(y, cb, cr uint8) (r, g, b uint8) {
	l := int32(y)
	return clip(l + crToR[cr]), clip(l + (cbToG[cb]+crToG[cr])>>16), clip(l + cbToB[cb])
}

// isRGB guesses, as libjpeg does, whether three components are red, green and
// blue rather than YCbCr.
func (d *decoder) isRGB() bool {
	switch {
	case d.jfif:
		return false
	case d.adobe:
		return d.transform == 0
	}
	return d.comps[0].id == 'R' && d.comps[1].id == 'G' && d.comps[2].id == 'B'
}

// picture upsamples the components and converts them to RGB.
func (d *decoder) picture() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, d.width, d.height))
	convert := d.converter()
	buffers := d.buffers()
	rows := make([][]uint8, len(d.comps))
	for y := range d.height {
		for i := range d.comps {
			rows[i] = d.comps[i].row(y, buffers[i])[:d.width]
		}
		convert(m.Pix[y*m.Stride:][:4*d.width], rows)
	}
	return m
}

// buffers is room for a row of each component at full resolution.
func (d *decoder) buffers() [][]uint8 {
	buffers := make([][]uint8, len(d.comps))
	for i := range d.comps {
		c := &d.comps[i]
		buffers[i] = make([]uint8, c.width*c.hExp)
	}
	return buffers
}

// converter chooses the colour conversion of the file.
func (d *decoder) converter() func(out []uint8, rows [][]uint8) {
	switch {
	case len(d.comps) == 1:
		return grayRow
	case len(d.comps) == 4 && d.adobe && d.transform != 0:
		return ycckRow
	case len(d.comps) == 4:
		return cmykRow
	case d.isRGB():
		return rgbRow
	}
	return yccRow
}

func grayRow(out []uint8, rows [][]uint8) {
	for x, v := range rows[0] {
		o := out[4*x:][:4]
		o[0], o[1], o[2], o[3] = v, v, v, 255
	}
}

func rgbRow(out []uint8, rows [][]uint8) {
	for x := range rows[0] {
		o := out[4*x:][:4]
		o[0], o[1], o[2], o[3] = rows[0][x], rows[1][x], rows[2][x], 255
	}
}

func yccRow(out []uint8, rows [][]uint8) {
	ys := rows[0]
	cbs, crs := rows[1][:len(ys)], rows[2][:len(ys)]
	if n := len(ys) / 8 * 8; fast && n > 0 {
		_ = out[4*n-1] // the assembly does not look
		yccAVX2(&out[0], &ys[0], &cbs[0], &crs[0], n)
		out, ys, cbs, crs = out[4*n:], ys[n:], cbs[n:], crs[n:]
	}
	for x, y := range ys {
		o := out[4*x:][:4]
		o[0], o[1], o[2] = ycc(y, cbs[x], crs[x])
		o[3] = 255
	}
}

// cmykRow takes the samples as Adobe writes them, 255 for no ink, which Pillow
// assumes of every four-component file.
func cmykRow(out []uint8, rows [][]uint8) {
	for x := range rows[0] {
		inkRow(out[4*x:][:4], rows[0][x], rows[1][x], rows[2][x], rows[3][x])
	}
}

// ycckRow converts YCbCr to RGB, which libjpeg takes for 255 less the inks;
// Pillow then inverts once more.
func ycckRow(out []uint8, rows [][]uint8) {
	for x := range rows[0] {
		r, g, b := ycc(rows[0][x], rows[1][x], rows[2][x])
		inkRow(out[4*x:][:4], 255-r, 255-g, 255-b, rows[3][x])
	}
}

// inkRow multiplies out inverted inks as Pillow converts CMYK to RGB.
func inkRow(o []uint8, c, m, y, k uint8) {
	white := uint32(k)
	mix := func(inverted uint8) uint8 {
		t := uint32(255-inverted)*white + 128
		return uint8(white - (t+t>>8)>>8)
	}
	o[0], o[1], o[2], o[3] = mix(c), mix(m), mix(y), 255
}
