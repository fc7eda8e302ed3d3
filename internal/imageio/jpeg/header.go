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
	var err error
	if d.width, d.height, err = frameSize(b); err != nil {
		return err
	}
	if d.inner && d.width > d.pixels/d.height {
		return fmt.Errorf("picture of %d x %d pixels inside another of at most %d", d.width, d.height, d.pixels)
	}
	comps := make([]component, b[5])
	if len(b) != 6+3*len(comps) {
		return errors.New("frame header has a wrong length")
	}
	for i := range comps {
		f := b[6+3*i:]
		c := &comps[i]
		c.id, c.h, c.v, c.tq = f[0], int(f[1]>>4), int(f[1]&15), int(f[2])
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.tq > 3 {
			return fmt.Errorf("component %d: sampling %d x %d, quantisation table %d", i, c.h, c.v, c.tq)
		}
		for k := range c.bits {
			c.bits[k] = -1
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

// largeBlocks is the number of blocks from which on a file must hold a bit for
// each. Pillow shows a picture of any size whose data ends at once; a file of
// some bytes that claims gigabytes is refused here.
const largeBlocks = 1 << 20

// allocate reserves the sample planes before the first scan.
func (d *decoder) allocate() error {
	blocks := 0
	for i := range d.comps {
		blocks += d.comps[i].blocksX * d.comps[i].blocksY
	}
	if blocks > largeBlocks && blocks/8 > len(d.data) {
		return ErrTruncated
	}
	for i := range d.comps {
		c := &d.comps[i]
		c.strideX = d.mcusX * c.h
		c.stride = 8 * c.strideX
		c.pixels = make([]uint8, c.stride*8*d.mcusY*c.v)
		if d.buffered {
			c.coeffs = make([]int16, 64*c.strideX*d.mcusY*c.v)
		}
	}
	return nil
}

// quantTables reads one or more quantisation tables.
func (d *decoder) quantTables(b []byte) error {
	for len(b) > 0 {
		wide, id := b[0]>>4 != 0, b[0]&15
		size := 64
		if wide {
			size = 128
		}
		if id > 3 || len(b) < 1+size {
			return errors.New("damaged quantisation table")
		}
		for i := range 64 {
			if wide {
				d.quant[id][i] = uint16(b[1+2*i])<<8 | uint16(b[2+2*i])
			} else {
				d.quant[id][i] = uint16(b[1+i])
			}
		}
		d.hasQuant[id] = true
		b = b[1+size:]
	}
	return nil
}

// huffmanTables reads one or more Huffman tables. Whether their codes make
// sense is asked when a scan uses them.
func (d *decoder) huffmanTables(b []byte) error {
	for len(b) > 16 {
		id := b[0] &^ 0x10
		total := 0
		for _, n := range b[1:17] {
			total += int(n)
		}
		if id > 3 || total > 256 || total > len(b)-17 {
			return errors.New("damaged Huffman table")
		}
		table := &d.dcTable[id]
		if b[0]&0x10 != 0 {
			table = &d.acTable[id]
		}
		table.define(b[1:17], b[17:17+total])
		b = b[17+total:]
	}
	if len(b) != 0 {
		return errors.New("damaged Huffman table")
	}
	return nil
}
