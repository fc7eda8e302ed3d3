package tiff

import (
	"errors"
	"fmt"
	"image"
)

// Size returns the width and height of the picture once its orientation is
// applied.
func Size(data []byte) (width, height int, err error) {
	d, err := parse(data)
	if err != nil {
		return 0, 0, err
	}
	w, h, err := d.size()
	if err == nil && d.one(tOrientation, 1) >= 5 && d.one(tOrientation, 1) <= 8 {
		w, h = h, w
	}
	return w, h, err
}

// reader decodes the parts (strips or tiles) of one picture.
type reader struct {
	*directory
	layout        *layout
	width, height int
	compression   int
	planar        bool
	tiled         bool
	partW, partH  int
	offsets       []int
	counts        []int
	out           *image.NRGBA
}

// Decode returns the first picture as opaque RGB. The caller bounds its size.
func Decode(data []byte) (*image.NRGBA, error) {
	d, err := parse(data)
	if err != nil {
		return nil, err
	}
	r := &reader{directory: d, compression: d.one(tCompression, 1), planar: d.one(tPlanar, 1) == 2}
	if err := d.check(r.compression != uncompressed); err != nil {
		return nil, err
	}
	if r.width, r.height, err = d.size(); err != nil {
		return nil, err
	}
	if err := supported(r.compression); err != nil {
		return nil, err
	}
	if d.one(tPhotometric, 0) == cielab {
		return nil, errors.New("CIELAB colour is not supported; convert it to RGB")
	}
	if r.layout, err = newLayout(d); err != nil {
		return nil, err
	}
	if err := r.parts(); err != nil {
		return nil, err
	}
	r.out = image.NewNRGBA(image.Rect(0, 0, r.width, r.height))
	switch {
	case r.compression == uncompressed:
		err = r.raw()
	case r.layout.photometric == ycbcr && r.layout.samples == 3 && r.compression != jpegNew:
		err = r.yccParts()
	case r.planar && r.layout.samples > 1:
		err = r.planes()
	default:
		err = r.together()
	}
	if err != nil {
		return nil, err
	}
	r.fillRest()
	return oriented(r.out, d.one(tOrientation, 1)), nil
}

// parts reads where the strips or tiles are.
func (r *reader) parts() error {
	r.offsets, r.counts = r.ints(tStripOffsets), r.ints(tStripCounts)
	r.partW, r.partH = r.width, r.one(tRowsPerStrip, r.height)
	if r.tiled = r.offsets == nil || r.compression != uncompressed && r.ints(tTileWidth) != nil; r.tiled {
		r.offsets, r.counts = r.ints(tTileOffsets), r.ints(tTileCounts)
		if r.offsets == nil {
			r.offsets, r.counts = r.ints(tStripOffsets), r.ints(tStripCounts)
		}
		r.partW, r.partH = r.one(tTileWidth, 0), r.one(tTileHeight, 0)
	} else if r.compression != uncompressed {
		r.partH = min(r.partH, r.height)
	}
	if r.offsets == nil {
		return errors.New("no strips or tiles in it")
	}
	// The last bound keeps a tile's buffer to the order of the file's claims.
	if r.partW < 1 || r.partH < 1 || r.tiled && r.partH > 1<<28/r.partW {
		return fmt.Errorf("strips or tiles of %d x %d pixels", r.partW, r.partH)
	}
	return nil
}

