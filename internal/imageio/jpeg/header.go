package jpeg

import (
	"errors"
	"fmt"
)

// frameHeader reads the picture's size and components.
func (d *decoder) frameHeader(b []byte) error {
	if d.comps != nil {
		return errors.New("two frame headers")
	}
	if len(b) < 6 || len(b) != 6+3*int(b[5]) {
		return errors.New("frame header has a wrong length")
	}
	if b[0] != 8 {
		return fmt.Errorf("%d bits per sample are not supported", b[0])
	}
	d.height = int(b[1])<<8 | int(b[2])
	d.width = int(b[3])<<8 | int(b[4])
	if d.width == 0 || d.height == 0 {
		return fmt.Errorf("picture of %d x %d pixels", d.width, d.height)
	}
	n := int(b[5])
	if n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("%d components, want 1, 3 or 4", n)
	}
	comps := make([]component, n)
	for i := range comps {
		f := b[6+3*i:]
		c := &comps[i]
		c.id, c.h, c.v, c.tq = f[0], int(f[1]>>4), int(f[1]&15), int(f[2])
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.tq > 3 {
			return fmt.Errorf("component %d: sampling %d x %d, quantisation table %d", i, c.h, c.v, c.tq)
		}
		d.hMax, d.vMax = max(d.hMax, c.h), max(d.vMax, c.v)
	}
	for i := range comps {
		c := &comps[i]
		if d.hMax%c.h != 0 || d.vMax%c.v != 0 {
			return fmt.Errorf("component %d: fractional subsampling is not supported", i)
		}
		c.hExp, c.vExp = d.hMax/c.h, d.vMax/c.v
		c.width, c.rows = ceilDiv(d.width*c.h, d.hMax), ceilDiv(d.height*c.v, d.vMax)
		c.blocksX, c.blocksY = ceilDiv(c.width, 8), ceilDiv(c.rows, 8)
	}
	d.mcusX, d.mcusY = ceilDiv(d.width, 8*d.hMax), ceilDiv(d.height, 8*d.vMax)
	d.comps = comps
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// allocate reserves the sample planes before the first scan. Every block takes
// at least one bit of the file, so a short file cannot ask for a large picture.
func (d *decoder) allocate() error {
	blocks := 0
	for i := range d.comps {
		blocks += d.comps[i].blocksX * d.comps[i].blocksY
	}
	if blocks/8 > len(d.data) {
		return ErrTruncated
	}
	for i := range d.comps {
		c := &d.comps[i]
		c.strideX = d.mcusX * c.h
		c.stride = 8 * c.strideX
		c.pixels = make([]uint8, c.stride*8*d.mcusY*c.v)
		if d.progressive {
			c.coeffs = make([]int16, 64*c.strideX*d.mcusY*c.v)
		}
	}
	return nil
}

// quantTables reads one or more quantisation tables.
func (d *decoder) quantTables(b []byte) error {
	for len(b) > 0 {
		precision, id := b[0]>>4, b[0]&15
		size := 64 * (1 + int(precision))
		if precision > 1 || id > 3 || len(b) < 1+size {
			return errors.New("damaged quantisation table")
		}
		for i := range 64 {
			if precision == 0 {
				d.quant[id][i] = uint16(b[1+i])
			} else {
				d.quant[id][i] = uint16(b[1+2*i])<<8 | uint16(b[2+2*i])
			}
		}
		b = b[1+size:]
	}
	return nil
}

// huffmanTables reads one or more Huffman tables.
func (d *decoder) huffmanTables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return errors.New("damaged Huffman table")
		}
		table := &d.dcTable[b[0]&15]
		if b[0]>>4 == 1 {
			table = &d.acTable[b[0]&15]
		}
		n, err := table.build(b[1:17], b[17:])
		if err != nil {
			return err
		}
		b = b[17+n:]
	}
	return nil
}
