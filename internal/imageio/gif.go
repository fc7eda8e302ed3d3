package imageio

import (
	"encoding/binary"
	"errors"
	"image"
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
		p, err := gifPalette(r, flags)
		if err != nil {
			return f, err
		}
		f.palette = p
	}
	for {
		switch block := r.take(1); {
		case block == nil || block[0] == ';':
			return f, errShortGIF
		case block[0] == '!':
			if err := f.extension(r); err != nil {
				return f, err
			}
		case block[0] == ',':
			return f, f.descriptor(r)
		}
	}
}

// gifPalette reads a palette. One whose colours are the shades of grey in order
// counts as none, so that indices beyond it are shades too.
func gifPalette(r *cursor, flags byte) ([]byte, error) {
	p := r.rest[:min(3<<(flags&7+1), len(r.rest))]
	r.take(len(p))
	for i, v := range p {
		if int(v) != i/3 {
			return p, nil
		}
	}
	if len(p)%3 != 0 {
		return nil, errShortGIF
	}
	return nil, nil
}

// extension skips an extension, noting the transparent index of a graphic
// control. An extension without content reaches to the end of what follows it.
func (f *gifFrame) extension(r *cursor) error {
	label := r.take(1)
	if label == nil {
		return errShortGIF
	}
	body := r.subBlock()
	switch {
	case label[0] == 0xf9 && len(body) > 0:
		if len(body) < 3 || body[0]&1 != 0 && len(body) < 4 {
			return errors.New("damaged graphic control")
		}
		if body[0]&1 != 0 {
			f.fill = body[3]
		}
	case label[0] == 0xfe && len(body) == 0:
		return nil
	case label[0] == 0xff && len(body) >= 11 && string(body[:11]) == "NETSCAPE2.0":
		r.subBlock()
	}
	for len(r.subBlock()) > 0 {
	}
	return nil
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
		p, err := gifPalette(r, d[8])
		if err != nil {
			return err
		}
		if p != nil {
			f.palette = p
		}
	}
	size := r.take(1)
	if size == nil {
		return errShortGIF
	}
	if f.frame.Empty() || size[0] > 12 {
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
	m := blank(f.width, f.height)
	if f.frame != m.Rect {
		for i := range f.width * f.height {
			f.paint(m.Pix, i, f.fill)
		}
	}
	rows, width := f.rowOrder(), f.frame.Dx()
	x, row := 0, 0
	out := m.Pix[m.PixOffset(f.frame.Min.X, f.frame.Min.Y+rows[0]):]
	err = f.expand(func(index byte) bool {
		f.paint(out, x, index)
		if x++; x == width {
			x = 0
			if row++; row == len(rows) {
				return false
			}
			out = m.Pix[m.PixOffset(f.frame.Min.X, f.frame.Min.Y+rows[row]):]
		}
		return true
	})
	return m, err
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

// subBlock returns a block that starts with its length, as much as there is of
// it; empty at the end of a series.
func (c *cursor) subBlock() []byte {
	size := c.take(1)
	if size == nil {
		return nil
	}
	body := c.rest[:min(int(size[0]), len(c.rest))]
	c.rest = c.rest[len(body):]
	return body
}
