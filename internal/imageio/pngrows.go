package imageio

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
)

// pngData joins the data chunks to a stream, without their checksums.
type pngData struct {
	data     []byte
	at, left int // rest of the current chunk
	block    int // position where the last block read starts
	file     *pngFile
	err      error // why the stream ended
}

func (p *pngData) Read(b []byte) (int, error) {
	for p.left == 0 {
		c, err := chunkAt(p.data, p.at+4)
		if err != nil {
			return 0, io.EOF
		}
		if c.id == "fdAT" {
			if p.err = p.file.dataChunk(c, p.data); p.err != nil {
				return 0, p.err
			}
			c.at, c.length = c.at+4, c.length-4
		} else if c.id != "IDAT" && c.id != "DDAT" {
			return 0, io.EOF
		}
		p.at, p.left = c.at, c.length
	}
	n := copy(b, p.data[min(p.at, len(p.data)):min(p.at+min(p.left, pillowBlock), len(p.data))])
	if n == 0 {
		return 0, io.EOF
	}
	p.block, p.at, p.left = p.at, p.at+n, p.left-n
	return n, nil
}

// pillowBlock is the number of bytes Pillow reads at a time. What follows the
// block that completes a picture is not decoded.
const pillowBlock = 1 << 16

// pngPass is one pass of interlacing: the first column and row, and the steps.
type pngPass struct{ x, y, dx, dy int }

var adam7 = []pngPass{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// rows decodes the data into m. It reports whether the data held every row;
// a stream that ends in good order between two rows leaves the rest out.
func (f *pngFile) rows(m *image.NRGBA, source *pngData) (complete bool, err error) {
	buffered := bufio.NewReaderSize(source, pillowBlock)
	z, err := zlib.NewReader(buffered)
	if err != nil {
		return false, f.dataError(err, source)
	}
	passes := []pngPass{{0, 0, 1, 1}}
	if f.interlaced {
		passes = adam7
	}
	w, h := f.frame.Dx(), f.frame.Dy()
	step := (f.kind.bits + 7) / 8
	line := make([]byte, 4*w)
	current, previous := make([]byte, 1+(w*f.kind.bits+7)/8), make([]byte, 1+(w*f.kind.bits+7)/8)
	first := true
	for _, p := range passes {
		columns := (w - p.x + p.dx - 1) / p.dx
		if columns <= 0 {
			continue
		}
		size := 1 + (columns*f.kind.bits+7)/8
		clear(previous)
		for y := p.y; y < h; y += p.dy {
			n, err := io.ReadFull(z, current[:size])
			if n == 0 && err == io.EOF && !first {
				return false, nil
			}
			if err != nil {
				return false, f.dataError(err, source)
			}
			first = false
			if err := unfilter(current[:size], previous[:size], step); err != nil {
				return false, err
			}
			f.store(m, line[:4*columns], current[1:size], p, y)
			current, previous = previous, current
		}
	}
	return true, f.afterRows(z, buffered, source)
}

// store converts a row and puts it into the picture.
func (f *pngFile) store(m *image.NRGBA, line, in []byte, p pngPass, y int) {
	out := m.Pix[m.PixOffset(f.frame.Min.X+p.x, f.frame.Min.Y+y):]
	if p.dx == 1 {
		f.kind.convert(f, out[:len(line)], in)
		return
	}
	f.kind.convert(f, line, in)
	for i := 0; i < len(line); i += 4 {
		copy(out[i*p.dx:][:4], line[i:])
	}
}

// afterRows asks whether the stream goes wrong right after the last row, as
// with a wrong checksum: an error in the block of data that was being read
// counts, one in a later block or an end does not.
func (f *pngFile) afterRows(z io.Reader, buffered *bufio.Reader, source *pngData) error {
	_, err := io.ReadFull(z, make([]byte, 1))
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) {
		return fmt.Errorf("damaged data: %w", err)
	}
	if errors.Is(err, zlib.ErrChecksum) {
		const checksum = 4 // bytes, which the data before them shares a block with or not
		if used := source.at - buffered.Buffered(); used-checksum > source.block {
			return errors.New("wrong checksum of the data")
		}
	}
	return nil
}

