package tiff

import (
	"fmt"
	"math/bits"
)

// together decodes compressed parts that hold all samples.
func (r *reader) together() error {
	across := 1
	if r.tiled {
		across = (r.width + r.partW - 1) / r.partW
	}
	size := r.layout.rowBytes(r.partW, r.layout.samples)
	for i := 0; ; i++ {
		x, y := i%across*r.partW, i/across*r.partH
		if y >= r.height {
			return nil
		}
		rows := r.partH
		if !r.tiled {
			rows = min(rows, r.height-y)
		}
		if r.compression == jpegNew {
			if err := r.jpegPart(i, x, y, rows); err != nil {
				return err
			}
			continue
		}
		part, err := r.part(i, size, rows, r.layout.samples)
		if err != nil {
			return err
		}
		w := min(r.partW, r.width-x)
		for row := range min(rows, r.height-y) {
			r.layout.convert(r.out.Pix[r.out.PixOffset(x, y+row):][:4*w], part[row*size:][:size])
		}
	}
}

// planes decodes compressed parts that hold one sample each.
func (r *reader) planes() error {
	l := r.layout
	if l.bits != 8 && l.bits != 16 || l.photometric == ycbcr || r.compression == jpegNew {
		return fmt.Errorf("compressed planes of %d bits, photometric interpretation %d, are not supported", l.bits,
			l.photometric)
	}
	across := 1
	if r.tiled {
		across = (r.width + r.partW - 1) / r.partW
	}
	down := (r.height + r.partH - 1) / r.partH
	size := l.rowBytes(r.partW, 1)
	for i := range across * down * min(l.samples, 4) {
		plane, at := i/(across*down), i%(across*down)
		x, y := at%across*r.partW, at/across*r.partH
		rows := r.partH
		if !r.tiled {
			rows = min(rows, r.height-y)
		}
		part, err := r.part(i, size, rows, 1)
		if err != nil {
			return err
		}
		for row := range min(rows, r.height-y) {
			in, out := part[row*size:], r.out.Pix[r.out.PixOffset(x, y+row):]
			for k := range min(r.partW, r.width-x) {
				out[4*k+plane] = l.high(in[k*l.bits/8:], 0)
			}
		}
	}
	return r.finishPlanes()
}

// stored is the compressed data of part i.
func (r *reader) stored(i int) ([]byte, error) {
	if i >= len(r.offsets) {
		return nil, fmt.Errorf("part %d is missing", i)
	}
	at, n := r.offsets[i], len(r.data)-r.offsets[i]
	if i < len(r.counts) {
		n = r.counts[i]
	}
	if at < 0 || n <= 0 || at > len(r.data) || n > len(r.data)-at {
		return nil, ErrTruncated
	}
	in := r.data[at : at+n]
	if r.layout.reversed && r.compression != jpegNew {
		in = reversedBits(in)
	}
	return in, nil
}

// part decompresses part i: rows rows of size bytes, of so many samples a pixel.
func (r *reader) part(i, size, rows, samples int) ([]byte, error) {
	in, err := r.stored(i)
	if err != nil {
		return nil, err
	}
	out, err := r.expand(in, size, rows)
	if err != nil {
		return nil, fmt.Errorf("part %d: %w", i, err)
	}
	if r.predicted() {
		for row := range rows {
			if err := r.sum(out[row*size:][:size], samples); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// predicted reports whether samples are differences from those on their left.
func (r *reader) predicted() bool {
	lzwOrDeflate := r.compression == lzwCode || r.compression == deflateNew || r.compression == deflateOld
	return lzwOrDeflate && r.one(tPredictor, 1) != 1
}

// sum undoes the differences of one row.
func (r *reader) sum(row []byte, samples int) error {
	if p := r.one(tPredictor, 1); p != 2 {
		return fmt.Errorf("predictor %d is not supported", p)
	}
	order := r.order
	switch r.layout.bits {
	case 8:
		for i := samples; i < len(row); i++ {
			row[i] += row[i-samples]
		}
	case 16:
		for i := 2 * samples; i+2 <= len(row); i += 2 {
			order.PutUint16(row[i:], order.Uint16(row[i:])+order.Uint16(row[i-2*samples:]))
		}
	case 32:
		for i := 4 * samples; i+4 <= len(row); i += 4 {
			order.PutUint32(row[i:], order.Uint32(row[i:])+order.Uint32(row[i-4*samples:]))
		}
	default:
		return fmt.Errorf("differences of samples of %d bits", r.layout.bits)
	}
	return nil
}

func reversedBits(in []byte) []byte {
	out := make([]byte, len(in))
	for i, v := range in {
		out[i] = bits.Reverse8(v)
	}
	return out
}
