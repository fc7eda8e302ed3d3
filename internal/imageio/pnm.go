package imageio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
	"strconv"
)

// pnmFile is the header of a picture of the Netpbm family: bits (PBM), greys
// (PGM), colours (PPM) or floating-point greys (PFM).
type pnmFile struct {
	magic         string
	width, height int
	most          int     // largest value of a sample
	scale         float64 // of floating-point samples; negative is little endian
	rest          []byte
}

// Magic words of the kinds. P1 to P3 are written in digits.
const (
	pbmText, pgmText, ppmText = "P1", "P2", "P3"
	pbmRaw, pgmRaw, ppmRaw    = "P4", "P5", "P6"
	pfmRaw                    = "Pf"
)

func isPNM(head []byte) bool {
	return len(head) >= 2 && head[0] == 'P' && (head[1] >= '1' && head[1] <= '6' || head[1] == 'f')
}

func pnmSize(data []byte) (image.Config, error) {
	f, err := parsePNM(data)
	return image.Config{Width: f.width, Height: f.height}, err
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

var errPNMShort = errors.New("file is truncated")

func parsePNM(data []byte) (f pnmFile, err error) {
	n := 0
	for n < 6 && n < len(data) && !isSpace(data[n]) {
		n++
	}
	f.magic = string(data[:n])
	switch f.magic {
	case pbmText, pgmText, ppmText, pbmRaw, pgmRaw, ppmRaw, pfmRaw:
	default:
		return f, fmt.Errorf("kind %q is not known", f.magic)
	}
	f.rest = data[min(n+1, len(data)):]
	if f.width, err = f.number("width"); err != nil {
		return f, err
	}
	if f.height, err = f.number("height"); err != nil {
		return f, err
	}
	if f.width <= 0 || f.height <= 0 || f.width > math.MaxInt32 || f.height > math.MaxInt32 {
		return f, fmt.Errorf("picture of %d x %d pixels", f.width, f.height)
	}
	switch f.magic {
	case pbmText, pbmRaw:
	case pfmRaw:
		token, err := f.token()
		if err != nil {
			return f, err
		}
		f.scale, err = strconv.ParseFloat(token, 64)
		if err != nil || f.scale == 0 || math.IsInf(f.scale, 0) || math.IsNaN(f.scale) {
			return f, fmt.Errorf("scale %q, want a number other than 0", token)
		}
	default:
		if f.most, err = f.number("largest value"); err != nil {
			return f, err
		}
		if f.most < 1 || f.most > 65535 {
			return f, fmt.Errorf("largest value %d, want 1 to 65,535", f.most)
		}
	}
	return f, nil
}

// token is the next word of the header, of at most 10 characters; comments run
// from # to the end of their line.
func (f *pnmFile) token() (string, error) {
	var token []byte
	for len(token) <= 10 {
		if len(f.rest) == 0 {
			break
		}
		c := f.rest[0]
		f.rest = f.rest[1:]
		switch {
		case isSpace(c) && len(token) > 0:
			return string(token), nil
		case isSpace(c):
		case c == '#':
			end := bytes.IndexAny(f.rest, "\r\n")
			if end < 0 {
				end = len(f.rest) - 1
			}
			f.rest = f.rest[end+1:]
		default:
			token = append(token, c)
		}
	}
	if len(token) == 0 {
		return "", errPNMShort
	}
	if len(token) > 10 {
		return "", fmt.Errorf("word %q of the header is too long", token)
	}
	return string(token), nil
}

func (f *pnmFile) number(what string) (int, error) {
	token, err := f.token()
	if err != nil {
		return 0, err
	}
	n, err := decimal(token)
	if err != nil {
		return 0, fmt.Errorf("%s %q is not a number", what, token)
	}
	return n, nil
}

// decimal reads an integer as Python's int does: with a sign, and with single
// underscores between digits.
func decimal(s string) (int, error) {
	digits := s
	if digits != "" && (digits[0] == '+' || digits[0] == '-') {
		digits = digits[1:]
	}
	clean := make([]byte, 0, len(s))
	for i := range len(digits) {
		if digits[i] == '_' && i > 0 && i < len(digits)-1 && digits[i-1] != '_' {
			continue
		}
		if digits[i] < '0' || digits[i] > '9' {
			return 0, strconv.ErrSyntax
		}
		clean = append(clean, digits[i])
	}
	n, err := strconv.Atoi(string(clean))
	if s != "" && s[0] == '-' {
		n = -n
	}
	return n, err
}

func (f *pnmFile) channels() int {
	if f.magic == ppmText || f.magic == ppmRaw {
		return 3
	}
	return 1
}

func decodePNM(data []byte) (*image.NRGBA, error) {
	f, err := parsePNM(data)
	if err != nil {
		return nil, err
	}
	n := f.width * f.height * f.channels()
	var sample func(i int) uint8
	switch f.magic {
	case pbmRaw:
		sample, err = f.bits()
	case pfmRaw:
		sample, err = f.floats()
	case pgmRaw, ppmRaw:
		sample, err = f.binary(n)
	default:
		var samples []byte
		samples, err = f.text(n)
		sample = func(i int) uint8 { return samples[i] }
	}
	if err != nil {
		return nil, err
	}
	m := image.NewNRGBA(image.Rect(0, 0, f.width, f.height))
	for i := range f.width * f.height {
		if f.channels() == 3 {
			setPixel(m.Pix, i, sample(3*i), sample(3*i+1), sample(3*i+2))
		} else {
			v := sample(i)
			setPixel(m.Pix, i, v, v, v)
		}
	}
	return m, nil
}

func (f *pnmFile) bits() (func(int) uint8, error) {
	stride := (f.width + 7) / 8
	if len(f.rest) < stride*f.height {
		return nil, errPNMShort
	}
	return func(i int) uint8 {
		x := i % f.width
		return (f.rest[i/f.width*stride+x/8]>>(7-x%8)&1 - 1)
	}, nil
}

func (f *pnmFile) floats() (func(int) uint8, error) {
	if len(f.rest)/4 < f.width*f.height {
		return nil, errPNMShort
	}
	var order binary.ByteOrder = binary.BigEndian
	if f.scale < 0 {
		order = binary.LittleEndian
	}
	return func(i int) uint8 {
		row := f.height - 1 - i/f.width // the last row comes first
		return levelOfFloat(math.Float32frombits(order.Uint32(f.rest[4*(row*f.width+i%f.width):])))
	}, nil
}

// levelOfFloat clips as Pillow converts its mode F.
func levelOfFloat(v float32) uint8 {
	switch {
	case v <= 0:
		return 0
	case v >= 255:
		return 255
	case v != v: // not a number
		return 0
	}
	return uint8(v)
}

func (f *pnmFile) binary(n int) (func(int) uint8, error) {
	wide := f.most > 255
	size := n
	if wide {
		size = 2 * n
	}
	if len(f.rest) < size {
		return nil, errPNMShort
	}
	return func(i int) uint8 {
		if wide {
			return f.level(int(binary.BigEndian.Uint16(f.rest[2*i:])))
		}
		return f.level(int(f.rest[i]))
	}, nil
}

// level scales a sample to 8 bits. Greys of more than 8 bits are scaled to 16
// and then clipped, since Pillow's mode I has no fixed range.
func (f *pnmFile) level(v int) uint8 {
	if f.channels() == 1 && f.most > 255 {
		return uint8(min(scaled(v, f.most, 65535), 255))
	}
	return uint8(min(scaled(v, f.most, 255), 255))
}

// scaled is v / most * range, rounded half to even as Python rounds.
func scaled(v, most, rng int) int {
	return int(math.RoundToEven(float64(float64(v)/float64(most)) * float64(rng)))
}
