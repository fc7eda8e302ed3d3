package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"io"
)

func pngChecksum(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

// shortest is the least length of chunks that Pillow checks.
var shortest = map[string]int{"gAMA": 4, "cHRM": 32, "sRGB": 1, "pHYs": 9, "acTL": 8, "fcTL": 26}

// Limits of the text that Pillow unpacks.
const (
	maxText    = 1 << 20
	maxAllText = 64 * maxText
)

// chunk checks one chunk, keeps what concerns the pixels, and notes where data
// starts.
func (f *pngFile) chunk(c pngChunk, data []byte) error {
	if c.id == "IDAT" || c.id == "fdAT" {
		return f.dataChunk(c, data)
	}
	b, err := c.body(data)
	if err != nil {
		return err
	}
	if len(b) < shortest[c.id] {
		return fmt.Errorf("damaged chunk %s", c.id)
	}
	switch c.id {
	case "IHDR":
		if f.idat > 0 {
			return (&pngFile{}).header(b)
		}
		return f.header(b)
	case "PLTE":
		if f.idat == 0 && f.kind != nil && f.kind.indices {
			f.palette = b[:min(len(b), 3*256)]
		}
	case "tRNS":
		return f.transparency(b)
	case "iCCP":
		return profile(b)
	case "tEXt", "zTXt", "iTXt":
		return f.text(c.id, b)
	case "acTL":
		f.animation(binary.BigEndian.Uint32(b))
	case "fcTL":
		return f.frameControl(b)
	}
	return nil
}

func (f *pngFile) dataChunk(c pngChunk, data []byte) error {
	if c.id == "fdAT" {
		if c.length < 4 || c.at+4 > len(data) || f.sequence < 0 {
			return errors.New("damaged chunk fdAT")
		}
		if err := f.step(int(binary.BigEndian.Uint32(data[c.at:]))); err != nil {
			return err
		}
		c.at, c.length = c.at+4, c.length-4
	}
	if f.idat == 0 {
		f.idat, f.idatLength = c.at, c.length
		f.animated = f.frames > 1 || f.frames == 1 && f.frame == (image.Rectangle{})
	}
	return nil
}

// transparency checks tRNS, which does not change opaque colours.
func (f *pngFile) transparency(b []byte) error {
	if f.kind != nil && len(b) < f.kind.transparent {
		return errors.New("damaged chunk tRNS")
	}
	return nil
}

// profile checks the head of a colour profile, which is not applied.
func profile(b []byte) error {
	i := bytes.IndexByte(b, 0)
	if i+1 >= len(b) {
		return errors.New("damaged chunk iCCP")
	}
	if b[i+1] != 0 {
		return errors.New("unknown compression of chunk iCCP")
	}
	_, err := unpacked(b[i+2:])
	return err
}

// text checks a text chunk against the limits.
func (f *pngFile) text(id string, b []byte) error {
	key, value, found := bytes.Cut(b, []byte{0})
	size := len(value)
	switch {
	case id == "zTXt" && len(value) > 0 && value[0] != 0:
		return errors.New("unknown compression of chunk zTXt")
	case id == "zTXt":
		n, err := unpacked(value[min(1, len(value)):])
		if err != nil {
			return err
		}
		size = n
	case id == "iTXt":
		if !found || len(value) < 2 {
			return nil
		}
		packed, method := value[0] != 0, value[1]
		parts := bytes.SplitN(value[2:], []byte{0}, 3)
		if len(parts) < 3 || packed && method != 0 {
			return nil
		}
		size = len(parts[2])
		if packed {
			n, err := unpacked(parts[2])
			if err != nil {
				return err
			}
			size = n
		}
	}
	if len(key) > 0 || id == "iTXt" {
		f.textMemory += size
	}
	if f.textMemory > maxAllText {
		return errors.New("more text in it than 64 MiB")
	}
	return nil
}

// unpacked is the length of deflated text, which is bounded; damaged text
// counts as empty.
func unpacked(b []byte) (int, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return 0, nil
	}
	n, err := io.Copy(io.Discard, io.LimitReader(z, maxText+1))
	if n > maxText {
		return 0, errors.New("text or profile in it is larger than 1 MiB")
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, nil
	}
	return int(n), nil
}

// animation takes the number of frames; a second or impossible number makes it
// a picture without animation.
func (f *pngFile) animation(frames uint32) {
	switch {
	case f.frames > 0:
		f.frames = 0
	case frames > 0 && frames <= 1<<31:
		f.frames = int(frames)
	}
}

// step checks the number of an animation's chunk.
func (f *pngFile) step(number int) error {
	if number != f.sequence+1 {
		return errors.New("chunks of the animation are out of order")
	}
	f.sequence = number
	return nil
}

func (f *pngFile) frameControl(b []byte) error {
	if err := f.step(int(binary.BigEndian.Uint32(b))); err != nil {
		return err
	}
	word := func(i int) int { return int(binary.BigEndian.Uint32(b[i:])) }
	at := image.Pt(word(12), word(16))
	frame := image.Rectangle{at, at.Add(image.Pt(word(4), word(8)))}
	if frame.Max.X > f.width || frame.Max.Y > f.height || frame.Empty() {
		return errors.New("frame of the animation lies outside the picture")
	}
	if f.idat == 0 {
		f.frame = frame
	}
	return nil
}
