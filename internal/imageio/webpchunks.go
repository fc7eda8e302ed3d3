package imageio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
)

// webpFile is what a WebP container says of its first frame.
type webpFile struct {
	width, height int             // of the canvas
	frame         image.Rectangle // of the first frame within it
	lossless      bool
	data          []byte // the frame's bitstream
	alpha         []byte // its alpha channel, nil if there is none
	flags         byte   // of an extended file
	frames        int
}

// Flags of an extended file.
const (
	webpAnimated = 0x02
	webpAlpha    = 0x10
	webpAllFlags = 0x3e
)

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

func webpSize(data []byte) (image.Config, error) {
	f, err := parseWebP(data)
	return image.Config{Width: f.width, Height: f.height}, err
}

var (
	errWebPShort = errors.New("file is truncated")
	errWebP      = errors.New("damaged container")
)

// parseWebP finds the picture, or the first frame of an animation, and checks
// the container as libwebp's demultiplexer does: every chunk must be whole and
// lie within the file.
func parseWebP(data []byte) (webpFile, error) {
	var f webpFile
	size := int(binary.LittleEndian.Uint32(data[4:]))
	if len(data) < 20 || size > len(data)-8 {
		return f, errWebPShort
	}
	if size < 12 || size > math.MaxUint32-9 {
		return f, errWebP
	}
	data = data[:8+size]
	r := &webpReader{data[12:]}
	var err error
	switch string(data[12:16]) {
	case "VP8 ", "VP8L":
		err = f.still(r)
	case "VP8X":
		err = f.extended(r)
	default:
		err = errors.New("no picture in it")
	}
	if err == nil && f.data == nil {
		err = errors.New("no picture in it")
	}
	return f, err
}

// webpReader takes RIFF chunks off the front of a slice.
type webpReader struct{ rest []byte }

// webpChunk is a chunk's name and body; padded is its length with padding.
type webpChunk struct {
	id     string
	body   []byte
	padded int
}

// peek returns the next chunk, which must be whole with its padding.
func (r *webpReader) peek() (webpChunk, error) {
	if len(r.rest) < 8 {
		return webpChunk{}, errWebPShort
	}
	size := int(binary.LittleEndian.Uint32(r.rest[4:]))
	padded := size + size&1
	if padded > len(r.rest)-8 {
		return webpChunk{}, errWebPShort
	}
	return webpChunk{string(r.rest[:4]), r.rest[8 : 8+size], padded}, nil
}

func (r *webpReader) skip(c webpChunk) { r.rest = r.rest[8+c.padded:] }

// still reads a picture's chunks: alpha, then one bitstream.
func (f *webpFile) still(r *webpReader) error {
	size, alpha, err := f.picture(r, true)
	if err != nil {
		return err
	}
	if f.width == 0 {
		f.width, f.height = size.X, size.Y
	}
	if size != image.Pt(f.width, f.height) {
		return f.mismatch(image.Pt(f.width, f.height), size)
	}
	f.frame = image.Rect(0, 0, f.width, f.height)
	if f.flags&webpAlpha != 0 {
		f.alpha = alpha
	}
	return nil
}

func (f *webpFile) mismatch(want, got image.Point) error {
	return fmt.Errorf("header says %d x %d pixels, the picture has %d x %d", want.X, want.Y, got.X, got.Y)
}

// picture reads the chunks of one picture up to one that belongs to none, and
// keeps its bitstream where asked to.
func (f *webpFile) picture(r *webpReader, keep bool) (size image.Point, alpha []byte, err error) {
	var data []byte
	for len(r.rest) > 0 {
		c, err := r.peek()
		if err != nil {
			return size, nil, err
		}
		switch {
		case c.id == "ALPH" && alpha == nil && data == nil:
			alpha = c.body
		case c.id == "VP8L" && alpha != nil, c.id == "ALPH" && alpha == nil:
			return size, nil, errWebP
		case (c.id == "VP8 " || c.id == "VP8L") && data == nil:
			data = c.body
			if size, err = bitstreamSize(c.id == "VP8L", data); err != nil {
				return size, nil, err
			}
			if keep {
				f.data, f.lossless = data, c.id == "VP8L"
			}
		default:
			if data == nil {
				return size, nil, errWebP
			}
			return size, alpha, nil
		}
		r.skip(c)
	}
	if data == nil {
		return size, nil, errWebP
	}
	return size, alpha, nil
}

