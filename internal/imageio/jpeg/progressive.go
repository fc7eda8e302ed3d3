package jpeg

// progressiveBlock adds one scan's share to the coefficients of one block,
// which are kept in zigzag order.
func (d *decoder) progressiveBlock(s *scanState, c *component, coeffs []int16) {
	switch {
	case s.start == 0 && s.high == 0:
		r := &s.bits
		c.dcPredict += r.signed(int(r.symbol(&d.dcTable[c.dcSel]) & 15))
		coeffs[0] = int16(c.dcPredict << s.low)
	case s.start == 0:
		if s.bits.bits(1) != 0 {
			coeffs[0] |= 1 << s.low
		}
	case s.high == 0:
		s.firstAC(&d.acTable[c.acSel], coeffs)
	default:
		s.refineAC(&d.acTable[c.acSel], coeffs)
	}
}

// firstAC decodes the leading bits of a band of coefficients.
func (s *scanState) firstAC(ac *huffman, coeffs []int16) {
	if s.eobRun > 0 {
		s.eobRun--
		return
	}
	r := &s.bits
	for k := s.start; k <= s.end; k++ {
		symbol := r.symbol(ac)
		run, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if run != 15 {
				s.eobRun = 1<<run + int(r.bits(run)) - 1
				return
			}
			k += 15
			continue
		}
		k += run
		v := r.signed(size) << s.low
		if k > 63 {
			return
		}
		coeffs[k] = int16(v)
	}
}

// refineAC adds one bit to the coefficients of a band that are not zero, and
// introduces those that become so.
func (s *scanState) refineAC(ac *huffman, coeffs []int16) {
	r := &s.bits
	one := int16(1) << s.low
	k := s.start
	for s.eobRun == 0 && k <= s.end {
		symbol := r.symbol(ac)
		run, size := int(symbol>>4), int(symbol&15)
		fresh := int16(0)
		if size != 0 {
			fresh = -one
			if r.bits(1) != 0 {
				fresh = one
			}
		} else if run != 15 {
			s.eobRun = 1<<run + int(r.bits(run))
			break
		}
		for ; k <= s.end; k++ {
			if coeffs[k] != 0 {
				s.refine(&coeffs[k], one)
			} else if run == 0 {
				break
			} else {
				run--
			}
		}
		if fresh != 0 && k <= s.end {
			coeffs[k] = fresh
		}
		k++
	}
	if s.eobRun > 0 {
		for ; k <= s.end; k++ {
			if coeffs[k] != 0 {
				s.refine(&coeffs[k], one)
			}
		}
		s.eobRun--
	}
}

// refine moves a coefficient away from zero by one if the next bit says so and
// that bit is not set already.
func (s *scanState) refine(c *int16, one int16) {
	if s.bits.bits(1) == 0 || *c&one != 0 {
		return
	}
	if *c >= 0 {
		*c += one
	} else {
		*c -= one
	}
}

// reconstruct turns the gathered coefficients into samples.
func (d *decoder) reconstruct() {
	var block [64]int16
	for i := range d.comps {
		c := &d.comps[i]
		for by := range c.blocksY {
			for bx := range c.blocksX {
				coeffs := c.coeffs[64*(by*c.strideX+bx):][:64]
				block = [64]int16{}
				last := 0
				for k, v := range coeffs {
					if v != 0 {
						block[zigzag[k]] = int16(int32(v) * int32(c.quant[k]))
						last = k
					}
				}
				idct(&block, last, c.pixels[8*(by*c.stride+bx):], c.stride)
			}
		}
		c.coeffs = nil
	}
}
