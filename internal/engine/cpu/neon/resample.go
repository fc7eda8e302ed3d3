package main

// Registers of the resampling of pictures: sums of four channels or bytes in V0 to
// V3, half a unit of the 22 fractional bits in V30, opaque alphas in V31.
const (
	halfUnit = 30
	opaque   = 31
)

func resampleFile() string {
	s := newSource()
	s.resampleRow()
	s.resampleColumn()
	return s.String()
}

func (s *source) resampleConstants() {
	s.f("MOVD $0x200000, R9; VDUP R9, V%d.S4; MOVD $0xff000000, R9; VDUP R9, V%d.S4", halfUnit, opaque)
}

// resampleRow writes rowAsm: a pixel's four channels are the lanes, two sums a
// pixel, four taps a round.
func (s *source) resampleRow() {
	s.function("rowAsm", 80)
	s.f("MOVD out+0(FP), R1; MOVD in+8(FP), R2; MOVD first_base+16(FP), R3; MOVD first_len+24(FP), R4")
	s.f("MOVD count_base+40(FP), R5; MOVD weight+64(FP), R6; MOVD width+72(FP), R7; LSL $2, R7")
	s.resampleConstants()
	s.f("CBZ R4, done")
	s.label("pixel")
	s.f("MOVD.P 8(R3), R8; ADD R8<<2, R2, R8; MOVD.P 8(R5), R0; MOVD R6, R10; ADD R7, R6")
	s.move(0, halfUnit)
	s.zero(1, 2)
	s.steps("four", "one", 4, func() {
		s.f("VLD1.P 16(R8), [V4.B16]; VLD1.P 16(R10), [V5.S4]")
		s.f("VUXTL V4.B8, V6.H8; VUXTL2 V4.B16, V7.H8")
		s.f("VUXTL V6.H4, V16.S4; VUXTL2 V6.H8, V17.S4; VUXTL V7.H4, V18.S4; VUXTL2 V7.H8, V19.S4")
		for tap := range 4 {
			s.put(mlaLane(tap%2, 16+tap, 5, tap))
		}
	})
	s.label("one")
	s.f("CBZ R0, sum; FMOVS.P 4(R8), F4; FMOVS.P 4(R10), F5; VUXTL V4.B8, V4.H8; VUXTL V4.H4, V4.S4")
	s.put(mlaLane(0, 4, 5, 0))
	s.f("SUB $1, R0; B one")
	s.label("sum")
	s.f("VADD V1.S4, V0.S4, V0.S4")
	s.put(sshr22.on(0, 0), sqxtun.on(0, 0), uqxtn.on(0, 0))
	s.f("VORR V%d.B16, V0.B16, V0.B16; FMOVS.P F0, 4(R1)", opaque)
	s.f("SUB $1, R4; CBNZ R4, pixel")
	s.label("done")
	s.f("RET")
}

// resampleColumn writes columnAsm: sixteen bytes at a time, then eight.
func (s *source) resampleColumn() {
	s.function("columnAsm", 56)
	s.f("MOVD out+0(FP), R1; MOVD rows+8(FP), R2; MOVD n+16(FP), R0; MOVD stride+24(FP), R3")
	s.f("MOVD weight_base+32(FP), R4; MOVD weight_len+40(FP), R5")
	s.resampleConstants()
	s.steps("wide", "narrow", 16, func() { s.taps("wideTap", 4) })
	s.steps("narrow", "done", 8, func() { s.taps("narrowTap", 2) })
	s.label("done")
	s.f("RET")
}

// taps adds up the rows of four times n bytes and stores the result.
func (s *source) taps(label string, n int) {
	for i := range n {
		s.move(i, halfUnit)
	}
	s.f("MOVD R2, R6; MOVD R4, R7; MOVD R5, R8")
	s.label(label)
	bytes := []string{"V4.B8", "V4.B16"}[n/4]
	s.f("VLD1R.P 4(R7), [V5.S4]; VLD1 (R6), [%s]; ADD R3, R6", bytes)
	s.f("VUXTL V4.B8, V6.H8; VUXTL V6.H4, V16.S4; VUXTL2 V6.H8, V17.S4")
	if n == 4 {
		s.f("VUXTL2 V4.B16, V7.H8; VUXTL V7.H4, V18.S4; VUXTL2 V7.H8, V19.S4")
	}
	for i := range n {
		s.put(mlaLane(i, 16+i, 5, 0))
	}
	s.f("SUB $1, R8; CBNZ R8, %s", label)
	for i := range n {
		s.put(sshr22.on(i, i))
	}
	for i := 0; i < n; i += 2 {
		s.put(sqxtun.on(i, i), sqxtun2.on(i, i+1), uqxtn.on(i, i))
	}
	if n == 4 {
		s.f("VZIP1 V2.D2, V0.D2, V0.D2")
	}
	s.f("VORR V%d.B16, V0.B16, V0.B16; VST1.P [V0.%s], %d(R1); ADD $%d, R2", opaque, bytes[3:], 4*n, 4*n)
}
