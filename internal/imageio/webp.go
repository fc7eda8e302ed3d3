package imageio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
)

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// webpFile is what a WebP container says of its first frame.
type webpFile struct {
	width, height int             // of the canvas
	frame         image.Rectangle // of the first frame within it
	lossless      bool
	data          []byte // the frame's bitstream
}

func webpSize(data []byte) (image.Config, error) {
	f, err := parseWebP(data)
	return image.Config{Width: f.width, Height: f.height}, err
}

// parseWebP finds the picture, or the first frame of an animation.
func parseWebP(data []byte) (webpFile, error) {
	var f webpFile
	chunks := data[12:]
	for len(chunks) >= 8 {
		id, body, rest := nextChunk(chunks)
		switch id {
		case "VP8X":
			if len(body) < 10 {
				return f, errors.New("damaged extended header")
			}
			f.width, f.height = 1+uint24(body[4:]), 1+uint24(body[7:])
		case "ANMF":
			if len(body) < 16 || f.width == 0 {
				return f, errors.New("damaged frame of an animation")
			}
			at := image.Pt(2*uint24(body), 2*uint24(body[3:]))
			f.frame = image.Rectangle{at, at.Add(image.Pt(1+uint24(body[6:]), 1+uint24(body[9:])))}
			if !f.frame.In(image.Rect(0, 0, f.width, f.height)) {
				return f, errors.New("frame of an animation lies outside its canvas")
			}
			rest = body[16:] // its chunks follow inside
		case "VP8 ", "VP8L":
			f.data, f.lossless = body, id == "VP8L"
			return f, f.bitstreamSize()
		}
		chunks = rest
	}
	return f, errors.New("no picture in it, or file is truncated")
}

// nextChunk splits a RIFF chunk off; a chunk that is cut short has what is left.
func nextChunk(b []byte) (id string, body, rest []byte) {
	size := int(binary.LittleEndian.Uint32(b[4:]))
	id, b = string(b[:4]), b[8:]
	if size >= len(b) {
		return id, b, nil
	}
	return id, b[:size], b[min(size+size&1, len(b)):]
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// bitstreamSize reads the picture's own size and checks it against the
// container's.
func (f *webpFile) bitstreamSize() error {
	var w, h int
	if f.lossless {
		c, err := vp8l.DecodeConfig(bytes.NewReader(f.data))
		if err != nil {
			return err
		}
		w, h = c.Width, c.Height
	} else {
		d := vp8.NewDecoder()
		d.Init(bytes.NewReader(f.data), len(f.data))
		header, err := d.DecodeFrameHeader()
		if err != nil {
			return err
		}
		w, h = header.Width, header.Height
	}
	if f.width == 0 {
		f.width, f.height = w, h
	}
	if f.frame.Empty() {
		f.frame = image.Rect(0, 0, f.width, f.height)
	}
	if w != f.frame.Dx() || h != f.frame.Dy() {
		return fmt.Errorf("header says %d x %d pixels, the picture has %d x %d", f.frame.Dx(), f.frame.Dy(), w, h)
	}
	return nil
}

// decodeWebP decodes the picture, or an animation's first frame on a black
// canvas. Alpha is dropped.
func decodeWebP(data []byte) (*image.NRGBA, error) {
	f, err := parseWebP(data)
	if err != nil {
		return nil, err
	}
	picture, err := f.decode()
	if err != nil {
		return nil, err
	}
	canvas := image.Rect(0, 0, f.width, f.height)
	if f.frame == canvas {
		return picture, nil
	}
	m := blank(canvas.Dx(), canvas.Dy())
	for y := range f.frame.Dy() {
		copy(m.Pix[m.PixOffset(f.frame.Min.X, f.frame.Min.Y+y):], picture.Pix[y*picture.Stride:][:4*f.frame.Dx()])
	}
	return m, nil
}

func (f *webpFile) decode() (*image.NRGBA, error) {
	if f.lossless {
		m, err := vp8l.Decode(bytes.NewReader(f.data))
		if err != nil {
			return nil, err
		}
		return ToRGB(m), nil
	}
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(f.data), len(f.data))
	if _, err := d.DecodeFrameHeader(); err != nil {
		return nil, err
	}
	m, err := d.DecodeFrame()
	if err != nil {
		return nil, err
	}
	return videoToRGB(m), nil
}

// blank is an opaque black picture.
func blank(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	opaque(m.Pix)
	return m
}
