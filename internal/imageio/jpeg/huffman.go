package jpeg

import (
	"encoding/binary"
	"errors"
)

// lookBits is the length of code found with one table look-up.
const lookBits = 9

// huffman decodes one canonical Huffman code.
type huffman struct {
	defined bool
	look    [1 << lookBits]uint16 // length<<8 | symbol of short codes, 0 for longer ones
	maxCode [18]int32             // largest code of each length, -1 for none; the last admits anything
	offset  [17]int32             // position of a length's first symbol less its first code
	symbols [256]uint8
}

// build reads the counts of codes of each length and then the symbols; it
// returns the number of symbols used.
func (h *huffman) build(counts, symbols []byte) (int, error) {
	total := 0
	for _, c := range counts {
		total += int(c)
	}
	if total == 0 || total > 256 || total > len(symbols) {
		return 0, errors.New("damaged Huffman table")
	}
	*h = huffman{defined: true}
	copy(h.symbols[:], symbols[:total])
	code, k := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(counts[length-1])
		h.offset[length] = k - code
		for range n {
			if length <= lookBits {
				first := code << (lookBits - length)
				if int(first) >= len(h.look) {
					return 0, errors.New("damaged Huffman table")
				}
				for i := range int32(1) << (lookBits - length) {
					h.look[first+i] = uint16(length)<<8 | uint16(h.symbols[k])
				}
			}
			code++
			k++
		}
		if code > 1<<length {
			return 0, errors.New("damaged Huffman table")
		}
		h.maxCode[length] = -1
		if n > 0 {
			h.maxCode[length] = code - 1
		}
		code <<= 1
	}
	h.maxCode[17] = 1<<31 - 1
	return total, nil
}

// bitReader reads the bits of entropy-coded data, undoing byte stuffing. At a
// marker or the end of the file it goes on with zero bits and counts them.
type bitReader struct {
	data  []byte
	pos   int
	acc   uint64 // the next n bits, in the low end
	n     int
	pad   int  // how many of them, the last ones, are not in the file
	ended bool // the file ended, rather than met a marker
}

// fill makes at least 48 bits available.
func (r *bitReader) fill() {
	for r.n <= 32 && r.pos+4 <= len(r.data) {
		v := binary.BigEndian.Uint32(r.data[r.pos:])
		if inv := ^v; (inv-0x01010101)&^inv&0x80808080 != 0 {
			break // one of the bytes is 0xff
		}
		r.acc = r.acc<<32 | uint64(v)
		r.n += 32
		r.pos += 4
	}
	for r.n <= 56 {
		r.acc = r.acc<<8 | uint64(r.nextByte())
		r.n += 8
	}
}

func (r *bitReader) nextByte() byte {
	if r.pos < len(r.data) {
		c := r.data[r.pos]
		if c != 0xff {
			r.pos++
			return c
		}
		if r.pos+1 < len(r.data) && r.data[r.pos+1] == 0 {
			r.pos += 2
			return c
		}
		// Fill bytes may precede a marker.
		for r.pos+1 < len(r.data) && r.data[r.pos+1] == 0xff {
			r.pos++
		}
	}
	r.ended = r.ended || r.pos+1 >= len(r.data)
	r.pad += 8
	return 0
}

// exhausted reports whether bits were used that the file does not hold.
func (r *bitReader) exhausted() bool { return r.n < r.pad }

// reset drops buffered bits, for the start of a scan or restart interval.
func (r *bitReader) reset() { r.acc, r.n, r.pad = 0, 0, 0 }

// symbol decodes one Huffman symbol. An impossible code gives 0, as in libjpeg.
func (r *bitReader) symbol(h *huffman) uint8 {
	if r.n < 32 {
		r.fill()
	}
	if e := h.look[r.acc>>(r.n-lookBits)&(1<<lookBits-1)]; e != 0 {
		r.n -= int(e >> 8)
		return uint8(e)
	}
	for length := lookBits + 1; length <= 16; length++ {
		code := int32(r.acc >> (r.n - length) & (1<<length - 1))
		if code <= h.maxCode[length] {
			r.n -= length
			return h.symbols[uint8(code+h.offset[length])]
		}
	}
	r.n -= 16
	return 0
}

// bits reads count bits, at most 16.
func (r *bitReader) bits(count int) int32 {
	if r.n < 16 {
		r.fill()
	}
	r.n -= count
	return int32(r.acc >> r.n & (1<<count - 1))
}

// signed reads a number of count bits.
func (r *bitReader) signed(count int) int32 { return extend(r.bits(count), count) }

// extend gives a number of count bits its sign: the lower half of the range
// stands for negative numbers.
func extend(v int32, count int) int32 {
	if count > 0 && v < 1<<(count-1) {
		v += -1<<count + 1
	}
	return v
}
