package vec

// HeadDots writes, for each of len(x)/dim heads, the product of that head's
// part of x and y:
//
//	for h: dst[h*stride] = sum over c in [0, dim) of x[h*dim+c]*y[h*dim+c]
func HeadDots(dst []float32, stride int, x, y []float32, dim int) {
	heads := len(x) / dim
	if heads == 0 {
		return
	}
	x, y = x[:heads*dim], y[:heads*dim]
	_ = dst[(heads-1)*stride]
	if fast && dim%lanes == 0 {
		headDotsAsm(dst, stride, x, y, dim)
		return
	}
	for h := 0; h < heads; h++ {
		dst[h*stride] = Dot(x[h*dim:h*dim+dim], y[h*dim:h*dim+dim])
	}
}

// HeadAxpy adds x to y, each head's part with a factor of its own:
//
//	for h, c: y[h*dim+c] += a[h*stride] * x[h*dim+c]
func HeadAxpy(a []float32, stride int, x, y []float32, dim int) {
	heads := len(x) / dim
	if heads == 0 {
		return
	}
	x, y = x[:heads*dim], y[:heads*dim]
	_ = a[(heads-1)*stride]
	if fast && dim%lanes == 0 {
		headAxpyAsm(a, stride, x, y, dim)
		return
	}
	for h := 0; h < heads; h++ {
		Axpy(a[h*stride], x[h*dim:h*dim+dim], y[h*dim:h*dim+dim])
	}
}
