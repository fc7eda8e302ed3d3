package main

// roundFile writes func round512(dst *uint16, src *float32, n int): n values,
// a multiple of 32, rounded to the nearest bfloat16, ties to even.
func roundFile() string {
	s := newSource()
	s.function("round512", 24)
	s.f("MOVQ dst+0(FP), DI")
	s.f("MOVQ src+8(FP), SI")
	s.f("MOVQ n+16(FP), CX")
	s.label("loop")
	s.f("VMOVUPS (SI), Z0")
	s.f("VMOVUPS 64(SI), Z1")
	s.put(cvt2ToBF16(0, 1, 0))
	s.f("VMOVDQU32 Z0, (DI)")
	s.f("ADDQ $128, SI")
	s.f("ADDQ $64, DI")
	s.f("SUBQ $32, CX")
	s.f("JNZ  loop")
	s.f("VZEROUPPER")
	s.f("RET")
	s.function("widen512", 24)
	s.f("MOVQ dst+0(FP), DI")
	s.f("MOVQ src+8(FP), SI")
	s.f("MOVQ n+16(FP), CX")
	s.label("widen")
	s.f("VPMOVZXWD (SI), Z0")
	s.f("VPMOVZXWD 32(SI), Z1")
	s.f("VPSLLD $16, Z0, Z0")
	s.f("VPSLLD $16, Z1, Z1")
	s.f("VMOVUPS Z0, (DI)")
	s.f("VMOVUPS Z1, 64(DI)")
	s.f("ADDQ $64, SI")
	s.f("ADDQ $128, DI")
	s.f("SUBQ $32, CX")
	s.f("JNZ  widen")
	s.f("VZEROUPPER")
	s.f("RET")
	s.zip()
	return s.String()
}

// zip writes func zip512(dst, a, b *uint16): 32 values of a and b in turn.
func (s *source) zip() {
	s.function("zip512", 24)
	s.f("MOVQ dst+0(FP), DI")
	s.f("MOVQ a+8(FP), SI")
	s.f("MOVQ b+16(FP), DX")
	for half := range 2 {
		s.f("VPMOVZXWD %d(SI), Z%d", 32*half, half)
		s.f("VPMOVZXWD %d(DX), Z%d", 32*half, 2+half)
		s.f("VPSLLD $16, Z%d, Z%d", 2+half, 2+half)
		s.f("VPORD Z%d, Z%d, Z%d", half, 2+half, half)
		s.f("VMOVDQU32 Z%d, %d(DI)", half, 64*half)
	}
	s.f("VZEROUPPER")
	s.f("RET")
}
