package tiff

import (
	"errors"
	"fmt"
)

// ycc converts compressed YCbCr as libtiff does: tables in 16-bit fixed point
// from the weights of luma and the reference black and white.
type ycc struct {
	h, v             int // pixels across and down that share their chroma
	luma             [256]int32
	crRed, cbBlue    [256]int32
	crGreen, cbGreen [256]int32 // still times 65536
}

// Tags of YCbCr.
const (
	tLumaWeights = 529
	tSubsampling = 530
	tBlackWhite  = 532
)

func newYCC(d *directory) (*ycc, error) {
	c := &ycc{h: 2, v: 2}
	if s := d.ints(tSubsampling); len(s) >= 2 {
		c.h, c.v = s[0], s[1]
	}
	switch [2]int{c.h, c.v} {
	case [2]int{4, 4}, [2]int{4, 2}, [2]int{4, 1}, [2]int{2, 2}, [2]int{2, 1}, [2]int{1, 2}, [2]int{1, 1}:
	default:
		return nil, fmt.Errorf("chroma subsampling %d x %d is not supported", c.h, c.v)
	}
	weights := d.rationals(tLumaWeights, []float32{0.299, 0.587, 0.114})
	black := d.rationals(tBlackWhite, []float32{0, 255, 128, 255, 128, 255})
	if weights[1] == 0 {
		return nil, errors.New("luma without green")
	}
	fix := func(v float32) int32 { return int32(float32(min(max(v, 0), 2)*65536) + 0.5) }
	f1, f3 := 2-2*weights[0], 2-2*weights[2]
	d1, d2 := fix(f1), -fix(weights[0]*f1/weights[1])
	d3, d4 := fix(f3), -fix(weights[2]*f3/weights[1])
	for i := range 256 {
		x := i - 128
		cr := value(x, black[4]-128, black[5]-128, 127)
		cb := value(x, black[2]-128, black[3]-128, 127)
		c.crRed[i], c.cbBlue[i] = (d1*cr+1<<15)>>16, (d3*cb+1<<15)>>16
		c.crGreen[i], c.cbGreen[i] = d2*cr, d4*cb+1<<15
		c.luma[i] = value(i, black[0], black[1], 255)
	}
	return c, nil
}

// value scales a code between its references to a range.
func value(code int, black, white, span float32) int32 {
	width := white - black
	if width == 0 {
		width = 1
	}
	v := float32(float32(int32(code)-int32(black))*span) / width
	return int32(min(max(v, -128*32), 128*32))
}

func (c *ycc) set(out []byte, i int, y, cb, cr byte) {
	l := c.luma[y]
	set(out, i, clip(int(l+c.crRed[cr])), clip(int(l+(c.cbGreen[cb]+c.crGreen[cr])>>16)), clip(int(l+c.cbBlue[cb])))
}

// size is the length of a part of w x h pixels: blocks of h x v luma samples
// and their two of chroma.
func (c *ycc) size(w, h int) int {
	return ceilDiv(w, c.h) * ceilDiv(h, c.v) * (c.h*c.v + 2)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// part writes a part of w x h stored pixels into the picture at (x, y).
func (r *reader) yccPart(c *ycc, part []byte, w, h, x, y int) {
	block, across := c.h*c.v+2, ceilDiv(w, c.h)
	for row := range min(h, r.height-y) {
		out := r.out.Pix[r.out.PixOffset(x, y+row):]
		for k := range min(w, r.width-x) {
			b := part[(row/c.v*across+k/c.h)*block:][:block]
			c.set(out, k, b[row%c.v*c.h+k%c.h], b[block-2], b[block-1])
		}
	}
}

// yccParts decodes compressed parts of YCbCr.
func (r *reader) yccParts() error {
	c, err := newYCC(r.directory)
	if err != nil {
		return err
	}
	if r.planar || r.predicted() && c.h*c.v > 1 {
		return errors.New("compressed YCbCr in planes, or of differences with subsampling, is not supported")
	}
	across := 1
	if r.tiled {
		across = ceilDiv(r.width, r.partW)
	}
	for i := 0; i/across*r.partH < r.height; i++ {
		x, y := i%across*r.partW, i/across*r.partH
		rows := r.partH
		if !r.tiled {
			rows = min(rows, r.height-y)
		}
		size := c.size(r.partW, rows)
		var part []byte
		if c.h*c.v == 1 {
			part, err = r.part(i, size/rows, rows, 3)
		} else {
			part, err = r.part(i, size, 1, 3)
		}
		if err != nil {
			return err
		}
		r.yccPart(c, part, r.partW, rows, x, y)
	}
	return nil
}

// rationals returns a tag's fractions, or the default where it is absent or
// has fewer values.
func (d *directory) rationals(tag int, without []float32) []float32 {
	f, ok := d.fields[tag]
	if !ok || f.kind != 5 || f.count < len(without) {
		return without
	}
	out := make([]float32, len(without))
	for i := range out {
		top, bottom := d.order.Uint32(f.body[8*i:]), d.order.Uint32(f.body[8*i+4:])
		if bottom != 0 {
			out[i] = float32(float64(top) / float64(bottom))
		}
	}
	return out
}
