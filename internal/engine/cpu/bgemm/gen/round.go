package main

// roundFile writes func roundAsm(dst *uint16, src *float32, n int): n values,
// a multiple of 32, rounded to the nearest bfloat16, ties to even.
func roundFile() string {
	s := newSource()
	s.function("roundAsm", 24)
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
	s.function("widenAsm", 24)
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
	s.pairsOfColumns()
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

// pairsOfColumns writes func pairs512(dst, a *uint16, stride, pairs, rows int):
// of the first rows columns of a, at most 12, the pairs of values in rows 2p and
// 2p+1, and zeros up to 12:
//
//	for p in [0, pairs), r in [0, 12), h: dst[(p*12+r)*2+h] = a[(2p+h)*stride+r]
func (s *source) pairsOfColumns() {
	s.function("pairs512", 40)
	s.f("MOVQ dst+0(FP), DI")
	s.f("MOVQ a+8(FP), SI")
	s.f("MOVQ stride+16(FP), R8")
	s.f("MOVQ rows+32(FP), CX")
	s.f("MOVL $1, AX")
	s.f("SHLL CX, AX")
	s.f("DECL AX")
	s.f("KMOVW AX, K1")
	s.f("MOVL $%d, AX", 1<<tileRows-1)
	s.f("KMOVW AX, K2")
	s.f("MOVQ pairs+24(FP), CX")
	s.f("SHLQ $1, R8")
	s.label("columns")
	s.f("VPMOVZXWD.Z (SI), K1, Z0")
	s.f("VPMOVZXWD.Z (SI)(R8*1), K1, Z1")
	s.f("VPSLLD $16, Z1, Z1")
	s.f("VPORD Z0, Z1, Z0")
	s.f("VMOVDQU32 Z0, K2, (DI)")
	s.f("LEAQ (SI)(R8*2), SI")
	s.f("ADDQ $%d, DI", 4*tileRows)
	s.f("DECQ CX")
	s.f("JNZ  columns")
	s.f("VZEROUPPER")
	s.f("RET")
}
