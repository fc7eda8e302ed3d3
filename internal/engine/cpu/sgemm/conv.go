package sgemm

import "fmt"

// Window says that the rows of a left operand are windows of 3x3 pixels, one
// pixel of zeros around the picture, as a convolution multiplies them by its
// weight. The operand is never stored: its panels are packed from the picture.
//
// A picture is Side x Side pixels of Channels values; row (b*S + y)*S + x of the
// operand, S = Side/Stride rounded up, has 9*Channels columns:
//
//	a[(b*S+y)*S+x, (ky*3+kx)*Channels+c] = picture[b, y*Stride+ky-1, x*Stride+kx-1, c]
type Window struct {
	Side, Stride, Channels int
}

// out is the side of the result.
func (w Window) out() int { return (w.Side + w.Stride - 1) / w.Stride }

// Conv computes C = A op(B) for the windows A of batch pictures x, as Fused does
// with B [n, 9*Channels] transposed, and calls finish on what is complete.
func Conv(threads int, w Window, batch, n int, x, b, c []float32, finish Epilogue) {
	m, k := batch*w.out()*w.out(), 9*w.Channels
	if len(x) < batch*w.Side*w.Side*w.Channels {
		panic(fmt.Sprintf("sgemm: %d values are not %d pictures of %d x %d x %d", len(x), batch, w.Side, w.Side,
			w.Channels))
	}
	B := operand{data: b, ld: k, trans: true}
	B.check("b", k, n)
	operand{data: c, ld: n}.check("c", m, n)
	if m == 0 || n == 0 {
		return
	}
	kern := active
	A := operand{data: x, window: &w}
	step := max(packLimit/k/kern.nr, 1) * kern.nr
	for j := 0; j < n; j += step {
		p := pack(kern, threads, B.columns(j), k, min(step, n-j))
		multiply(kern, threads, A, m, 1, p, 0, c, n, j, finish)
		p.release()
	}
}

// packWindows is packA for windows.
func (w Window) packWindows(dst []float32, mr int, x []float32, i, rows, k0, depth int) {
	for l := 0; l < depth; {
		place, c := (k0+l)/w.Channels, (k0+l)%w.Channels
		n := min(w.Channels-c, depth-l)
		w.packPlace(dst[l*mr:], mr, x, i, rows, place, c, n)
		l += n
	}
}

// packPlace packs n channels from c on of one of the nine places.
func (w Window) packPlace(dst []float32, mr int, x []float32, i, rows, place, c, n int) {
	out := w.out()
	r := 0
	for r < rows {
		at := i + r
		picture, oy, ox := at/(out*out), at/out%out, at%out
		y, left := oy*w.Stride+place/3-1, ox*w.Stride+place%3-1
		run := min(rows-r, out-ox) // of windows in this row of the picture
		base := (picture*w.Side + y) * w.Side
		for end := r + run; r < end; {
			inside := y >= 0 && y < w.Side && left >= 0 && left < w.Side
			if inside && r+4 <= end && left+3*w.Stride < w.Side {
				src := x[(base+left)*w.Channels+c:]
				ld := w.Stride * w.Channels
				_ = src[3*ld+n-1]
				_ = dst[(n-1)*mr+r+3]
				interleave4(n, &src[0], ld, &dst[r], mr)
				r, left = r+4, left+4*w.Stride
				continue
			}
			if inside {
				for l, v := range x[(base+left)*w.Channels+c:][:n] {
					dst[l*mr+r] = v
				}
			} else {
				for l := range n {
					dst[l*mr+r] = 0
				}
			}
			r, left = r+1, left+w.Stride
		}
	}
	if r < mr {
		for l := range n {
			clear(dst[l*mr+r : (l+1)*mr])
		}
	}
}
