package tiff

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Photometric interpretations.
const (
	whiteIsZero = 0
	blackIsZero = 1
	rgb         = 2
	paletted    = 3
	cmyk        = 5
	ycbcr       = 6
	cielab      = 8
)

// layout says how samples become colours.
type layout struct {
	photometric int
	bits        int // of a sample
	samples     int // of a pixel
	extra       []int
	format      int // 1 unsigned, 2 signed, 3 floating point
	reversed    bool
	order       binary.ByteOrder
	palette     []byte // three planes: red, green, blue
}

// newLayout reads the tags that decide it and refuses the combinations that
// Pillow's table of modes lacks.
func newLayout(d *directory) (*layout, error) {
	l := &layout{photometric: d.one(tPhotometric, 0), order: d.order, reversed: d.one(tFillOrder, 1) == 2}
	if fill := d.one(tFillOrder, 1); fill != 1 && fill != 2 {
		return nil, fmt.Errorf("bit order %d is not known", fill)
	}
	bits := d.ints(tBits)
	if bits == nil {
		bits = []int{1}
	}
	l.samples, l.extra = d.one(tSamples, 1), d.ints(tExtra)
	if d.one(tPlanar, 1) == 2 && len(l.extra) > 0 && slices.Max(l.extra) == 0 {
		// Unnamed planes at the end are left out.
		bits = bits[:max(0, len(bits)-len(l.extra))]
		l.samples -= len(l.extra)
		l.extra = nil
	}
	if l.samples < 1 || l.samples > 6 || l.samples > len(bits) && len(bits) != 1 {
		return nil, fmt.Errorf("%d samples a pixel with %d bit depths", l.samples, len(bits))
	}
	l.bits = bits[0]
	for _, b := range bits[:min(l.samples, len(bits))] {
		if b != l.bits {
			return nil, fmt.Errorf("samples of different depths (%v bits)", bits)
		}
	}
	formats := d.ints(tFormat)
	if formats == nil {
		formats = []int{1}
	}
	if slices.Max(formats) != slices.Min(formats) {
		return nil, fmt.Errorf("samples of different formats (%v)", formats)
	}
	l.format = formats[0]
	if !l.known() {
		return nil, fmt.Errorf("photometric interpretation %d with %d samples of %d bits (format %d, extra %v) is not "+
			"supported",
			l.photometric, l.samples, l.bits, l.format, l.extra)
	}
	return l, l.readPalette(d)
}

// known reports whether Pillow's table of modes holds the layout.
func (l *layout) known() bool {
	e0 := -1
	if len(l.extra) > 0 {
		e0 = l.extra[0]
	}
	for _, e := range l.extra[min(1, len(l.extra)):] {
		if e != 0 {
			return false
		}
	}
	colours := map[int]int{whiteIsZero: 1, blackIsZero: 1, rgb: 3, paletted: 1, cmyk: 4}[l.photometric]
	big := l.order == binary.BigEndian
	if l.photometric == ycbcr {
		return l.bits == 8 && len(l.extra) == 0 && (l.samples == 1 || l.samples == 3) && !l.reversed && l.format == 1
	}
	spare := l.samples - colours
	unnamed := l.photometric == rgb && spare == 1 && len(l.extra) == 0
	if colours == 0 || spare < 0 || spare != len(l.extra) && !unnamed || l.reversed && spare > 0 {
		return false
	}
	switch l.photometric {
	case whiteIsZero, blackIsZero:
		return l.knownGray(spare, e0, big)
	case paletted:
		small := l.bits == 1 || l.bits == 2 || l.bits == 4 || l.bits == 8
		return l.format == 1 && small && (spare == 0 || spare == 1 && l.bits == 8 && (e0 == 0 || e0 == 2))
	case rgb:
		ok := spare == 0 || unnamed || e0 == 0 || e0 == 1 || e0 == 2 || e0 == 999 && spare == 1 && l.bits == 8
		return l.format == 1 && ok && (l.bits == 8 || l.bits == 16 && spare <= 1 && !l.reversed)
	}
	return l.format == 1 && !l.reversed && (l.bits == 8 && e0 <= 0 || l.bits == 16 && spare == 0) // CMYK
}

func (l *layout) knownGray(spare, e0 int, big bool) bool {
	black := l.photometric == blackIsZero
	if spare > 0 {
		return black && l.format == 1 && l.bits == 8 && spare == 1 && (e0 == 0 || e0 == 2)
	}
	switch l.bits {
	case 1, 2, 4:
		return l.format == 1
	case 8:
		return l.format == 1 || l.format == 2 && black && !l.reversed
	case 12:
		return black && l.format == 1 && !big && !l.reversed
	case 16:
		if l.reversed || !black {
			return l.format == 1 && !big && (black || !l.reversed)
		}
		return l.format == 1 || l.format == 2
	case 32:
		return !l.reversed && (l.format == 3 || black && (l.format == 2 || l.format == 1 && !big))
	}
	return false
}

func (l *layout) readPalette(d *directory) error {
	if l.photometric != paletted {
		return nil
	}
	values := d.ints(tColourMap)
	if values == nil || len(values)/3 > 256 {
		return fmt.Errorf("palette of %d colours", len(values)/3)
	}
	for _, v := range values {
		l.palette = append(l.palette, byte(v>>8))
	}
	return nil
}

