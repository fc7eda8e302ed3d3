package jpeg

// row returns the samples of picture row y of a component at full resolution;
// buf is room for them where they have to be computed. The choice among the
// filters is that of libjpeg-turbo's jdsample.c with fancy upsampling on.
func (c *component) row(y int, buf []uint8) []uint8 {
	wide := c.width > 2
	switch {
	case c.hExp == 1 && c.vExp == 1:
		return c.samples(y)
	case c.hExp == 2 && c.vExp == 1 && wide:
		fancyH2(buf, c.samples(y))
	case c.hExp == 1 && c.vExp == 2:
		near, far := c.nearFar(y)
		fancyV2(buf, near, far, 1+y&1)
	case c.hExp == 2 && c.vExp == 2 && wide:
		near, far := c.nearFar(y)
		if c.sums == nil {
			c.sums = make([]uint16, c.width)
		}
		fancyH2V2(buf, near, far, c.sums)
	default:
		src := c.samples(y / c.vExp)
		for x := range src {
			for i := range c.hExp {
				buf[x*c.hExp+i] = src[x]
			}
		}
	}
	return buf
}

// samples is one stored row, without padding.
func (c *component) samples(y int) []uint8 { return c.pixels[y*c.stride:][:c.width] }

// nearFar returns the stored rows nearest and second nearest to picture row y
// of a component at half height; beyond the edges the edge row repeats.
func (c *component) nearFar(y int) (near, far []uint8) {
	at := y / 2
	other := at - 1
	if y&1 == 1 {
		other = at + 1
	}
	return c.samples(at), c.samples(min(max(other, 0), c.rows-1))
}

// fancyH2 doubles the width: each output is 3/4 the nearer sample and 1/4 the
// further one. Rounding alternates so that it has no bias.
func fancyH2(out, in []uint8) {
	n := len(in)
	out = out[:2*n]
	out[0] = in[0]
	out[1] = uint8((int(in[0])*3 + int(in[1]) + 2) >> 2)
	for x := 1; x < n-1; x++ {
		v := int(in[x]) * 3
		out[2*x] = uint8((v + int(in[x-1]) + 1) >> 2)
		out[2*x+1] = uint8((v + int(in[x+1]) + 2) >> 2)
	}
	out[2*n-2] = uint8((int(in[n-1])*3 + int(in[n-2]) + 1) >> 2)
	out[2*n-1] = in[n-1]
}

// fancyV2 doubles the height with the same weights.
func fancyV2(out, near, far []uint8, bias int) {
	for x, v := range near {
		out[x] = uint8((int(v)*3 + int(far[x]) + bias) >> 2)
	}
}

// fancyH2V2 doubles both with the product of the weights: 9, 3, 3 and 1
// sixteenths. sums is room for a number a sample.
func fancyH2V2(out, near, far []uint8, sums []uint16) {
	n := len(near)
	far, out, sums = far[:n], out[:2*n], sums[:n]
	done := 0
	if m := n / 16 * 16; fast && m > 0 {
		sumsAVX2(&sums[0], &near[0], &far[0], m)
		done = m
	}
	for x := done; x < n; x++ {
		sums[x] = uint16(near[x])*3 + uint16(far[x])
	}
	out[0] = uint8((sums[0]*4 + 8) >> 4)
	out[1] = uint8((sums[0]*3 + sums[1] + 7) >> 4)
	x := 1
	if m := (n - 2) / 16 * 16; fast && m > 0 {
		widenAVX2(&out[2], &sums[1], m)
		x += m
	}
	for ; x < n-1; x++ {
		this := sums[x] * 3
		o := out[2*x:][:2]
		o[0] = uint8((this + sums[x-1] + 8) >> 4)
		o[1] = uint8((this + sums[x+1] + 7) >> 4)
	}
	out[2*n-2] = uint8((sums[n-1]*3 + sums[n-2] + 8) >> 4)
	out[2*n-1] = uint8((sums[n-1]*4 + 7) >> 4)
}
