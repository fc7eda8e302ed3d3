package jpeg

import (
	"errors"
	"fmt"
	"image"
)

// ErrTruncated says that the file ends before its picture does.
var ErrTruncated = errors.New("file is truncated")

// Markers that the decoder acts on.
const (
	mSOF0  = 0xc0 // baseline
	mSOF1  = 0xc1 // extended sequential
	mSOF2  = 0xc2 // progressive
	mDHT   = 0xc4
	mJPG   = 0xc8
	mDAC   = 0xcc
	mSOF15 = 0xcf
	mRST0  = 0xd0
	mRST7  = 0xd7
	mSOI   = 0xd8
	mEOI   = 0xd9
	mSOS   = 0xda
	mDQT   = 0xdb
	mDRI   = 0xdd
	mAPP0  = 0xe0
	mAPP14 = 0xee
	mTEM   = 0x01
)

// maxScans bounds the passes over the coefficients that a file may ask for;
// encoders write about ten.
const maxScans = 500

// decoder holds the state of one file.
type decoder struct {
	data []byte
	pos  int

	width, height int
	comps         []component
	hMax, vMax    int // largest sampling factors
	mcusX, mcusY  int // size in interleaved coding units
	progressive   bool

	quant   [4][64]uint16 // in zigzag order
	dcTable [4]huffman
	acTable [4]huffman
	restart int // coding units between restart markers, 0 for none

	jfif, adobe bool
	transform   byte // Adobe's colour transform
	scans       int
}

// component is one colour channel.
type component struct {
	id         byte
	h, v       int // sampling factors
	tq         int // quantisation table
	quant      [64]uint16
	hasQuant   bool
	seen       bool
	blocksX    int // blocks across that hold picture
	blocksY    int
	strideX    int // blocks across that are stored, whole coding units
	pixels     []uint8
	stride     int     // of pixels
	coeffs     []int16 // progressive only: 64 per stored block
	width      int     // samples that hold picture
	rows       int
	dcPredict  int32
	dcSel      int
	acSel      int
	hExp, vExp int // upsampling factors
}

// Size returns the width and height a file declares, without decoding it.
func Size(data []byte) (width, height int, err error) {
	d := decoder{data: data}
	if err := d.segments(true); err != nil {
		return 0, 0, err
	}
	return d.width, d.height, nil
}

// Decode returns the picture as opaque RGB.
func Decode(data []byte) (*image.NRGBA, error) {
	d := decoder{data: data}
	if err := d.segments(false); err != nil {
		return nil, err
	}
	for i := range d.comps {
		if !d.comps[i].seen {
			return nil, fmt.Errorf("no scan holds component %d", i)
		}
	}
	if d.progressive {
		d.reconstruct()
	}
	return d.picture(), nil
}

// segments reads markers up to the end of the picture, or only up to the frame
// header.
func (d *decoder) segments(headerOnly bool) error {
	if len(d.data) < 2 || d.data[0] != 0xff || d.data[1] != mSOI {
		return errors.New("does not start as a JPEG file")
	}
	d.pos = 2
	for {
		marker, ok := d.nextMarker()
		switch {
		case !ok && d.complete():
			return nil
		case !ok:
			return ErrTruncated
		case marker == mEOI && d.comps == nil:
			return errors.New("no frame header in it")
		case marker == mEOI:
			return nil
		case marker == mSOI, marker == mTEM, mRST0 <= marker && marker <= mRST7:
			continue
		}
		body, err := d.segment()
		if err != nil {
			return err
		}
		if err := d.handle(marker, body); err != nil {
			return err
		}
		if headerOnly && d.comps != nil {
			return nil
		}
	}
}

// complete reports whether a file without an end marker holds its whole
// picture: a sequential one whose components were all decoded.
func (d *decoder) complete() bool {
	for i := range d.comps {
		if !d.comps[i].seen {
			return false
		}
	}
	return d.comps != nil && !d.progressive
}

// nextMarker skips to the byte after the next marker; bytes that belong to no
// segment are ignored, as libjpeg ignores them.
func (d *decoder) nextMarker() (marker byte, ok bool) {
	for d.pos+1 < len(d.data) {
		if d.data[d.pos] != 0xff {
			d.pos++
			continue
		}
		switch m := d.data[d.pos+1]; m {
		case 0xff:
			d.pos++
		case 0:
			d.pos += 2
		default:
			d.pos += 2
			return m, true
		}
	}
	return 0, false
}

// segment returns the body of the segment at pos and moves past it.
func (d *decoder) segment() ([]byte, error) {
	if d.pos+2 > len(d.data) {
		return nil, ErrTruncated
	}
	n := int(d.data[d.pos])<<8 | int(d.data[d.pos+1])
	if n < 2 {
		return nil, fmt.Errorf("segment of length %d", n)
	}
	if d.pos+n > len(d.data) {
		return nil, ErrTruncated
	}
	body := d.data[d.pos+2 : d.pos+n]
	d.pos += n
	return body, nil
}

func (d *decoder) handle(marker byte, body []byte) error {
	switch {
	case mSOF0 <= marker && marker <= mSOF2:
		d.progressive = marker == mSOF2
		return d.frameHeader(body)
	case marker == mDHT:
		return d.huffmanTables(body)
	case marker == mDQT:
		return d.quantTables(body)
	case marker == mDRI:
		if len(body) != 2 {
			return errors.New("restart interval has a wrong length")
		}
		d.restart = int(body[0])<<8 | int(body[1])
	case marker == mSOS:
		return d.scan(body)
	case marker == mDAC, marker > mSOF2 && marker <= mSOF15 && marker != mJPG:
		return fmt.Errorf("coding process 0x%02x is not supported (only 8-bit baseline and progressive Huffman)", marker)
	case marker == mAPP0:
		d.jfif = d.jfif || len(body) >= 5 && string(body[:5]) == "JFIF\x00"
	case marker == mAPP14:
		if len(body) >= 12 && string(body[:5]) == "Adobe" {
			d.adobe, d.transform = true, body[11]
		}
	}
	return nil
}