// rowBytes is the length of a row of w pixels of so many samples.
func (l *layout) rowBytes(w, samples int) int { return (w*samples*l.bits + 7) / 8 }

// convert turns a row of samples, side by side, into opaque pixels.
func (l *layout) convert(out, in []byte) {
	n, step := len(out)/4, l.samples*l.bits/8
	switch {
	case l.photometric == rgb && l.assigned():
		l.unmultiply(out, in, step)
	case l.photometric == rgb:
		for i := range n {
			set(out, i, l.high(in[i*step:], 0), l.high(in[i*step:], 1), l.high(in[i*step:], 2))
		}
	case l.photometric == cmyk:
		for i := range n {
			p := in[i*step:]
			setInks(out, i, l.high(p, 0), l.high(p, 1), l.high(p, 2), l.high(p, 3))
		}
	case l.photometric == ycbcr && l.samples == 3:
		for i := range n {
			setYCbCr(out, i, in[3*i], in[3*i+1], in[3*i+2])
		}
	default:
		for i := range n {
			v := l.sample(in, i)
			if l.photometric == paletted {
				l.look(out, i, v)
			} else {
				set(out, i, v, v, v)
			}
		}
	}
}

// assigned reports whether colours are multiplied by their alpha.
func (l *layout) assigned() bool { return len(l.extra) > 0 && l.extra[0] == 1 && l.samples > 3 }

// high is the high byte of sample i of a pixel.
func (l *layout) high(p []byte, i int) byte {
	switch {
	case l.bits == 8:
		return p[i]
	case l.order == binary.BigEndian:
		return p[2*i]
	}
	return p[2*i+1]
}

// unmultiply divides colours by their alpha; where it is 0 they are black.
func (l *layout) unmultiply(out, in []byte, step int) {
	for i := range len(out) / 4 {
		p := in[i*step:]
		r, g, b := divide(l.high(p, 0), l.high(p, 1), l.high(p, 2), l.high(p, 3))
		set(out, i, r, g, b)
	}
}

func divide(r, g, b, a byte) (byte, byte, byte) {
	if a == 0 {
		return 0, 0, 0
	}
	by := func(v byte) byte { return byte(min(int(v)*255/int(a), 255)) }
	return by(r), by(g), by(b)
}

// sample is grey or index i of a row, as 8 bits. Pillow's modes of more than 8
// bits have no fixed range and are clipped.
func (l *layout) sample(in []byte, i int) byte {
	switch l.bits {
	case 1, 2, 4, 8:
		at := i * l.bits * l.samples
		v := in[at/8] >> (8 - l.bits - at%8) & byte(1<<l.bits-1)
		if l.photometric == paletted {
			return v
		}
		v *= byte(255 / (1<<l.bits - 1))
		if l.photometric == whiteIsZero {
			v = 255 - v
		}
		return v
	case 12:
		at := i / 2 * 3
		if i%2 == 0 {
			return clip(int(in[at])<<4 | int(in[at+1])>>4)
		}
		return clip(int(in[at+1]&15)<<8 | int(in[at+2]))
	case 16:
		v := int(l.order.Uint16(in[2*i:]))
		if l.format == 2 {
			v = int(int16(v))
		}
		return clip(v)
	}
	v := l.order.Uint32(in[4*i:])
	if l.format == 3 {
		f := math.Float32frombits(v)
		if f >= 255 {
			return 255
		}
		if f > 0 {
			return byte(f)
		}
		return 0
	}
	return clip(int(int32(v)))
}

func clip(v int) byte { return byte(min(max(v, 0), 255)) }

// look sets pixel i to colour v of the palette; beyond it is black.
func (l *layout) look(out []byte, i int, v byte) {
	n := len(l.palette) / 3
	if int(v) >= n {
		set(out, i, 0, 0, 0)
		return
	}
	set(out, i, l.palette[v], l.palette[n+int(v)], l.palette[2*n+int(v)])
}

func set(out []byte, i int, r, g, b byte) {
	p := out[4*i:][:4]
	p[0], p[1], p[2], p[3] = r, g, b, 255
}

// setInks multiplies inks out as Pillow's cmyk2rgb does.
func setInks(out []byte, i int, c, m, y, k byte) {
	white := uint32(255 - k)
	ink := func(v byte) byte {
		t := uint32(v)*white + 128
		return byte(white - (t+t>>8)>>8)
	}
	set(out, i, ink(c), ink(m), ink(y))
}

// Pillow's conversion from YCbCr has tables in 64ths.
var crToR, cbToG, crToG, cbToB = func() (a, b, c, d [256]int) {
	for i := range 256 {
		x := float64(i-128) * 64
		a[i], b[i] = nearest(1.402*x), nearest(-0.34414*x)
		c[i], d[i] = nearest(-0.71414*x), nearest(1.772*x)
	}
	return a, b, c, d
}()

// nearest rounds as the tables were made: by truncation after adding a half.
func nearest(v float64) int { return int(v + 0.5) }

func setYCbCr(out []byte, i int, y, cb, cr byte) {
	l := int(y)
	set(out, i, clip(l+crToR[cr]>>6), clip(l+(cbToG[cb]+crToG[cr])>>6), clip(l+cbToB[cb]>>6))
}
