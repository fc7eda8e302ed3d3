package main

// softmaxFile writes func softmax512(dst *uint16, src *float32, n, whole int,
// scale float32) (sum float32): the numerators of a softmax over a row of
// scores, rounded, and their sum before that. src is read up to a multiple of 16
// values, and dst filled up with zeros to whole, a multiple of 32.
//
//	for i in [0, n): dst[i] = exp2(scale * (src[i] - max of src))
func softmaxFile() string {
	s := newSource()
	s.constants("low", "high", "one", "c1", "c2", "c3", "c4", "c5", "c6", "least")
	s.function("softmax512", 44)
	s.f("MOVQ dst+0(FP), DI")
	s.f("MOVQ src+8(FP), SI")
	s.f("MOVQ n+16(FP), CX")
	s.f("MOVQ whole+24(FP), DX")
	s.f("VBROADCASTSS scale+32(FP), Z18")
	s.load(exp2Constants)
	s.f("VBROADCASTSS least<>(SB), Z20")
	// The mask of the last 16 values or fewer.
	s.f("MOVQ CX, AX")
	s.f("DECQ AX")
	s.f("ANDQ $-16, AX") // where they begin
	s.f("MOVQ CX, R8")
	s.f("SUBQ AX, R8")
	s.f("MOVQ R8, CX")
	s.f("MOVL $1, R10")
	s.f("SHLL CX, R10")
	s.f("DECL R10")
	s.f("KMOVW R10, K1")
	s.f("MOVQ AX, CX")
	s.f("SHLQ $2, AX")
	s.f("ADDQ SI, AX")
	s.f("VMOVAPS Z20, Z21")
	s.f("VMOVAPS Z20, Z22")
	s.f("VMOVUPS (AX), K1, Z21") // what is beyond stays the least
	s.f("VMOVAPS Z21, Z23")
	s.f("MOVQ SI, BX")
	s.label("max")
	s.f("CMPQ BX, AX")
	s.f("JAE  reduce")
	s.f("VMAXPS (BX), Z22, Z22")
	s.f("ADDQ $64, BX")
	s.f("JMP  max")
	s.label("reduce")
	s.f("VMAXPS Z22, Z21, Z21")
	for _, step := range []string{"VSHUFF32X4 $0x4e, Z21, Z21, Z22", "VSHUFF32X4 $0xb1, Z21, Z21, Z22",
		"VSHUFPS $0x4e, Z21, Z21, Z22", "VSHUFPS $0xb1, Z21, Z21, Z22"} {
		s.f("%s", step)
		s.f("VMAXPS Z22, Z21, Z21")
	}
	s.f("VPXORQ Z19, Z19, Z19") // the sums
	s.label("exp")
	s.f("CMPQ SI, AX")
	s.f("JAE  last")
	s.f("VMOVUPS (SI), Z2")
	s.f("VSUBPS Z21, Z2, Z2")
	s.f("VMULPS Z18, Z2, Z2")
	s.exp2()
	s.f("VADDPS Z2, Z19, Z19")
	s.put(cvtToBF16(2, 2))
	s.f("VMOVDQU Y2, (DI)")
	s.f("ADDQ $64, SI")
	s.f("ADDQ $32, DI")
	s.f("JMP  exp")
	s.label("last")
	s.f("VSUBPS Z21, Z23, Z2")
	s.f("VMULPS Z18, Z2, Z2")
	s.exp2()
	s.f("VMOVAPS.Z Z2, K1, Z2")
	s.f("VADDPS Z2, Z19, Z19")
	s.put(cvtToBF16(2, 2))
	s.f("VMOVDQU Y2, (DI)")
	s.f("ADDQ $32, DI")
	s.f("ADDQ $16, CX")
	s.f("VPXORQ Z3, Z3, Z3")
	s.label("fill")
	s.f("CMPQ CX, DX")
	s.f("JAE  sum")
	s.f("VMOVDQU Y3, (DI)")
	s.f("ADDQ $32, DI")
	s.f("ADDQ $16, CX")
	s.f("JMP  fill")
	s.label("sum")
	for _, step := range []string{"VSHUFF32X4 $0x4e, Z19, Z19, Z22", "VSHUFF32X4 $0xb1, Z19, Z19, Z22",
		"VSHUFPS $0x4e, Z19, Z19, Z22", "VSHUFPS $0xb1, Z19, Z19, Z22"} {
		s.f("%s", step)
		s.f("VADDPS Z22, Z19, Z19")
	}
	s.f("VMOVSS X19, sum+40(FP)")
	s.f("VZEROUPPER")
	s.f("RET")
	s.slopes()
	return s.String()
}

// slopes writes func slopes512(dst, p *uint16, dp *float32, n int, mean, factor
// float32), the gradients of n scores, a multiple of 32, rounded:
//
//	for i in [0, n): dst[i] = factor * p[i] * (dp[i] - mean)
func (s *source) slopes() {
	s.function("slopes512", 40)
	s.f("MOVQ dst+0(FP), DI")
	s.f("MOVQ p+8(FP), SI")
	s.f("MOVQ dp+16(FP), DX")
	s.f("MOVQ n+24(FP), CX")
	s.f("VBROADCASTSS mean+32(FP), Z4")
	s.f("VBROADCASTSS factor+36(FP), Z5")
	s.label("slope")
	for half := range 2 {
		s.f("VPMOVZXWD %d(SI), Z%d", 32*half, half)
		s.f("VPSLLD $16, Z%d, Z%d", half, half)
		s.f("VMOVUPS %d(DX), Z%d", 64*half, 2+half)
		s.f("VSUBPS Z4, Z%d, Z%d", 2+half, 2+half)
		s.f("VMULPS Z5, Z%d, Z%d", half, half)
		s.f("VMULPS Z%d, Z%d, Z%d", 2+half, half, half)
	}
	s.put(cvt2ToBF16(0, 1, 0))
	s.f("VMOVDQU32 Z0, (DI)")
	s.f("ADDQ $64, SI")
	s.f("ADDQ $128, DX")
	s.f("ADDQ $64, DI")
	s.f("SUBQ $32, CX")
	s.f("JNZ  slope")
	s.f("VZEROUPPER")
	s.f("RET")
}
