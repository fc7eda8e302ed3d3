package imageio

import (
	"fmt"
	"image"
	"sync"
)

// PassOrder says which axis Resize scales first. The result of the first pass
// is rounded to 8 bits, so the order shows in the last bits.
type PassOrder int

const (
	// CurrentPillow is the order of Pillow 13 and later: vertical first when
	// the height shrinks by more than twice as many pixels as the width,
	// horizontal first otherwise.
	CurrentPillow PassOrder = iota
	// HorizontalFirst is the order of every Pillow before 13.
	HorizontalFirst
)

func (o PassOrder) verticalFirst(from, to image.Point) bool {
	shrink := from.Sub(to)
	return o == CurrentPillow && shrink.Y > 0 && shrink.Y > 2*shrink.X
}

// Resize scales the pixels of src inside box to width x height and returns the
// part of the result inside crop; pixels outside crop are never computed. It
// equals Pillow's Image.resize on 8-bit RGB bit for bit: one pass per axis in
// 22-bit fixed point, rounded to 8 bits in between. Alpha is ignored; the
// result is opaque with bounds starting at (0, 0).
func Resize(src *image.NRGBA, box image.Rectangle, width, height int, crop image.Rectangle, f Filter,
	order PassOrder) (*image.NRGBA, error) {
	switch {
	case box.Empty() || !box.In(src.Rect):
		return nil, fmt.Errorf("resize: box %v is empty or outside the image %v", box, src.Rect)
	case width <= 0 || height <= 0:
		return nil, fmt.Errorf("resize: cannot scale to %d x %d", width, height)
	case crop.Empty() || !crop.In(image.Rect(0, 0, width, height)):
		return nil, fmt.Errorf("resize: crop %v is empty or outside %d x %d", crop, width, height)
	}
	across := axisTaps(f, box.Dx(), width, crop.Min.X, crop.Max.X)
	down := axisTaps(f, box.Dy(), height, crop.Min.Y, crop.Max.Y)
	dst := image.NewNRGBA(image.Rect(0, 0, crop.Dx(), crop.Dy()))
	work := scratchPool.Get().(*scratch)
	defer scratchPool.Put(work)
	if order.verticalFirst(box.Size(), image.Pt(width, height)) {
		resizeDownAcross(dst, src, box.Min, &across, &down, work)
	} else {
		resizeAcrossDown(dst, src, box.Min, &across, &down, work)
	}
	return dst, nil
}

// resizeAcrossDown scales each needed row first, then combines rows.
func resizeAcrossDown(dst, src *image.NRGBA, origin image.Point, across, down *taps, work *scratch) {
	lo, hi := down.inputs()
	stride := dst.Stride
	rows := work.bytes(stride * (hi - lo))
	for y := lo; y < hi; y++ {
		across.row(rows[(y-lo)*stride:][:stride], src.Pix[src.PixOffset(origin.X, origin.Y+y):])
	}
	sums := work.ints(stride)
	for y := range dst.Rect.Dy() {
		first := down.first[y] - lo
		down.column(dst.Pix[y*stride:][:stride], rows[first*stride:], stride, y, sums)
	}
}

// resizeDownAcross combines rows first, over the needed columns, then scales
// the one resulting row.
func resizeDownAcross(dst, src *image.NRGBA, origin image.Point, across, down *taps, work *scratch) {
	lo, hi := across.inputs()
	row := work.bytes(4 * hi)
	sums := work.ints(4 * (hi - lo))
	for y := range dst.Rect.Dy() {
		in := src.Pix[src.PixOffset(origin.X+lo, origin.Y+down.first[y]):]
		down.column(row[4*lo:], in, src.Stride, y, sums)
		across.row(dst.Pix[y*dst.Stride:][:dst.Stride], row)
	}
}

// scratch is the working memory of one Resize, kept between calls.
type scratch struct {
	pix  []byte
	sums []int32
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// maxKept bounds the memory a pooled scratch holds on to.
const maxKept = 16 << 20

func (s *scratch) bytes(n int) []byte {
	if n > maxKept {
		return make([]byte, n)
	}
	if cap(s.pix) < n {
		s.pix = make([]byte, n)
	}
	return s.pix[:n]
}

func (s *scratch) ints(n int) []int32 {
	if cap(s.sums) < n {
		s.sums = make([]int32, n)
	}
	return s.sums[:n]
}

const half = 1 << (precisionBits - 1)

// row resamples one row of RGBA pixels; in starts at the axis's position 0.
func (t *taps) row(out, in []byte) {
	if t.copies {
		copy(out, in[4*t.first[0]:])
		return
	}
	if fast {
		last := len(t.first) - 1
		_, _ = out[4*last+3], in[4*(t.first[last]+t.count[last])-1] // the assembly does not look
		rowAsm(&out[0], &in[0], t.first, t.count, &t.weight[0], t.width)
		return
	}
	for i, first := range t.first {
		weights := t.weight[i*t.width:][:t.count[i]]
		pixels := in[4*first:][:4*len(weights)]
		r, g, b := int32(half), int32(half), int32(half)
		for _, w := range weights {
			p := pixels[:4:4]
			r += int32(p[0]) * w
			g += int32(p[1]) * w
			b += int32(p[2]) * w
			pixels = pixels[4:]
		}
		o := out[4*i:][:4]
		o[0], o[1], o[2], o[3] = clip(r), clip(g), clip(b), 255
	}
}

// column combines rows of RGBA pixels to output row i, four rows at a time;
// rows starts at the output's first tap.
func (t *taps) column(out, rows []byte, stride, i int, sums []int32) {
	out = out[:len(sums)]
	if t.copies {
		copy(out, rows)
		opaque(out)
		return
	}
	weights := t.weight[i*t.width:][:t.count[i]]
	if n := len(sums) / 8 * 8; fast && n > 0 {
		_ = rows[(len(weights)-1)*stride+len(sums)-1] // the assembly does not look
		columnAsm(&out[0], &rows[0], n, stride, weights)
		out, rows, sums = out[n:], rows[n:], sums[n:]
	}
	t.columnGo(out, rows, stride, weights, sums)
}

// columnGo is columnAsm in Go, for any number of bytes; sums are scratch.
func (t *taps) columnGo(out, rows []byte, stride int, weights, sums []int32) {
	for x := range sums {
		sums[x] = half
	}
	for len(weights) >= 4 {
		w0, w1, w2, w3 := weights[0], weights[1], weights[2], weights[3]
		a := rows[:len(sums)]
		b := rows[stride:][:len(sums)]
		c := rows[2*stride:][:len(sums)]
		d := rows[3*stride:][:len(sums)]
		for x := range sums {
			sums[x] += int32(a[x])*w0 + int32(b[x])*w1 + int32(c[x])*w2 + int32(d[x])*w3
		}
		weights = weights[4:]
		if len(weights) > 0 {
			rows = rows[4*stride:]
		}
	}
	for k, w := range weights {
		a := rows[k*stride:][:len(sums)]
		for x := range sums {
			sums[x] += int32(a[x]) * w
		}
	}
	for x, v := range sums {
		out[x] = clip(v)
	}
	opaque(out)
}

func clip(v int32) uint8 {
	return uint8(min(max(v>>precisionBits, 0), 255))
}

// opaque sets the alpha of every pixel of a row.
func opaque(row []byte) {
	for i := 3; i < len(row); i += 4 {
		row[i] = 255
	}
}