func (f *pngFile) dataError(err error, source *pngData) error {
	if source.err != nil {
		return source.err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errPNGShort
	}
	return fmt.Errorf("damaged data: %w", err)
}

// unfilter undoes the filter of a row, whose first byte names it; step is the
// distance to the pixel on the left.
func unfilter(row, above []byte, step int) error {
	filter := row[0]
	row, above = row[1:], above[1:]
	above = above[:len(row)]
	switch filter {
	case 0:
	case 1:
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 2:
		for i, v := range above {
			row[i] += v
		}
	case 3:
		for i := range min(step, len(row)) {
			row[i] += above[i] / 2
		}
		for i := step; i < len(row); i++ {
			row[i] += uint8((int(row[i-step]) + int(above[i])) / 2)
		}
	case 4:
		paeth(row, above, step)
	default:
		return fmt.Errorf("unknown filter %d", filter)
	}
	return nil
}

func paeth(row, above []byte, step int) {
	for i := range min(step, len(row)) {
		row[i] += above[i]
	}
	for s := range step {
		a, c := 0, 0
		if s < len(row) {
			a, c = int(row[s]), int(above[s])
		}
		for i := s + step; i < len(row); i += step {
			b := int(above[i])
			pa, pb := b-c, a-c
			pc := pa + pb
			pa, pb, pc = max(pa, -pa), max(pb, -pb), max(pc, -pc)
			if pa > pb || pa > pc {
				if pb <= pc {
					a = b
				} else {
					a = c
				}
			}
			a = int(uint8(a + int(row[i])))
			row[i] = uint8(a)
			c = b
		}
	}
}

// packedGray converts grey of less than 8 bits, each level times scale.
func packedGray(bits int, scale byte) func(*pngFile, []byte, []byte) {
	mask := byte(1<<bits - 1)
	return func(_ *pngFile, out, in []byte) {
		for i := range len(out) / 4 {
			at := i * bits
			v := in[at/8] >> (8 - bits - at%8) & mask * scale
			setPixel(out, i, v, v, v)
		}
	}
}

// grayEvery takes the first byte of each step as the level.
func grayEvery(step int) func(*pngFile, []byte, []byte) {
	return func(_ *pngFile, out, in []byte) {
		for i := range len(out) / 4 {
			v := in[i*step]
			setPixel(out, i, v, v, v)
		}
	}
}

// clippedGray16 converts 16-bit grey as Pillow converts its mode I;16: values
// above 255 become white, since that mode has no fixed range.
func clippedGray16(_ *pngFile, out, in []byte) {
	for i := range len(out) / 4 {
		v := uint8(min(binary.BigEndian.Uint16(in[2*i:]), 255))
		setPixel(out, i, v, v, v)
	}
}

// rgbEvery takes three samples' first bytes, each width bytes long, of a pixel
// of step bytes.
func rgbEvery(step, width int) func(*pngFile, []byte, []byte) {
	return func(_ *pngFile, out, in []byte) {
		for i := range len(out) / 4 {
			p := in[i*step:][:2*width+1]
			setPixel(out, i, p[0], p[width], p[2*width])
		}
	}
}

// indexed looks indices up; those beyond the palette are black.
func indexed(bits int) func(*pngFile, []byte, []byte) {
	mask := byte(1<<bits - 1)
	return func(f *pngFile, out, in []byte) {
		for i := range len(out) / 4 {
			at := i * bits
			v := 3 * int(in[at/8]>>(8-bits-at%8)&mask)
			if v+3 <= len(f.palette) {
				setPixel(out, i, f.palette[v], f.palette[v+1], f.palette[v+2])
			} else {
				setPixel(out, i, 0, 0, 0)
			}
		}
	}
}