// raw places the parts of a file without compression. Pillow reads these
// itself: it takes as many bytes as a part's pixels need, whatever its count.
func (r *reader) raw() error {
	if l := r.layout; l.reversed && (l.photometric == paletted && l.bits < 8 || l.photometric == whiteIsZero &&
		l.bits == 8) {
		return errors.New("this order of bits without compression is not supported for these pixels")
	}
	offsets := r.offsets
	if r.partW == r.width && r.partH == r.height && !r.planar {
		offsets = offsets[len(offsets)-1:]
	}
	if most := ceilDiv(r.width, r.partW) * ceilDiv(r.height, r.partH) * r.layout.samples; len(offsets) > most {
		return fmt.Errorf("%d strips or tiles where the picture has at most %d", len(offsets), most)
	}
	x, y, layer := 0, 0, 0
	colours := r.colours()
	for _, at := range offsets {
		w, h := min(r.partW, r.width-x), min(r.partH, r.height-y)
		samples := r.layout.samples
		used := r.layout.rowBytes(w, samples)
		stride := used
		if x+r.partW > r.width {
			stride = r.partW * samples * r.layout.bits / 8
		}
		if r.planar {
			if used = w; x+r.partW <= r.width { // planes are taken for 8 bits a sample
				stride = used
			} else {
				stride /= colours
			}
		}
		if stride < used {
			return errors.New("tiles of an impossible layout")
		}
		if at < 0 || at > len(r.data) || len(r.data)-at < stride*(h-1)+used {
			return ErrTruncated
		}
		for row := range h {
			in := r.data[at+row*stride:][:used]
			out := r.out.Pix[r.out.PixOffset(x, y+row):][:4*w]
			if r.planar {
				if err := r.rawPlane(out, in, layer); err != nil {
					return err
				}
			} else {
				r.layout.convert(out, r.straight(in))
			}
		}
		if x += r.partW; x >= r.width {
			if x, y = 0, y+r.partH; y >= r.height {
				y = 0
				layer++
			}
		}
	}
	return r.finishPlanes()
}

// colours is the number of samples by which Pillow divides a tile's stride.
func (r *reader) colours() int {
	n := map[int]int{rgb: 3, ycbcr: 3, cmyk: 4}[r.layout.photometric]
	return max(n, 1) + len(r.layout.extra)
}

// straight undoes the bit order of samples that are not compressed.
func (r *reader) straight(in []byte) []byte {
	if !r.layout.reversed {
		return in
	}
	return reversedBits(in)
}

// rawPlane stores one plane's row in the channel of its own until all are there.
func (r *reader) rawPlane(out, in []byte, layer int) error {
	if p := r.layout.photometric; p != rgb && p != cmyk || layer >= r.layout.samples {
		if r.layout.samples == 1 && r.layout.bits == 8 && layer == 0 && r.layout.photometric != ycbcr {
			r.layout.convert(out, in)
			return nil
		}
		return errors.New("planes of this kind without compression are not supported")
	}
	for i, v := range in {
		out[4*i+layer] = v
	}
	return nil
}

// finishPlanes turns the gathered planes into colours.
func (r *reader) finishPlanes() error {
	l := r.layout
	if !r.planar || l.samples == 1 {
		return nil
	}
	pix := r.out.Pix
	for i := 0; i < len(pix); i += 4 {
		p := pix[i : i+4]
		switch {
		case l.photometric == cmyk:
			setInks(p, 0, p[0], p[1], p[2], p[3])
		case l.photometric == paletted:
			l.look(p, 0, p[0])
		case l.photometric != rgb:
			set(p, 0, p[0], p[0], p[0])
		case r.compression != uncompressed && l.samples > 3 && len(l.extra) > 0 && l.extra[0] < 2:
			red, green, blue := divide(p[0], p[1], p[2], p[3])
			set(p, 0, red, green, blue)
		}
		p[3] = 255
	}
	return nil
}

// fillRest makes pixels that no part covers what zero samples are.
func (r *reader) fillRest() {
	var zero [4]byte
	r.layout.convert(zero[:], make([]byte, 64))
	if r.layout.photometric == whiteIsZero {
		set(zero[:], 0, 0, 0, 0) // Pillow's picture is black before it is read
	}
	for i := 0; i < len(r.out.Pix); i += 4 {
		if r.out.Pix[i+3] == 0 {
			copy(r.out.Pix[i:i+4], zero[:])
		}
	}
}
