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

// maxBlocks is the largest number of blocks in a coding unit.
const maxBlocks = 10

// scanState is what the blocks of one scan share.
type scanState struct {
	bitReader
	comps      []*component
	blocks     int  // in a coding unit
	start, end int  // range of coefficients, in zigzag order
	high, low  uint // successive approximation
	eobRun     int
	idle       bool             // the data ran out before this coding unit
	unit       [maxBlocks]block // of an unbuffered scan
}

// block is one block of an unbuffered scan, dequantised, in row-major order.
type block struct {
	v    [64]int16
	rows bool // a coefficient outside the first row was written
}

// scan decodes one scan.
func (d *decoder) scan(header []byte) error {
	if d.comps == nil {
		return errors.New("scan before the frame header")
	}
	if d.scans > 0 && !d.buffered {
		return errors.New("more scans than components")
	}
	if d.scans++; d.scans > maxScans {
		return fmt.Errorf("more than %d scans", maxScans)
	}
	s := &scanState{bitReader: bitReader{data: d.data, pos: d.pos}}
	if err := d.scanHeader(header, s); err != nil {
		return err
	}
	if d.scans == 1 {
		d.buffered = d.progressive || len(s.comps) < len(d.comps)
		if !d.progressive {
			d.standardTables()
		}
		if err := d.allocate(); err != nil {
			return err
		}
	}
	if err := d.prepare(s); err != nil {
		return err
	}
	var err error
	if len(s.comps) == 1 {
		err = d.scanOne(s)
	} else {
		err = d.scanInterleaved(s)
	}
	if err != nil {
		return err
	}
	d.pos, d.unread = s.pos, s.marker
	if !d.buffered {
		// The picture is whole: only the block that was being read is looked at.
		d.lastGood = whole
		d.data = d.data[:min(len(d.data), ceilDiv(d.pos, readBlock)*readBlock)]
	}
	return nil
}

func (d *decoder) scanHeader(b []byte, s *scanState) error {
	if len(b) < 1 || len(b) != 4+2*int(b[0]) || b[0] < 1 || b[0] > 4 {
		return errors.New("scan header has a wrong length")
	}
	n := int(b[0])
	var taken [4]bool // libjpeg asks by position in the frame, but marks by position in the scan
	for i := range n {
		c := d.component(b[1+2*i], taken[:])
		if c == nil {
			return fmt.Errorf("scan of unknown component %d", b[1+2*i])
		}
		for _, other := range s.comps {
			if other == c {
				return errors.New("scan names a component twice")
			}
		}
		taken[i] = true
		c.dcSel, c.acSel = int(b[2+2*i]>>4), int(b[2+2*i]&15)
		s.comps = append(s.comps, c)
		s.blocks += c.h * c.v
	}
	if n > 1 && s.blocks > maxBlocks {
		return errors.New("too many blocks in a coding unit")
	}
	if n == 1 {
		s.blocks = 1
	}
	t := b[1+2*n:]
	s.start, s.end, s.high, s.low = int(t[0]), int(t[1]), uint(t[2]>>4), uint(t[2]&15)
	return nil
}

func (d *decoder) component(id byte, taken []bool) *component {
	for i := range d.comps {
		if d.comps[i].id == id && !taken[i] {
			return &d.comps[i]
		}
	}
	return nil
}

// prepare checks and readies the tables of a scan.
func (d *decoder) prepare(s *scanState) error {
	for _, c := range s.comps {
		if !c.hasQuant {
			if !d.hasQuant[c.tq] {
				return fmt.Errorf("quantisation table %d is not defined", c.tq)
			}
			c.quant, c.hasQuant = d.quant[c.tq], true
		}
	}
	dc, ac := true, true
	if d.progressive {
		if err := d.progression(s); err != nil {
			return err
		}
		dc, ac = s.start == 0 && s.high == 0, s.start > 0
	}
	for _, c := range s.comps {
		c.dcPredict = 0
		if dc && c.dcSel > 3 || ac && c.acSel > 3 {
			return errors.New("scan names an impossible Huffman table")
		}
		if dc {
			if err := d.dcTable[c.dcSel].build(true); err != nil {
				return err
			}
		}
		if ac {
			if err := d.acTable[c.acSel].build(false); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanInterleaved decodes coding units that hold blocks of several components.
func (d *decoder) scanInterleaved(s *scanState) error {
	r := restarter{d: d, s: s, left: d.restart}
	for my := range d.mcusY {
		for mx := range d.mcusX {
			if err := r.next(my); err != nil {
				return err
			}
			if !d.buffered {
				d.unbufferedUnit(s)
				d.transformUnit(s, mx, my)
				continue
			}
			s.idle = s.insufficient
			for _, c := range s.comps {
				for v := range c.v {
					for h := range c.h {
						d.bufferedBlock(s, c, mx*c.h+h, my*c.v+v)
					}
				}
			}
		}
	}
	return r.finish()
}

// scanOne decodes a scan of one component, which has no padding blocks.
func (d *decoder) scanOne(s *scanState) error {
	r := restarter{d: d, s: s, left: d.restart}
	c := s.comps[0]
	for by := range c.blocksY {
		for bx := 0; bx < c.blocksX; bx++ {
			if n := d.idleBlocks(s, c.blocksX-bx, by/c.v); n > 0 {
				bx += n - 1
				continue
			}
			if err := r.next(by / c.v); err != nil {
				return err
			}
			if d.buffered {
				s.idle = s.insufficient
				d.bufferedBlock(s, c, bx, by)
				continue
			}
			d.unbufferedUnit(s)
			s.unit[0].transform(c, bx, by)
		}
	}
	return r.finish()
}

// idleBlocks skips up to limit blocks that a scan leaves as they are, so that
// hundreds of nearly empty scans cost little.
func (d *decoder) idleBlocks(s *scanState, limit, row int) int {
	if d.restart > 0 || !d.progressive || s.start == 0 || s.ended {
		return 0
	}
	if s.insufficient {
		return limit
	}
	if s.high == 0 && s.eobRun > 0 {
		n := min(limit, s.eobRun)
		s.eobRun -= n
		d.lastGood = row
		return n
	}
	return 0
}

// bufferedBlock decodes one block's share of a scan into the coefficients.
func (d *decoder) bufferedBlock(s *scanState, c *component, bx, by int) {
	at := 64 * (by*c.strideX + bx)
	coeffs := (*[64]int16)(c.coeffs[at : at+64])
	switch {
	case d.progressive:
		d.progressiveBlock(s, c, coeffs)
	case !s.idle:
		s.sequential(c, &d.dcTable[c.dcSel], &d.acTable[c.acSel], coeffs, &asStored)
	}
}