// bitstreamSize checks the head of a bitstream as libwebp does and returns the
// picture's size.
func bitstreamSize(lossless bool, b []byte) (image.Point, error) {
	if lossless {
		if len(b) < 5 || b[0] != 0x2f || b[4]>>5 != 0 {
			return image.Point{}, errors.New("damaged lossless picture")
		}
		bits := int(binary.LittleEndian.Uint32(b[1:]))
		return image.Pt(1+bits&0x3fff, 1+bits>>14&0x3fff), nil
	}
	if len(b) < 10 || string(b[3:6]) != "\x9d\x01\x2a" {
		return image.Point{}, errors.New("damaged lossy picture")
	}
	bits := uint24(b)
	size := image.Pt(int(binary.LittleEndian.Uint16(b[6:]))&0x3fff, int(binary.LittleEndian.Uint16(b[8:]))&0x3fff)
	isKey, profile, shown, partition := bits&1 == 0, bits>>1&7, bits>>4&1 != 0, bits>>5
	if !isKey || profile > 3 || !shown || partition >= len(b) || size.X == 0 || size.Y == 0 {
		return size, errors.New("damaged lossy picture")
	}
	return size, nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// extended reads a file with an extended header.
func (f *webpFile) extended(r *webpReader) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	if len(c.body) != 10 {
		return errors.New("damaged extended header")
	}
	r.skip(c)
	f.flags = c.body[0]
	f.width, f.height = 1+uint24(c.body[4:]), 1+uint24(c.body[7:])
	if uint64(f.width)*uint64(f.height) >= 1<<32 || f.flags&^webpAllFlags != 0 {
		return errors.New("damaged extended header")
	}
	animation := false
	for len(r.rest) > 0 {
		c, err := r.peek()
		if err != nil {
			return err
		}
		switch c.id {
		case "VP8X":
			return errWebP
		case "ALPH", "VP8 ", "VP8L":
			if animation || f.flags&webpAnimated != 0 || f.data != nil {
				return errWebP
			}
			if err := f.still(r); err != nil {
				return err
			}
			continue
		case "ANIM":
			if c.padded < 6 {
				return errWebP
			}
			animation = true
		case "ANMF":
			if !animation {
				return errWebP
			}
			if err := f.animated(r, c); err != nil {
				return err
			}
			continue
		}
		r.skip(c)
	}
	return nil
}

// animated reads a frame of an animation, which is kept if it is the first.
func (f *webpFile) animated(r *webpReader, c webpChunk) error {
	if c.padded < 16 {
		return errWebP
	}
	b := r.rest[8:]
	at := image.Pt(2*uint24(b), 2*uint24(b[3:]))
	declared := image.Pt(1+uint24(b[6:]), 1+uint24(b[9:]))
	if uint64(declared.X)*uint64(declared.Y) >= 1<<32 {
		return errWebP
	}
	inner := &webpReader{b[16:]}
	before := len(inner.rest)
	isFrame := f.flags&webpAnimated != 0
	size, alpha, err := f.picture(inner, isFrame && f.frames == 0)
	if err != nil {
		return err
	}
	if before-len(inner.rest) > c.padded-16 {
		return errWebP
	}
	r.rest = inner.rest
	if !isFrame {
		return nil
	}
	frame := image.Rectangle{at, at.Add(size)}
	if !frame.In(image.Rect(0, 0, f.width, f.height)) {
		return errors.New("frame of an animation lies outside its canvas")
	}
	if f.frames == 0 {
		f.frame, f.alpha = frame, alpha
	}
	f.frames++
	return nil
}
