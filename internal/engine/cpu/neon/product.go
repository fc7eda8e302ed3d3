package main

// Registers of the products: sums of a tile of 12 x 8 in V0 to V23, two a row; a
// column of A in V24 to V26, a row of B in V27 and V28.
const (
	tileRows = 12
	columnA  = 24
	rowB     = 27
	alpha    = 29
	beta     = 30
)

func productFile() string {
	s := newSource()
	s.product()
	s.peak()
	s.interleave()
	return s.String()
}

// product writes kernel12x8: for each depth five registers are read for 24 fused
// multiply-adds.
func (s *source) product() {
	s.function("kernel12x8", 48)
	s.f("MOVD k+0(FP), R0; MOVD a+8(FP), R1; MOVD b+16(FP), R2; MOVD c+24(FP), R3; MOVD ldc+32(FP), R4")
	s.f("LSL $2, R4")
	s.zero(0, 2*tileRows)
	s.f("CBZ R0, store")
	s.label("loop")
	s.load("R1", columnA, tileRows/4)
	s.load("R2", rowB, 2)
	for r := range tileRows {
		for p := range 2 {
			s.put(fmlaLane(2*r+p, rowB+p, columnA+r/4, r%4))
		}
	}
	s.f("SUB $1, R0; CBNZ R0, loop")
	s.label("store")
	s.spread("alpha+40", alpha)
	s.spread("beta+44", beta)
	s.f("MOVWU beta+44(FP), R5; ANDW $0x7fffffff, R5; CBNZW R5, add")
	for r := range tileRows {
		s.put(fmul.on(2*r, 2*r, alpha), fmul.on(2*r+1, 2*r+1, alpha))
		s.f("VST1 %s, (R3); ADD R4, R3", vectors(2*r, 2))
	}
	s.f("RET")
	s.label("add")
	for r := range tileRows {
		s.put(fmul.on(2*r, 2*r, alpha), fmul.on(2*r+1, 2*r+1, alpha))
		s.f("VLD1 (R3), %s", vectors(columnA, 2))
		s.addProduct(2*r, columnA, beta)
		s.addProduct(2*r+1, columnA+1, beta)
		s.f("VST1 %s, (R3); ADD R4, R3", vectors(2*r, 2))
	}
	s.f("RET")
}

// peak writes peakFMLA: 24 products a round that wait for nothing but their own
// sums, which is what the processor multiplies at most.
func (s *source) peak() {
	s.function("peakFMLA", 8)
	s.f("MOVD rounds+0(FP), R0")
	s.zero(0, 32)
	s.label("loop")
	for i := range 2 * tileRows {
		s.put(fmlaLane(i, rowB, columnA, 0))
	}
	s.f("SUB $1, R0; CBNZ R0, loop; RET")
}

// interleave writes interleave4: four by four values change places in registers.
func (s *source) interleave() {
	s.function("interleave4", 40)
	s.f("MOVD k+0(FP), R0; MOVD src+8(FP), R1; MOVD ld+16(FP), R5; MOVD dst+24(FP), R6; MOVD width+32(FP), R7")
	s.f("LSL $2, R5; LSL $2, R7; ADD R5, R1, R2; ADD R5, R2, R3; ADD R5, R3, R4")
	s.label("quad")
	s.f("CMP $4, R0; BLT tail")
	for r, from := range []string{"R1", "R2", "R3", "R4"} {
		s.load(from, r, 1)
	}
	s.f("VZIP1 V2.S4, V0.S4, V4.S4; VZIP1 V3.S4, V1.S4, V5.S4; VZIP2 V2.S4, V0.S4, V6.S4; VZIP2 V3.S4, V1.S4, V7.S4")
	s.f("VZIP1 V5.S4, V4.S4, V0.S4; VZIP2 V5.S4, V4.S4, V1.S4; VZIP1 V7.S4, V6.S4, V2.S4; VZIP2 V7.S4, V6.S4, V3.S4")
	for l := range 4 {
		s.f("VST1 [V%d.S4], (R6); ADD R7, R6", l)
	}
	s.f("SUB $4, R0; B quad")
	s.label("tail")
	s.f("CBZ R0, done")
	s.label("one")
	for r, from := range []string{"R1", "R2", "R3", "R4"} {
		s.f("MOVWU.P 4(%s), R8; MOVW R8, %d(R6)", from, 4*r)
	}
	s.f("ADD R7, R6; SUB $1, R0; CBNZ R0, one")
	s.label("done")
	s.f("RET")
}
