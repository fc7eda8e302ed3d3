package jpeg

import "errors"

// progression checks the range of coefficients of a progressive scan and
// notes how exactly they are known after it.
func (d *decoder) progression(s *scanState) error {
	if s.start > s.end || s.end > 63 || s.start == 0 && s.end != 0 || s.start > 0 && len(s.comps) > 1 ||
		s.low > 13 || s.high != 0 && s.low != s.high-1 {
		return errors.New("scan has an impossible range of coefficients")
	}
	for _, c := range s.comps {
		for k := min(s.start, 1); k <= max(s.end, 9); k++ {
			c.bitsBefore[k] = 0
			if d.scans > 1 {
				c.bitsBefore[k] = c.bits[k]
			}
		}
		for k := s.start; k <= s.end; k++ {
			c.bits[k] = int(s.low)
		}
	}
	return nil
}

// progressiveBlock adds one scan's share to the coefficients of one block.
func (d *decoder) progressiveBlock(s *scanState, c *component, coeffs *[64]int16) {
	switch {
	case s.start == 0 && s.high != 0:
		if s.bits(1) != 0 {
			coeffs[0] |= 1 << s.low
		}
	case s.idle:
	case s.start == 0:
		c.dcPredict += s.signed(s.symbol(&d.dcTable[c.dcSel]))
		coeffs[0] = int16(c.dcPredict << s.low)
	case s.high == 0:
		s.firstAC(&d.acTable[c.acSel], coeffs)
	default:
		s.refineAC(&d.acTable[c.acSel], coeffs)
	}
}

// firstAC decodes the leading bits of a band of coefficients.
func (s *scanState) firstAC(ac *huffman, coeffs *[64]int16) {
	if s.eobRun > 0 {
		s.eobRun--
		return
	}
	for k := s.start; k <= s.end; k++ {
		symbol := s.symbol(ac)
		run, size := symbol>>4, symbol&15
		if size == 0 {
			if run != 15 {
				s.eobRun = 1<<run + int(s.bits(run)) - 1
				return
			}
			k += 15
			continue
		}
		k += run
		coeffs[zigzag[k]] = int16(s.signed(size) << s.low)
	}
}

// refineAC adds one bit to the coefficients of a band that are not zero, and
// introduces those that become so. In damaged data the last of these lies just
// past the band.
func (s *scanState) refineAC(ac *huffman, coeffs *[64]int16) {
	one := int16(1) << s.low
	k := s.start
	for s.eobRun == 0 && k <= s.end {
		symbol := s.symbol(ac)
		run, size := symbol>>4, symbol&15
		fresh := int16(0)
		if size != 0 {
			fresh = -one
			if s.bits(1) != 0 {
				fresh = one
			}
		} else if run != 15 {
			s.eobRun = 1<<run + int(s.bits(run))
			break
		}
		for ; k <= s.end; k++ {
			if v := &coeffs[zigzag[k]]; *v != 0 {
				s.refine(v, one)
			} else if run == 0 {
				break
			} else {
				run--
			}
		}
		if fresh != 0 {
			coeffs[zigzag[k]] = fresh
		}
		k++
	}
	if s.eobRun > 0 {
		for ; k <= s.end; k++ {
			if v := &coeffs[zigzag[k]]; *v != 0 {
				s.refine(v, one)
			}
		}
		s.eobRun--
	}
}

// refine moves a coefficient away from zero by one if the next bit says so and
// that bit is not set already.
func (s *scanState) refine(c *int16, one int16) {
	if s.bits(1) == 0 || *c&one != 0 {
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
	smooth := d.progressive && d.wantsSmoothing()
	for i := range d.comps {
		c := &d.comps[i]
		quant := rowMajor(&c.quant)
		for by := range c.blocksY {
			var w window
			if smooth {
				w = d.window(c, by)
			}
			for bx := range c.blocksX {
				var b block
				copy(b.v[:], c.block(bx, by)[:])
				if smooth {
					w.estimate(bx, &b.v)
				}
				for k, v := range b.v {
					if v != 0 {
						b.v[k] = v * int16(quant[k])
						b.rows = b.rows || k >= 8
					}
				}
				b.transform(c, bx, by)
			}
		}
		c.coeffs = nil
	}
}

func (c *component) block(bx, by int) *[64]int16 {
	at := 64 * (by*c.strideX + bx)
	return (*[64]int16)(c.coeffs[at : at+64])
}

// rowMajor is a table of quantisation in the order of samples.
func rowMajor(zigzagged *[64]uint16) (out [64]uint16) {
	for k, v := range zigzagged {
		out[zigzag[k]] = v
	}
	return out
}
