package main

// activateFile writes the activations over values in 16 bits, a multiple of 32 of
// them, computed as where products are finished:
//
//	func quickGELU512(dst, x *uint16, n int)
//	func gelu512(dst, x *uint16, n int)
//	func quickGELUGrad512(dst, x *uint16, dy *float32, n int)
func activateFile() string {
	s := newSource()
	s.constants("low", "high", "one", "two", "c1", "c2", "c3", "c4", "c5", "c6", "slope", "half", "erfp", "erf1",
		"erf2", "erf3", "erf4", "erf5", "magnitude", "quick")
	s.activation("quickGELU512", quickConstants, s.quickGELU)
	s.activation("gelu512", geluConstants, s.gelu)
	s.quickGELUGrad()
	return s.String()
}

func (s *source) activation(name string, constants []constant, activate func(z string)) {
	s.function(name, 24)
	s.f("MOVQ dst+0(FP), DI")
	s.f("MOVQ x+8(FP), SI")
	s.f("MOVQ n+16(FP), CX")
	s.load(constants)
	s.label("loop")
	s.widened()
	activate("Z0")
	activate("Z1")
	s.rounded()
	s.f("SUBQ $32, CX")
	s.f("JNZ  loop")
	s.f("VZEROUPPER")
	s.f("RET")
}

// widened reads 32 values at SI into Z0 and Z1.
func (s *source) widened() {
	s.f("VPMOVZXWD (SI), Z0")
	s.f("VPMOVZXWD 32(SI), Z1")
	s.f("VPSLLD $16, Z0, Z0")
	s.f("VPSLLD $16, Z1, Z1")
	s.f("ADDQ $64, SI")
}

// rounded writes Z0 and Z1 to DI.
func (s *source) rounded() {
	s.put(cvt2ToBF16(0, 1, 0))
	s.f("VMOVDQU32 Z0, (DI)")
	s.f("ADDQ $64, DI")
}

// quickGELUGrad: with t = sigmoid(1.702 x), dst = dy t (1 + 1.702 x (1 - t)).
func (s *source) quickGELUGrad() {
	s.function("quickGELUGrad512", 32)
	s.f("MOVQ dst+0(FP), DI")
	s.f("MOVQ x+8(FP), SI")
	s.f("MOVQ dy+16(FP), DX")
	s.f("MOVQ n+24(FP), CX")
	s.load(quickConstants)
	s.load(quickSlope)
	s.label("loop")
	s.widened()
	for i, z := range []string{"Z0", "Z1"} {
		s.f("VMULPS Z18, %s, Z2", z)
		s.exp2()
		s.f("VADDPS Z10, Z2, Z2")
		s.reciprocal()
		s.f("VSUBPS Z2, Z10, Z5")
		s.f("VMULPS Z5, %s, Z5", z)
		s.f("VFMADD213PS Z10, Z19, Z5")
		s.f("VMULPS %d(DX), Z2, Z2", 64*i)
		s.f("VMULPS Z5, Z2, %s", z)
	}
	s.rounded()
	s.f("ADDQ $128, DX")
	s.f("SUBQ $32, CX")
	s.f("JNZ  loop")
	s.f("VZEROUPPER")
	s.f("RET")
}
