package vec

// DotRows64 writes the products of x with the rows of y, len(x) numbers each:
//
//	for k: dst[k] = sum over c of x[c]*y[k*len(x)+c]
func DotRows64(dst, x, y []float64) {
	n := len(x)
	y = y[:len(dst)*n]
	k := 0
	if fast && n >= 8 {
		for ; k+4 <= len(dst); k += 4 {
			dotRows64Asm(dst[k:k+4], x, y[k*n:])
		}
	}
	for ; k < len(dst); k++ {
		dst[k] = dot64(x, y[k*n:][:n])
	}
}

func dot64(x, y []float64) float64 {
	var s [4]float64
	for len(x) >= 4 {
		for i := range s {
			s[i] += x[i] * y[i]
		}
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		s[0] += v * y[i]
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}
