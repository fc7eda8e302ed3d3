package imageio

// unpackBMP undoes the run lengths of a bitmap to a byte a pixel, as Pillow
// does: rows are not bounded by the encoding, a jump fills with index 0, and
// what is missing at the end makes the result too short.
func unpackBMP(data []byte, f bmpFile) []byte {
	four := f.compression == bmpRLE4
	total := f.width * f.height
	r := &cursor{data}
	out := make([]byte, 0, min(total, 256*len(data)))
	x := 0
	for len(out) < total {
		pair := r.take(2)
		if pair == nil {
			break
		}
		n, v := int(pair[0]), pair[1]
		switch {
		case n > 0:
			n = max(0, min(n, f.width-x))
			for i := range n {
				out = append(out, nibble(v, i, four))
			}
			x += n
		case v == 0: // end of the row
			for len(out)%f.width != 0 {
				out = append(out, 0)
			}
			x = 0
		case v == 1: // end of the picture
			return out
		case v == 2: // a jump
			by := r.take(2)
			if by == nil {
				return out
			}
			out = append(out, make([]byte, min(total-len(out), int(by[0])+int(by[1])*f.width))...)
			x = len(out) % f.width
		default:
			if out = literal(out, r, v, four, total); len(out) >= total || r.rest == nil {
				return out
			}
			x += int(v)
			if (len(data)-len(r.rest)+f.offset)%2 != 0 {
				r.take(1)
			}
		}
	}
	return out
}

// literal appends count pixels stored as they are; the cursor's rest becomes
// nil where there are fewer.
func literal(out []byte, r *cursor, count byte, four bool, total int) []byte {
	n := min(total-len(out), int(count))
	size := n
	if four {
		size = (n + 1) / 2
	}
	body := r.rest[:min(size, len(r.rest))]
	if r.take(size) == nil {
		n = len(body)
		if four {
			n *= 2
		}
	}
	for i := range n {
		if four {
			out = append(out, nibble(body[i/2], i, true))
		} else {
			out = append(out, body[i])
		}
	}
	return out
}

// nibble is pixel i of a byte that holds two, or the byte.
func nibble(v byte, i int, two bool) byte {
	switch {
	case !two:
		return v
	case i%2 == 0:
		return v >> 4
	}
	return v & 15
}
