package jpeg

import "encoding/binary"

// asStored are the factors of coefficients that are dequantised later.
var asStored = func() (ones [64]uint16) {
	for i := range ones {
		ones[i] = 1
	}
	return ones
}()

// blocksIn is the number of a component's blocks in a coding unit.
func (s *scanState) blocksIn(c *component) int {
	if len(s.comps) == 1 {
		return 1
	}
	return c.h * c.v
}

// unbufferedUnit decodes the blocks of one coding unit, or leaves them grey
// where the scan's data ran out.
func (d *decoder) unbufferedUnit(s *scanState) {
	clear(s.unit[:s.blocks])
	if s.insufficient || d.restart == 0 && d.unitFast(s) {
		return
	}
	i := 0
	for _, c := range s.comps {
		dc, ac := &d.dcTable[c.dcSel], &d.acTable[c.acSel]
		for range s.blocksIn(c) {
			b := &s.unit[i]
			b.rows = s.sequential(c, dc, ac, &b.v, &c.quant) || b.rows
			i++
		}
	}
}

// transformUnit turns the unit's blocks into samples.
func (d *decoder) transformUnit(s *scanState, mx, my int) {
	i := 0
	for _, c := range s.comps {
		for v := range c.v {
			for h := range c.h {
				s.unit[i].transform(c, mx*c.h+h, my*c.v+v)
				i++
			}
		}
	}
}

func (b *block) transform(c *component, bx, by int) {
	idct(&b.v, b.rows, c.pixels[8*(by*c.stride+bx):], c.stride)
}

// sequential decodes one block of a sequential scan and multiplies its
// coefficients by factors, which are in zigzag order. It reports whether any
// was outside the block's first row.
func (s *scanState) sequential(c *component, dc, ac *huffman, out *[64]int16, factors *[64]uint16) (rows bool) {
	c.dcPredict += s.signed(s.symbol(dc))
	out[0] = int16(c.dcPredict) * int16(factors[0])
	for k := 1; k < 64; k++ {
		symbol := s.symbol(ac)
		run, size := symbol>>4, symbol&15
		if size == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		k += run
		v := int16(s.signed(size))
		at := zigzag[k]
		out[at] = v * int16(factors[min(k, 63)])
		rows = rows || at >= 8
	}
	return rows
}

// fastBytes is the number of bytes that no block exceeds.
const fastBytes = 512

// unitFast decodes a coding unit far from the end of the file, with larger and
// fewer refills. It reports false where it met a marker; then nothing is
// consumed, and the careful way decodes the unit again.
func (d *decoder) unitFast(s *scanState) bool {
	if s.marker != 0 || len(s.data)-s.pos < fastBytes*s.blocks {
		return false
	}
	var before [4]int32
	for i, c := range s.comps {
		before[i] = c.dcPredict
	}
	r := fastReader{data: s.data, pos: s.pos, acc: s.acc, n: s.n}
	at := 0
	for _, c := range s.comps {
		dc, ac := &d.dcTable[c.dcSel], &d.acTable[c.acSel]
		for range s.blocksIn(c) {
			if !r.block(&s.unit[at], c, dc, ac) {
				for i, c := range s.comps {
					c.dcPredict = before[i]
				}
				return false
			}
			at++
		}
	}
	s.pos, s.acc, s.n = r.pos, r.acc, r.n
	return true
}

// fastReader is a bitReader where no marker and no end of file is near.
type fastReader struct {
	data []byte
	pos  int
	acc  uint64
	n    int
}

// fill adds six bytes; it reports false at a marker.
func (r *fastReader) fill() bool {
	v := binary.BigEndian.Uint64(r.data[r.pos:])
	if inv := ^v; (inv-0x0101010101010101)&^inv&0x8080808080800000 == 0 { // none of the six is 0xff
		r.acc = r.acc<<48 | v>>16
		r.pos += 6
		r.n += 48
		return true
	}
	for range 6 {
		c := r.data[r.pos]
		r.pos++
		if c == 0xff {
			if r.data[r.pos] != 0 {
				return false
			}
			r.pos++
		}
		r.acc = r.acc<<8 | uint64(c)
		r.n += 8
	}
	return true
}

// symbol decodes one symbol that is not in the look-up table.
func (r *fastReader) symbol(h *huffman) int {
	for length := lookBits + 1; length <= 16; length++ {
		code := int32(r.acc >> (r.n - length) & (1<<length - 1))
		if code <= h.maxCode[length] {
			r.n -= length
			return int(h.symbols[uint8(code+h.offset[length])])
		}
	}
	r.n -= 17
	return 0
}

// block is [scanState.sequential] with the reader's state in local variables,
// since this loop is half the time of decoding.
func (r *fastReader) block(b *block, c *component, dc, ac *huffman) bool {
	if r.n <= 16 && !r.fill() {
		return false
	}
	size := int(dc.look[r.acc>>((r.n-lookBits)&63)&(1<<lookBits-1)])
	if size != 0 {
		r.n -= size >> 8
		size &= 255
	} else {
		size = r.symbol(dc)
	}
	if size > 0 {
		if r.n <= 16 && !r.fill() {
			return false
		}
		r.n -= size
		c.dcPredict += extend(int32(r.acc>>(r.n&63))&(1<<size-1), size)
	}
	b.v[0] = int16(c.dcPredict) * int16(c.quant[0])
	acc, n := r.acc, r.n
	rows := uint8(0)
	for k := 1; k < 64; k++ {
		if n <= 16 {
			r.acc, r.n = acc, n
			if !r.fill() {
				return false
			}
			acc, n = r.acc, r.n
		}
		symbol := int(ac.look[acc>>((n-lookBits)&63)&(1<<lookBits-1)])
		if symbol != 0 {
			n -= symbol >> 8
			symbol &= 255
		} else {
			r.n = n
			symbol = r.symbol(ac)
			n = r.n
		}
		size := symbol & 15
		if size == 0 {
			if symbol != 0xf0 {
				break
			}
			k += 15
			continue
		}
		k += symbol >> 4
		if n <= 16 {
			r.acc, r.n = acc, n
			if !r.fill() {
				return false
			}
			acc, n = r.acc, r.n
		}
		n -= size
		v := extend(int32(acc>>(n&63))&(1<<size-1), size)
		at := zigzag[k&127%80]
		b.v[at&63] = int16(v) * int16(c.quant[min(k, 63)])
		rows |= at
	}
	r.acc, r.n = acc, n
	b.rows = b.rows || rows >= 8
	return true
}
