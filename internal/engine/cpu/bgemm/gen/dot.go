package main

// Registers of the products by VDPBF16PS: sums in Z0 to Z23, a row of B in Z24
// and Z25, broadcast values of A in Z26 to Z31 in turn.
const (
	tileRows  = 12
	rowLow    = 24
	rowHigh   = 25
	broadcast = 26
)

func dotFile() string {
	s := newSource()
	s.dot("dot12x32", 2)
	s.peak()
	return s.String()
}

// dot writes func(pairs int, a, b *uint16, c *float32, ldc int): the sums of a
// tile of 12 rows and 32 or 16 columns (parts of 16).
//
//	for r in [0, 12), j in [0, 16*parts):
//	    c[r*ldc+j] = sum over p in [0, pairs) of a[p, r, 0]*b[p, j, 0] + a[p, r, 1]*b[p, j, 1]
func (s *source) dot(name string, parts int) {
	s.function(name, 40)
	s.f("MOVQ pairs+0(FP), CX")
	s.f("MOVQ a+8(FP), SI")
	s.f("MOVQ b+16(FP), DI")
	s.f("MOVQ c+24(FP), DX")
	s.f("MOVQ ldc+32(FP), R9")
	s.f("SHLQ $2, R9")
	for i := range tileRows {
		for p := range parts {
			s.f("VPXORQ Z%d, Z%d, Z%d", 2*i+p, 2*i+p, 2*i+p)
		}
	}
	s.f("MOVQ CX, BX")
	s.f("SHRQ $1, BX")
	s.f("JZ   odd")
	s.label("two")
	s.pair(parts, 0)
	s.pair(parts, 1)
	s.f("ADDQ $%d, SI", 2*4*tileRows)
	s.f("ADDQ $%d, DI", 2*64*parts)
	s.f("DECQ BX")
	s.f("JNZ  two")
	s.label("odd")
	s.f("TESTQ $1, CX")
	s.f("JZ    store")
	s.pair(parts, 0)
	s.label("store")
	for i := range tileRows {
		for p := range parts {
			s.f("VMOVUPS Z%d, %d(DX)", 2*i+p, 64*p)
		}
		if i < tileRows-1 {
			s.f("ADDQ R9, DX")
		}
	}
	s.f("VZEROUPPER")
	s.f("RET")
}

// pair adds the products of one pair of depths, the at-th behind SI and DI.
func (s *source) pair(parts, at int) {
	for p := range parts {
		s.f("VMOVUPS %d(DI), Z%d", 64*(parts*at+p), rowLow+p)
	}
	for i := range tileRows {
		x := broadcast + i%6
		s.f("VBROADCASTSS %d(SI), Z%d", 4*(tileRows*at+i), x)
		for p := range parts {
			s.put(dpbf16(2*i+p, rowLow+p, x))
		}
	}
}

// peak writes func(rounds int): 24 products a round that wait for nothing but
// their own sums, which is what the processor multiplies at most.
func (s *source) peak() {
	s.function("peakDot", 8)
	s.f("MOVQ rounds+0(FP), CX")
	for i := range 32 {
		s.f("VPXORQ Z%d, Z%d, Z%d", i, i, i)
	}
	s.label("loop")
	for i := range 24 {
		s.put(dpbf16(i, rowLow, broadcast))
	}
	s.f("DECQ CX")
	s.f("JNZ  loop")
	s.f("VZEROUPPER")
	s.f("RET")
}
