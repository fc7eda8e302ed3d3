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
	mSOF3  = 0xc3 // lossless
	mDHT   = 0xc4
	mJPG   = 0xc8
	mSOF9  = 0xc9 // arithmetic coding: sequential,
	mSOF10 = 0xca // progressive
	mSOF11 = 0xcb // and lossless
	mDAC   = 0xcc
	mSOF15 = 0xcf
	mRST0  = 0xd0
	mRST7  = 0xd7
	mSOI   = 0xd8
	mEOI   = 0xd9
	mSOS   = 0xda
	mDQT   = 0xdb
	mDRI   = 0xdd
	mDHP   = 0xde
	mEXP   = 0xdf
	mAPP0  = 0xe0
	mAPP14 = 0xee
	mAPP15 = 0xef
	mCOM   = 0xfe
	mTEM   = 0x01
)

// maxScans bounds the passes over the coefficients that a file may ask for;
// encoders write about ten.
const maxScans = 500

// readBlock is the number of bytes Pillow hands to libjpeg at a time. What
// lies in the blocks after the one that completes a picture is never looked at.
const readBlock = 1 << 16

// decoder holds the state of one file.
type decoder struct {
	data   []byte
	pos    int
	unread byte // marker met at the end of entropy-coded data, 0 for none

	width, height int
	comps         []component
	hMax, vMax    int // largest sampling factors
	mcusX, mcusY  int // size in interleaved coding units
	progressive   bool
	buffered      bool // several scans: coefficients are gathered before any is transformed

	quant    [4][64]uint16 // in zigzag order
	hasQuant [4]bool
	dcTable  [4]huffman
	acTable  [4]huffman
	restart  int // coding units between restart markers, 0 for none

	jfif, adobe bool
	transform   byte // Adobe's colour transform
	scans       int
	inner       bool // the file is part of another
	pixels      int  // bound of an inner picture's size
	lastGood    int  // last row of coding units that the last scan's data reached
}

// component is one colour channel.
type component struct {
	id         byte
	h, v       int // sampling factors
	tq         int // quantisation table
	quant      [64]uint16
	hasQuant   bool
	blocksX    int // blocks across that hold picture
	blocksY    int
	strideX    int // blocks across that are stored, whole coding units
	pixels     []uint8
	stride     int     // of pixels
	coeffs     []int16 // where buffered: 64 per stored block, row by row
	bits       [64]int // progressive: bits still unknown of each coefficient, -1 if none is known
	bitsBefore [64]int // the same before the last scan
	width      int     // samples that hold picture
	rows       int
	dcPredict  int32
	dcSel      int
	acSel      int
	hExp, vExp int      // upsampling factors
	sums       []uint16 // room for upsampling
}

// Decode returns the picture as opaque RGB.
func Decode(data []byte) (*image.NRGBA, error) {
	if _, _, err := Size(data); err != nil {
		return nil, err
	}
	d := decoder{data: data}
	if err := d.segments(); err != nil {
		return nil, err
	}
	if d.buffered {
		d.reconstruct()
	}
	return d.picture(), nil
}

// segments reads markers up to the end of the picture.
func (d *decoder) segments() error {
	if len(d.data) < 2 || d.data[0] != 0xff || d.data[1] != mSOI {
		return errors.New("does not start as a JPEG file")
	}
	d.pos = 2
	for {
		marker := d.unread
		d.unread = 0
		if marker == 0 {
			var ok bool
			if marker, ok = d.nextMarker(); !ok {
				return d.endOfFile()
			}
		}
		if marker == mEOI {
			if d.comps == nil {
				return d.tablesOnly()
			}
			if d.scans == 0 {
				return errors.New("no scan in it")
			}
			return nil
		}
		if err := d.handle(marker); err != nil {
			if errors.Is(err, ErrTruncated) {
				return d.endOfFile()
			}
			return err
		}
	}
}

// endOfFile judges a file without an end marker. Pillow shows a picture as
// soon as it is whole, which one of several scans is only at the end marker.
func (d *decoder) endOfFile() error {
	if d.scans == 1 && !d.buffered && d.lastGood == whole {
		return nil
	}
	return ErrTruncated
}

// whole, as lastGood, says that a scan was decoded to its end.
const whole = 1 << 30

// errTablesOnly says that a file holds tables and no picture.
var errTablesOnly = errors.New("no picture in it")

// tablesOnly goes on with the file that follows a file of tables alone, as
// "abbreviated" streams have them.
func (d *decoder) tablesOnly() error {
	rest := d.data[d.pos:]
	if len(rest) == 0 {
		return errTablesOnly
	}
	next := decoder{data: rest, quant: d.quant, hasQuant: d.hasQuant, dcTable: d.dcTable, acTable: d.acTable}
	*d = next
	return d.segments()
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

// segment returns the body of the segment at pos and moves past it. A length
// below 2, which is impossible, stands for an empty body.
func (d *decoder) segment() ([]byte, error) {
	if d.pos+2 > len(d.data) {
		return nil, ErrTruncated
	}
	n := max(2, int(d.data[d.pos])<<8|int(d.data[d.pos+1]))
	if d.pos+n > len(d.data) {
		return nil, ErrTruncated
	}
	body := d.data[d.pos+2 : d.pos+n]
	d.pos += n
	return body, nil
}

// handle acts on one marker other than the end marker.
func (d *decoder) handle(marker byte) error {
	switch {
	case mRST0 <= marker && marker <= mRST7, marker == mTEM:
		return nil
	case marker == mSOI:
		return errors.New("a second picture starts inside the first")
	case isFrameHeader(marker) && marker > mSOF2:
		return known(marker)
	case marker < mSOF0, marker == mJPG, marker == mEXP, marker > mAPP15 && marker != mCOM:
		return fmt.Errorf("marker 0x%02x is not known", marker)
	}
	body, err := d.segment()
	if err != nil {
		if bad := d.begun(marker); bad != nil {
			return bad
		}
		return err
	}
	if len(body) == 0 && (marker == mDHT || marker == mDQT || marker == mDAC) && d.data[d.pos-1] < 2 {
		return errors.New("segment of an impossible length")
	}
	switch marker {
	case mSOF0, mSOF1, mSOF2:
		d.progressive = marker == mSOF2
		return d.frameHeader(body)
	case mDHT:
		return d.huffmanTables(body)
	case mDQT:
		return d.quantTables(body)
	case mDAC:
		return conditioning(body)
	case mDRI:
		if len(body) != 2 {
			return errors.New("restart interval has a wrong length")
		}
		d.restart = int(body[0])<<8 | int(body[1])
	case mSOS:
		return d.scan(body)
	case mAPP0:
		d.jfif = d.jfif || len(body) >= 14 && string(body[:5]) == "JFIF\x00"
	case mAPP14:
		if len(body) >= 12 && string(body[:5]) == "Adobe" {
			d.adobe, d.transform = true, body[11]
		}
	}
	return nil
}
