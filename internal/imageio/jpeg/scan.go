package jpeg

import (
	"errors"
	"fmt"
)

// zigzag maps the order of coefficients in the file to row-major order. The
// extra entries catch runs that overshoot in damaged data.
var zigzag = [64 + 16]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
}

// scanState is what the blocks of one scan share.
type scanState struct {
	bits       bitReader
	comps      []*component
	start, end int  // range of coefficients, in zigzag order
	high, low  uint // successive approximation
	eobRun     int
	block      [64]int16
}

// scan decodes one scan.
func (d *decoder) scan(header []byte) error {
	if d.comps == nil {
		return errors.New("scan before the frame header")
	}
	if d.scans++; d.scans > maxScans {
		return fmt.Errorf("more than %d scans", maxScans)
	}
	if d.scans == 1 {
		if err := d.allocate(); err != nil {
			return err
		}
	}
	s := &scanState{bits: bitReader{data: d.data, pos: d.pos}}
	if err := d.scanHeader(header, s); err != nil {
		return err
	}
	var err error
	if len(s.comps) == 1 {
		err = d.scanOne(s)
	} else {
		err = d.scanInterleaved(s)
	}
	d.pos = s.bits.pos
	return err
}

func (d *decoder) scanHeader(b []byte, s *scanState) error {
	if len(b) < 1 || len(b) != 4+2*int(b[0]) || b[0] < 1 || int(b[0]) > len(d.comps) {
		return errors.New("scan header has a wrong length")
	}
	n, blocks := int(b[0]), 0
	for i := range n {
		c := d.component(b[1+2*i])
		if c == nil {
			return fmt.Errorf("scan of unknown component %d", b[1+2*i])
		}
		for _, other := range s.comps {
			if other == c {
				return errors.New("scan names a component twice")
			}
		}
		c.dcSel, c.acSel = int(b[2+2*i]>>4), int(b[2+2*i]&15)
		if c.dcSel > 3 || c.acSel > 3 {
			return errors.New("scan names an impossible Huffman table")
		}
		if !c.hasQuant {
			c.quant, c.hasQuant = d.quant[c.tq], true
		}
		s.comps = append(s.comps, c)
		blocks += c.h * c.v
	}
	if n > 1 && blocks > 10 {
		return errors.New("too many blocks in a coding unit")
	}
	s.start, s.end = 0, 63
	if d.progressive {
		t := b[1+2*n:]
		s.start, s.end, s.high, s.low = int(t[0]), int(t[1]), uint(t[2]>>4), uint(t[2]&15)
		if s.start > s.end || s.end > 63 || s.low > 13 || (s.start == 0) != (s.end == 0) || (s.start > 0 && n > 1) {
			return errors.New("scan has an impossible range of coefficients")
		}
	}
	for _, c := range s.comps {
		needDC := s.start == 0 && s.high == 0
		needAC := s.end > 0
		if needDC && !d.dcTable[c.dcSel].defined || needAC && !d.acTable[c.acSel].defined {
			return errors.New("scan uses a Huffman table that is not defined")
		}
		c.seen = true
	}
	return nil
}

func (d *decoder) component(id byte) *component {
	for i := range d.comps {
		if d.comps[i].id == id {
			return &d.comps[i]
		}
	}
	return nil
}

// scanInterleaved decodes coding units that hold blocks of several components.
func (d *decoder) scanInterleaved(s *scanState) error {
	r := d.restarter(s)
	for my := range d.mcusY {
		for mx := range d.mcusX {
			if err := r.next(); err != nil {
				return err
			}
			for _, c := range s.comps {
				for v := range c.v {
					for h := range c.h {
						d.decodeBlock(s, c, mx*c.h+h, my*c.v+v, r.missing)
					}
				}
			}
		}
	}
	return r.finish()
}

// scanOne decodes a scan of one component, which has no padding blocks.
func (d *decoder) scanOne(s *scanState) error {
	r := d.restarter(s)
	c := s.comps[0]
	for by := range c.blocksY {
		for bx := range c.blocksX {
			if err := r.next(); err != nil {
				return err
			}
			d.decodeBlock(s, c, bx, by, r.missing)
		}
	}
	return r.finish()
}

// decodeBlock decodes one block, or leaves it as it is where the scan's data
// ran out.
func (d *decoder) decodeBlock(s *scanState, c *component, bx, by int, missing bool) {
	if d.progressive {
		if !missing {
			at := 64 * (by*c.strideX + bx)
			d.progressiveBlock(s, c, c.coeffs[at:at+64])
		}
		return
	}
	s.block = [64]int16{}
	last := 0
	if !missing {
		last = s.sequentialBlock(c, &d.dcTable[c.dcSel], &d.acTable[c.acSel])
	}
	idct(&s.block, last, c.pixels[8*(by*c.stride+bx):], c.stride)
}

// sequentialBlock decodes and dequantises one block of a baseline scan. It
// returns the zigzag position of the last coefficient. The bit reader's state
// is kept in local variables, since this loop is half the time of decoding.
func (s *scanState) sequentialBlock(c *component, dc, ac *huffman) int {
	r := &s.bits
	c.dcPredict += r.signed(int(r.symbol(dc) & 15))
	s.block[0] = int16(c.dcPredict * int32(c.quant[0]))
	last := 0
	acc, n := r.acc, r.n
	for k := 1; k < 64; k++ {
		if n < 32 {
			r.acc, r.n = acc, n
			r.fill()
			acc, n = r.acc, r.n
		}
		var symbol int
		if e := int(ac.look[acc>>((n-lookBits)&63)&(1<<lookBits-1)]); e != 0 {
			n -= e >> 8
			symbol = e & 255
		} else {
			r.acc, r.n = acc, n
			symbol = int(r.symbol(ac))
			acc, n = r.acc, r.n
		}
		run, size := symbol>>4, symbol&15
		if size == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		k += run
		n -= size
		v := extend(int32(acc>>(n&63))&(1<<size-1), size)
		if k > 63 {
			break
		}
		s.block[zigzag[k]] = int16(v * int32(c.quant[k]))
		last = k
	}
	r.acc, r.n = acc, n
	return last
}
