package imageio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
)

// bmpFile is what the headers of a Windows or OS/2 bitmap say.
type bmpFile struct {
	width, height int
	topDown       bool
	bits          int
	compression   uint32
	colours       int
	palette       []byte // as stored
	entry         int    // bytes of a colour in the palette
	masks         [4]uint32
	offset        int // of the pixels
}

// Compressions of a bitmap.
const (
	bmpRaw, bmpRLE8, bmpRLE4, bmpFields = 0, 1, 2, 3
)

func bmpSize(data []byte) (image.Config, error) {
	f, err := parseBMP(data)
	return image.Config{Width: f.width, Height: f.height}, err
}

var errBMPShort = errors.New("file is truncated")

func parseBMP(data []byte) (bmpFile, error) {
	var f bmpFile
	if len(data) < 18 {
		return f, errBMPShort
	}
	f.offset = int(binary.LittleEndian.Uint32(data[10:]))
	size := int(binary.LittleEndian.Uint32(data[14:]))
	if size < 4 || size > len(data)-14 {
		return f, errBMPShort
	}
	b := data[18 : 14+size]
	rest := &cursor{data[14+size:]}
	switch size {
	case 12:
		f.width, f.height = int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
		f.bits, f.entry = int(binary.LittleEndian.Uint16(b[6:])), 3
	case 40, 52, 56, 64, 108, 124:
		if err := f.infoHeader(b, rest); err != nil {
			return f, err
		}
	default:
		return f, fmt.Errorf("header of %d bytes is not known", size)
	}
	if f.width <= 0 || f.height <= 0 || f.height > math.MaxInt32 || f.width > math.MaxInt32 {
		return f, fmt.Errorf("picture of %d x %d pixels", f.width, f.height)
	}
	if f.bits > 32 {
		return f, fmt.Errorf("%d bits a pixel are not supported", f.bits)
	}
	if f.colours == 0 {
		f.colours = 1 << f.bits
	}
	if f.bits <= 8 {
		if f.colours > 1<<16 {
			return f, fmt.Errorf("palette of %d colours", f.colours)
		}
		if f.offset == 14+size {
			f.offset += f.entry * f.colours
		}
		f.palette = rest.rest[:min(f.entry*f.colours, len(rest.rest))]
		rest.take(len(f.palette))
	}
	if len(f.palette)/f.entry > 256 && !f.grayPalette() {
		return f, fmt.Errorf("palette of %d colours", len(f.palette)/f.entry)
	}
	if f.offset == 0 {
		f.offset = len(data) - len(rest.rest)
	}
	return f, f.check()
}

// infoHeader reads the headers since Windows 3.
func (f *bmpFile) infoHeader(b []byte, rest *cursor) error {
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
	f.width, f.height = int(word(0)), int(word(4))
	if f.topDown = b[7] == 0xff; f.topDown {
		f.height = 1<<32 - f.height
	}
	f.bits, f.compression = int(binary.LittleEndian.Uint16(b[10:])), word(12)
	f.colours, f.entry = int(word(28)), 4
	if f.compression != bmpFields {
		return nil
	}
	masks := f.masks[:3]
	if len(b) >= 52 {
		masks = f.masks[:4]
	}
	fields := b[min(36, len(b)):]
	if len(b) < 48 {
		fields = rest.take(12)
		if fields == nil {
			return errBMPShort
		}
	}
	for i := range masks {
		masks[i] = binary.LittleEndian.Uint32(fields[4*i:])
	}
	return nil
}

// check refuses what Pillow refuses.
func (f *bmpFile) check() error {
	switch f.bits {
	case 1, 4, 8, 16, 24, 32:
	default:
		return fmt.Errorf("%d bits a pixel are not supported", f.bits)
	}
	switch f.compression {
	case bmpRaw:
	case bmpRLE8, bmpRLE4:
	case bmpFields:
		if f.fields() == nil {
			return errors.New("layout of the colours' bits is not supported")
		}
	default:
		return fmt.Errorf("compression %d is not supported", f.compression)
	}
	return nil
}

// bmpRow converts one row of pixels.
type bmpRow func(out, in []byte)

