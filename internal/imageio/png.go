package imageio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// pngFile is what the chunks of a PNG say of its default picture. The standard
// library's reader is not used: it refuses files that Pillow reads (wrong
// checksums of the data, no end chunk, odd palettes) and takes eight bytes a
// pixel where the file has sixteen bits a sample.
type pngFile struct {
	width, height int
	kind          *pngKind
	interlaced    bool
	palette       []byte
	frame         image.Rectangle // of the data within the picture
	animated      bool            // more than one frame
	sequence      int             // of an animation's chunks, -1 before the first
	textMemory    int
	frames        int
	idat          int // position of the first data
	idatLength    int
}

// pngKind is a combination of bits and colour type.
type pngKind struct {
	bits        int  // of a pixel in the file
	transparent int  // bytes that name a transparent colour
	indices     bool // of a palette
	convert     func(f *pngFile, out, in []byte)
}

// pngKinds by colour type and depth.
var pngKinds = map[[2]byte]*pngKind{
	{0, 1}:  {1, 2, false, packedGray(1, 255)},
	{0, 2}:  {2, 2, false, packedGray(2, 85)},
	{0, 4}:  {4, 2, false, packedGray(4, 17)},
	{0, 8}:  {8, 2, false, grayEvery(1)},
	{0, 16}: {16, 2, false, clippedGray16},
	{2, 8}:  {24, 6, false, rgbEvery(3, 1)},
	{2, 16}: {48, 6, false, rgbEvery(6, 2)},
	{3, 1}:  {1, 0, true, indexed(1)},
	{3, 2}:  {2, 0, true, indexed(2)},
	{3, 4}:  {4, 0, true, indexed(4)},
	{3, 8}:  {8, 0, true, indexed(8)},
	{4, 8}:  {16, 0, false, grayEvery(2)},
	{4, 16}: {32, 0, false, grayEvery(4)},
	{6, 8}:  {32, 0, false, rgbEvery(4, 1)},
	{6, 16}: {64, 0, false, rgbEvery(8, 2)},
}

func pngSize(data []byte) (image.Config, error) {
	f, err := parsePNG(data)
	return image.Config{Width: f.width, Height: f.height}, err
}

const pngSignature = "\x89PNG\r\n\x1a\n"

// pngChunk is one chunk.
type pngChunk struct {
	id     string
	at     int // position of the body
	length int // declared
}

// chunkAt reads the head of the chunk at position at.
func chunkAt(data []byte, at int) (pngChunk, error) {
	if at+8 > len(data) {
		return pngChunk{}, errPNGShort
	}
	c := pngChunk{string(data[at+4 : at+8]), at + 8, int(binary.BigEndian.Uint32(data[at:]))}
	for _, b := range []byte(c.id) {
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_') {
			return c, fmt.Errorf("damaged chunk %q", c.id)
		}
	}
	return c, nil
}

// body is a chunk's content, whole.
func (c pngChunk) body(data []byte) ([]byte, error) {
	if c.length > len(data)-c.at {
		return nil, errPNGShort
	}
	return data[c.at : c.at+c.length], nil
}

var errPNGShort = errors.New("file is truncated")

// parsePNG reads the chunks before the data, whose checksums must be right.
func parsePNG(data []byte) (pngFile, error) {
	f := pngFile{sequence: -1}
	for at := len(pngSignature); ; {
		c, err := chunkAt(data, at)
		if err != nil {
			return f, err
		}
		if c.id == "IEND" {
			return f, errors.New("no picture in it")
		}
		if err := f.chunk(c, data); err != nil {
			return f, err
		}
		if f.idat > 0 {
			break
		}
		at = c.at + c.length + 4
		if at > len(data) {
			return f, errPNGShort
		}
		if binary.BigEndian.Uint32(data[at-4:]) != pngChecksum(data[c.at-4:at-4]) {
			return f, fmt.Errorf("wrong checksum of chunk %q", c.id)
		}
	}
	if f.kind == nil || f.width <= 0 || f.height <= 0 {
		return f, errors.New("no header, or one of a kind that is not known")
	}
	if f.frame == (image.Rectangle{}) {
		f.frame = image.Rect(0, 0, f.width, f.height)
	}
	return f, nil
}

// header reads IHDR.
func (f *pngFile) header(b []byte) error {
	if len(b) < 13 {
		return errors.New("damaged header")
	}
	w, h := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if w > 1<<31-1 || h > 1<<31-1 {
		return fmt.Errorf("picture of %d x %d pixels", w, h)
	}
	f.width, f.height = int(w), int(h)
	if kind := pngKinds[[2]byte{b[9], b[8]}]; kind != nil {
		f.kind = kind
	}
	f.interlaced = f.interlaced || b[12] != 0
	if b[11] != 0 {
		return errors.New("unknown kind of filters")
	}
	return nil
}

// decodePNG decodes a PNG, or the default picture of an animated one. Alpha
// and transparent colours are dropped.
func decodePNG(data []byte) (*image.NRGBA, error) {
	f, err := parsePNG(data)
	if err != nil {
		return nil, err
	}
	m := image.NewNRGBA(image.Rect(0, 0, f.width, f.height))
	source := &pngData{data: data, at: f.idat, left: f.idatLength, file: &f}
	complete, err := f.rows(m, source)
	if err != nil {
		return nil, err
	}
	if !complete || f.frame != m.Rect {
		f.fillRest(m)
	}
	return m, f.trailer(source)
}

// fillRest gives the pixels that the data left out the colour of zero bits.
func (f *pngFile) fillRest(m *image.NRGBA) {
	var zero [4]byte
	f.kind.convert(f, zero[:], make([]byte, 8))
	for i := 0; i < len(m.Pix); i += 4 {
		if m.Pix[i+3] == 0 {
			copy(m.Pix[i:i+4], zero[:])
		}
	}
}

// trailer reads the chunks after the data as Pillow does: an error in one of
// those that it knows is one, but neither a wrong checksum nor a missing end.
func (f *pngFile) trailer(source *pngData) error {
	data := source.data
	for at := source.at + source.left + 4; ; {
		c, err := chunkAt(data, at)
		if err != nil || c.id == "IEND" || c.id == "fcTL" && f.animated {
			return nil
		}
		if err := f.chunk(c, data); err != nil {
			return err
		}
		if c.length > len(data)-c.at {
			return errPNGShort
		}
		at = c.at + c.length + 4
	}
}
