package jpeg

import "encoding/binary"

// bitReader reads the bits of entropy-coded data, undoing byte stuffing. It
// refills when libjpeg does, since a file that ends is decoded as far as
// libjpeg's last refill reaches. At a marker it goes on with zero bits.
type bitReader struct {
	data         []byte
	pos          int
	acc          uint64 // the next n bits, in the low end
	n            int
	marker       byte // met, 0 for none
	insufficient bool // bits were used that are not in the file
	ended        bool // the file ended where data was wanted
}

// fullBits is the number of bits after a refill, at least.
const fullBits = 57

// fill reads as many bytes as fit; need is the number of bits that are wanted
// for certain.
func (r *bitReader) fill(need int) {
	for r.n < fullBits && r.marker == 0 {
		if r.n <= 32 && r.pos+4 <= len(r.data) {
			v := binary.BigEndian.Uint32(r.data[r.pos:])
			if inv := ^v; (inv-0x01010101)&^inv&0x80808080 == 0 { // none of the bytes is 0xff
				r.acc = r.acc<<32 | uint64(v)
				r.n += 32
				r.pos += 4
				continue
			}
		}
		c, ok := r.nextByte()
		if !ok {
			if r.marker == 0 {
				r.ended = true
				r.pad()
			}
			break
		}
		r.acc = r.acc<<8 | uint64(c)
		r.n += 8
	}
	if need > r.n {
		r.insufficient = true
		r.pad()
	}
}

// pad appends zero bits.
func (r *bitReader) pad() {
	r.acc <<= fullBits - r.n
	r.n = fullBits
}

// nextByte returns the next byte of data; at a marker it moves past it.
func (r *bitReader) nextByte() (byte, bool) {
	if r.pos >= len(r.data) {
		return 0, false
	}
	c := r.data[r.pos]
	if c != 0xff {
		r.pos++
		return c, true
	}
	p := r.pos + 1
	for p < len(r.data) && r.data[p] == 0xff { // fill bytes may precede a marker
		p++
	}
	if p >= len(r.data) {
		return 0, false
	}
	r.pos = p + 1
	if r.data[p] == 0 {
		return 0xff, true
	}
	r.marker = r.data[p]
	return 0, false
}

// symbol decodes one Huffman symbol. An impossible code takes 17 bits and
// gives 0, as in libjpeg.
func (r *bitReader) symbol(h *huffman) int {
	length := lookBits + 1
	if r.n < lookBits {
		r.fill(0)
		if r.n < lookBits {
			length = 1
		}
	}
	if length > 1 {
		if e := h.look[r.acc>>(r.n-lookBits)&(1<<lookBits-1)]; e != 0 {
			r.n -= int(e >> 8)
			return int(e & 255)
		}
	}
	code := r.bits(length)
	for ; code > h.maxCode[length]; length++ {
		code = code<<1 | r.bits(1)
	}
	if length > 16 {
		return 0
	}
	return int(h.symbols[uint8(code+h.offset[length])])
}

// bits reads count bits, at most 16.
func (r *bitReader) bits(count int) int32 {
	if r.n < count {
		r.fill(count)
	}
	r.n -= count
	return int32(r.acc >> r.n & (1<<count - 1))
}

// signed reads a number of count bits.
func (r *bitReader) signed(count int) int32 {
	if count == 0 {
		return 0
	}
	return extend(r.bits(count), count)
}

// extend gives a number of count bits its sign: the lower half of the range
// stands for negative numbers.
func extend(v int32, count int) int32 {
	if v < 1<<(count-1) {
		v += -1<<count + 1
	}
	return v
}
