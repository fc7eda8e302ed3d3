package imageio

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"errors"
	"image"
	"io"
)

// gifFrame is the first picture of a GIF. The standard library's reader is not
// used, since it forgets the colour of transparent pixels and refuses frames
// that reach beyond the screen, both of which Pillow accepts.
type gifFrame struct {
	width, height int // of the screen, grown to hold the frame
	frame         image.Rectangle
	palette       []byte // red, green, blue of each index; nil for shades of grey
	fill          byte   // index that surrounds the frame
	interlaced    bool
	codeSize      int
	data          []byte // LZW data in sub-blocks
}

func gifSize(data []byte) (image.Config, error) {
	f, err := parseGIF(data)
	return image.Config{Width: f.width, Height: f.height}, err
}

var errShortGIF = errors.New("no picture in it, or file is truncated")

// parseGIF reads up to the first picture's data.
func parseGIF(data []byte) (gifFrame, error) {
	var f gifFrame
	if len(data) < 13 {
		return f, errShortGIF
	}
	f.width, f.height = int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
	flags := data[10]
	r := &cursor{data[13:]}
	if flags&0x80 != 0 {
		f.palette = r.take(3 << (flags&7 + 1))
	}
	for {
		switch block := r.take(1); {
		case block == nil || block[0] == ';':
			return f, errShortGIF
		case block[0] == '!':
			f.extension(r)
		case block[0] == ',':
			return f, f.descriptor(r)
		}
	}
}

// extension skips an extension, noting the transparent index of a graphic
// control.
func (f *gifFrame) extension(r *cursor) {
	label := r.take(1)
	for first := true; ; first = false {
		size := r.take(1)
		if size == nil || size[0] == 0 {
			return
		}
		body := r.take(int(size[0]))
		if first && label[0] == 0xf9 && len(body) >= 4 && body[0]&1 != 0 {
			f.fill = body[3]
		}
	}
}

func (f *gifFrame) descriptor(r *cursor) error {
	d := r.take(9)
	if d == nil {
		return errShortGIF
	}
	word := func(i int) int { return int(binary.LittleEndian.Uint16(d[i:])) }
	f.frame = image.Rect(word(0), word(2), word(0)+word(4), word(2)+word(6))
	f.interlaced = d[8]&0x40 != 0
	if d[8]&0x80 != 0 {
		f.palette = r.take(3 << (d[8]&7 + 1))
	}
	size := r.take(1)
	if size == nil {
		return errShortGIF
	}
	if f.frame.Empty() || size[0] < 2 || size[0] > 8 {
		return errors.New("damaged picture descriptor")
	}
	f.codeSize = int(size[0])
	f.width, f.height = max(f.width, f.frame.Max.X), max(f.height, f.frame.Max.Y)
	f.data = r.rest
	return nil
}

// decodeGIF decodes the first picture, on the whole screen.
func decodeGIF(data []byte) (*image.NRGBA, error) {
	f, err := parseGIF(data)
	if err != nil {
		return nil, err
	}
	codes := lzw.NewReader(&subBlocks{r: bytes.NewReader(f.data)}, lzw.LSB, f.codeSize)
	defer codes.Close()
	m := blank(f.width, f.height)
	if f.frame != m.Rect {
		for i := range f.width * f.height {
			f.paint(m.Pix, i, f.fill)
		}
	}
	row := make([]byte, f.frame.Dx())
	for _, y := range f.rowOrder() {
		if _, err := io.ReadFull(codes, row); err != nil {
			return nil, err
		}
		out := m.Pix[m.PixOffset(f.frame.Min.X, f.frame.Min.Y+y):]
		for x, index := range row {
			f.paint(out, x, index)
		}
	}
	return m, nil
}

// paint sets pixel i to the colour of an index; indices beyond the palette are
// black.
func (f *gifFrame) paint(pix []byte, i int, index byte) {
	switch at := 3 * int(index); {
	case f.palette == nil:
		setPixel(pix, i, index, index, index)
	case at+3 <= len(f.palette):
		setPixel(pix, i, f.palette[at], f.palette[at+1], f.palette[at+2])
	default:
		setPixel(pix, i, 0, 0, 0)
	}
}

// rowOrder lists the frame's rows in the order of the file.
func (f *gifFrame) rowOrder() []int {
	rows := make([]int, 0, f.frame.Dy())
	passes := [][2]int{{0, 1}}
	if f.interlaced {
		passes = [][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
	}
	for _, p := range passes {
		for y := p[0]; y < f.frame.Dy(); y += p[1] {
			rows = append(rows, y)
		}
	}
	return rows
}

// cursor takes bytes off the front of a slice.
type cursor struct{ rest []byte }

// take returns the next n bytes, or nil if there are fewer.
func (c *cursor) take(n int) []byte {
	if n > len(c.rest) {
		c.rest = nil
		return nil
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

// subBlocks joins GIF's length-prefixed blocks to a stream.
type subBlocks struct {
	r    *bytes.Reader
	left int
}

func (s *subBlocks) Read(p []byte) (int, error) {
	if s.left == 0 {
		size, err := s.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if size == 0 {
			s.r.Reset(nil)
			return 0, io.EOF
		}
		s.left = int(size)
	}
	n, err := s.r.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// ReadByte lets the LZW reader work without a buffer of its own.
func (s *subBlocks) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(s, b[:])
	return b[0], err
}