// fields is the conversion that the masks ask for, nil if there is none.
func (f *bmpFile) fields() bmpRow {
	order := func(r, g, b int) bmpRow {
		return func(out, in []byte) {
			for i := range len(out) / 4 {
				setPixel(out, i, in[4*i+r], in[4*i+g], in[4*i+b])
			}
		}
	}
	rgb := [3]uint32(f.masks[:3])
	switch f.bits {
	case 32:
		switch f.masks {
		case [4]uint32{0xff0000, 0xff00, 0xff, 0}, [4]uint32{0xff0000, 0xff00, 0xff, 0xff000000}, [4]uint32{}:
			return order(2, 1, 0)
		case [4]uint32{0xff000000, 0xff0000, 0xff00, 0}, [4]uint32{0xff000000, 0xff0000, 0xff00, 0xff}:
			return order(3, 2, 1)
		case [4]uint32{0xff000000, 0xff00, 0xff, 0}, [4]uint32{0xff000000, 0xff00, 0xff, 0xff0000}:
			return order(3, 1, 0)
		case [4]uint32{0xff, 0xff00, 0xff0000, 0xff000000}:
			return order(0, 1, 2)
		}
	case 24:
		if rgb == [3]uint32{0xff0000, 0xff00, 0xff} {
			return bgrRow
		}
	case 16:
		switch rgb {
		case [3]uint32{0xf800, 0x7e0, 0x1f}:
			return sixteenRow(11, 6)
		case [3]uint32{0x7c00, 0x3e0, 0x1f}:
			return sixteenRow(10, 5)
		}
	}
	return nil
}

func bgrRow(out, in []byte) {
	for i := range len(out) / 4 {
		setPixel(out, i, in[3*i+2], in[3*i+1], in[3*i])
	}
}

// sixteenRow converts pixels of 5 bits of blue, some of green and 5 of red.
func sixteenRow(red, green int) bmpRow {
	most := 1<<green - 1
	return func(out, in []byte) {
		for i := range len(out) / 4 {
			v := int(binary.LittleEndian.Uint16(in[2*i:]))
			setPixel(out, i, uint8(v>>red&31*255/31), uint8(v>>5&most*255/most), uint8(v&31*255/31))
		}
	}
}

// row is the conversion of the file's pixels.
func (f *bmpFile) row() bmpRow {
	switch {
	case f.compression == bmpFields:
		return f.fields()
	case f.bits == 16:
		return sixteenRow(10, 5)
	case f.bits == 24:
		return bgrRow
	case f.bits == 32:
		return func(out, in []byte) {
			for i := range len(out) / 4 {
				setPixel(out, i, in[4*i+2], in[4*i+1], in[4*i])
			}
		}
	}
	return f.indexedRow(f.bits)
}

// indexedRow looks indices of so many bits up. A palette of greys in order is
// ignored by Pillow, whose pixels then are the indices' own levels.
func (f *bmpFile) indexedRow(bits int) bmpRow {
	gray := f.grayPalette()
	mask := byte(1<<bits - 1)
	return func(out, in []byte) {
		for i := range len(out) / 4 {
			at := i * bits
			v := in[at/8] >> (8 - bits - at%8) & mask
			switch p := f.entry * int(v); {
			case gray:
				v *= 255 / mask
				setPixel(out, i, v, v, v)
			case p+3 <= len(f.palette)/f.entry*f.entry && int(v) < 256:
				setPixel(out, i, f.palette[p+2], f.palette[p+1], f.palette[p])
			default:
				setPixel(out, i, 0, 0, 0)
			}
		}
	}
}

// grayPalette reports whether the palette is levels of grey in order.
func (f *bmpFile) grayPalette() bool {
	for i := range f.colours {
		level := i
		if f.colours == 2 {
			level = 255 * i
		}
		at := i * f.entry
		if at+3 > len(f.palette) || level > 255 {
			return false
		}
		for _, v := range f.palette[at : at+3] {
			if int(v) != level {
				return false
			}
		}
	}
	return true
}

func decodeBMP(data []byte) (*image.NRGBA, error) {
	f, err := parseBMP(data)
	if err != nil {
		return nil, err
	}
	pixels := data[min(f.offset, len(data)):]
	convert, stride := f.row(), (f.width*f.bits+31)/32*4
	if f.compression == bmpRLE8 || f.compression == bmpRLE4 {
		if f.bits > 8 {
			return nil, errors.New("run lengths of pixels without a palette")
		}
		pixels = unpackBMP(pixels, f)
		convert, stride = f.indexedRow(8), f.width
	}
	used := (f.width*f.bits + 7) / 8
	if stride == f.width && f.compression != bmpRaw {
		used = f.width
	}
	if len(pixels) < stride*(f.height-1)+used {
		return nil, errBMPShort
	}
	m := image.NewNRGBA(image.Rect(0, 0, f.width, f.height))
	for y := range f.height {
		to := f.height - 1 - y
		if f.topDown {
			to = y
		}
		convert(m.Pix[to*m.Stride:][:4*f.width], pixels[y*stride:])
	}
	return m, nil
}
