package imageio

import (
	"bytes"
	"encoding/binary"
)

// Several reports whether a whole picture file is followed by another picture, of
// which [Decode] sees nothing. Frames and pages of one file are one picture, and so
// are the previews that cameras put behind a JPEG.
func Several(data []byte) bool {
	first := sniff(data)
	if first == nil {
		return false
	}
	if _, err := first.size(data); err != nil {
		return false
	}
	end := first.end(data)
	if end < 0 || end >= len(data) {
		return false
	}
	return Looks(bytes.TrimLeft(data[end:], "\x00\r\n "))
}

func pngEnd(data []byte) int {
	for at := len(pngSignature); ; {
		c, err := chunkAt(data, at)
		if err != nil {
			return len(data)
		}
		at = c.at + c.length + 4
		if at < c.at || at > len(data) || c.id == "IEND" {
			return min(max(at, 0), len(data))
		}
	}
}

func webpEnd(data []byte) int {
	size := int(binary.LittleEndian.Uint32(data[4:]))
	return 8 + size + size&1
}

// gifEnd walks the blocks up to the trailer.
func gifEnd(data []byte) int {
	r := &cursor{data[13:]}
	palette := func(flags byte) {
		if flags&0x80 != 0 {
			r.take(3 << (flags&7 + 1))
		}
	}
	palette(data[10])
	for {
		block := r.take(1)
		switch {
		case block == nil:
			return len(data)
		case block[0] == ';':
			return len(data) - len(r.rest)
		case block[0] == '!':
			r.take(1)
		case block[0] == ',':
			d := r.take(9)
			if d == nil {
				return len(data)
			}
			palette(d[8])
			r.take(1) // of the code's size
		default:
			continue // what belongs to no block is skipped, as when decoding
		}
		for len(r.subBlock()) > 0 {
		}
	}
}

// bmpEnd believes the header's size of the file where it can be one.
func bmpEnd(data []byte) int {
	f, err := parseBMP(data)
	if err != nil {
		return len(data)
	}
	size := int(binary.LittleEndian.Uint32(data[2:]))
	switch {
	case size > f.offset && size <= len(data):
		return size
	case f.compression == bmpRLE8 || f.compression == bmpRLE4:
		return len(data)
	}
	return f.offset + (f.width*f.bits+31)/32*4*f.height
}

func pnmEnd(data []byte) int {
	f, err := parsePNM(data)
	if err != nil {
		return len(data)
	}
	n := f.width * f.height * f.channels()
	start := len(data) - len(f.rest)
	switch {
	case f.magic == pbmRaw:
		return start + (f.width+7)/8*f.height
	case f.magic == pfmRaw:
		return start + 4*n
	case f.magic == pgmRaw || f.magic == ppmRaw:
		if f.most > 255 {
			n *= 2
		}
		return start + n
	}
	// In digits nothing but digits, space and comments belongs to a picture.
	comment := false
	for i, c := range f.rest {
		switch {
		case comment:
			comment = c != '\r' && c != '\n'
		case c == '#':
			comment = true
		case !isSpace(c) && (c < '0' || c > '9'):
			return start + i
		}
	}
	return len(data)
}
