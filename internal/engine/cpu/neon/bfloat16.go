package main

import "fmt"

// Registers of the products by BFMMLA: sums of a tile of 12 x 8 in V0 to V23, two
// rows by two columns each; four columns of B in pairs in V28 to V31; what is loaded
// in V24 to V27.
const (
	rowPairs    = 6
	columnPairs = 4
	loaded      = 24
	pairsB      = 28
)

func mmlaFile() string {
	s := newSource()
	s.mmla()
	s.peakMMLA()
	return s.String()
}

// mmla writes mmla12x32: eight columns at a time, four depths a round. Columns lie
// in pairs of depths, as every kernel has them, and are brought together in fours.
func (s *source) mmla() {
	s.function("mmla12x32", 40)
	s.f("MOVD quads+0(FP), R0; MOVD a+8(FP), R1; MOVD b+16(FP), R2; MOVD c+24(FP), R3; MOVD ldc+32(FP), R4")
	s.f("LSL $2, R4; MOVD $4, R5")
	s.label("columns")
	s.f("MOVD R1, R6; MOVD R2, R7; MOVD R0, R8")
	s.zero(0, rowPairs*columnPairs)
	s.f("CBZ R8, store")
	s.label("loop")
	s.f("VLD1 (R7), %s; ADD $128, R7; VLD1 (R7), %s; ADD $128, R7", vectors(loaded, 2), vectors(loaded+2, 2))
	for i := range 2 {
		s.f("VZIP1 V%d.S4, V%d.S4, V%d.S4", loaded+2+i, loaded+i, pairsB+2*i)
		s.f("VZIP2 V%d.S4, V%d.S4, V%d.S4", loaded+2+i, loaded+i, pairsB+2*i+1)
	}
	for r := 0; r < rowPairs; r += 4 {
		n := min(4, rowPairs-r)
		s.load("R6", loaded, n)
		for i := range n {
			for c := range columnPairs {
				s.put(bfmmla((r+i)*columnPairs+c, loaded+i, pairsB+c))
			}
		}
	}
	s.f("SUB $1, R8; CBNZ R8, loop")
	s.label("store")
	s.f("MOVD R3, R9")
	for r := range rowPairs {
		at := r * columnPairs
		for _, zip := range []string{"VZIP1", "VZIP2"} {
			for i := range 2 {
				s.f("%s V%d.D2, V%d.D2, V%d.D2", zip, at+2*i+1, at+2*i, loaded+i)
			}
			s.f("VST1 %s, (R9); ADD R4, R9", vectors(loaded, 2))
		}
	}
	s.f("ADD $32, R2; ADD $32, R3; SUB $1, R5; CBNZ R5, columns; RET")
}

// peakMMLA writes peakMMLA: 24 products a round that wait for nothing but their own
// sums.
func (s *source) peakMMLA() {
	s.function("peakMMLA", 8)
	s.f("MOVD rounds+0(FP), R0")
	s.zero(0, 32)
	s.label("loop")
	for i := range rowPairs * columnPairs {
		s.put(bfmmla(i, loaded, pairsB))
	}
	s.f("SUB $1, R0; CBNZ R0, loop; RET")
}

// The constants of rounding, a register each from V8 on: one, half a unit less a
// bit, the sign and the bit that makes a NaN quiet. The bits of the exponent are +Inf.
var roundConstants = []string{"$1", "$0x7fff", "$0x80000000", "$0x00400000"}

const (
	lastBit = 8 + iota
	lessThanHalf
	signBit
	quietBit
)

func finishFile() string {
	s := newSource()
	s.expTables()
	s.table("rounds", len(roundConstants)*4, func(i int) string { return roundConstants[i/4] })
	s.table("quick", 1, func(int) string { return "$-1.702" })
	s.finish()
	s.round()
	s.widen()
	return s.String()
}

// table writes n words of read-only data.
func (s *source) table(name string, n int, value func(i int) string) {
	s.WriteString("\n")
	for i := range n {
		fmt.Fprintf(s, "DATA %s<>+%d(SB)/4, %s\n", name, 4*i, value(i))
	}
	fmt.Fprintf(s, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", name, 4*n)
}

// narrowTwo rounds V12 and V13 to eight bfloat16 in V12, ties to even, as Rounded
// does: BFCVTN keeps numbers too small for a normal one. It uses V0 to V3.
func (s *source) narrowTwo() {
	for i := range 2 {
		x, t, m := 12+i, i, 2+i
		s.f("VUSHR $16, V%d.S4, V%d.S4; VAND V%d.B16, V%d.B16, V%d.B16", x, t, lastBit, t, t)
		s.f("VADD V%d.S4, V%d.S4, V%d.S4; VADD V%d.S4, V%d.S4, V%d.S4", lessThanHalf, t, t, x, t, t)
		s.f("VAND V%d.B16, V%d.B16, V%d.B16", signBit, x, m)
		s.f("VCMTST V%d.S4, V%d.S4, V%d.S4", infinity, x, 4+i)
		s.f("VBIF V%d.B16, V%d.B16, V%d.B16", 4+i, m, t)
		s.f("VORR V%d.B16, V%d.B16, V%d.B16", quietBit, x, m)
		s.put(fcmeq.on(4+i, x, x))
		s.f("VBIF V%d.B16, V%d.B16, V%d.B16", 4+i, m, t)
	}
	s.f("VUZP2 V1.H8, V0.H8, V12.H8")
}

// widenEight makes the eight bfloat16 of V4 the floats of V2 and V3.
func (s *source) widenEight() {
	s.f("VZIP1 V4.H8, V%d.H8, V2.H8; VZIP2 V4.H8, V%d.H8, V3.H8", zeros, zeros)
}

// round writes roundAsm.
func (s *source) round() {
	s.function("roundAsm", 24)
	s.f("MOVD dst+0(FP), R1; MOVD src+8(FP), R2; MOVD n+16(FP), R0")
	s.f("MOVD $rounds<>(SB), R9; VLD1 (R9), %s", vectors(lastBit, 4))
	s.f("MOVD $0x7f800000, R9; VDUP R9, V%d.S4", infinity)
	s.steps("loop", "done", 8, func() {
		s.load("R2", 12, 2)
		s.narrowTwo()
		s.f("VST1.P [V12.H8], 16(R1)")
	})
	s.label("done")
	s.f("RET")
}

// widen writes widenAsm.
func (s *source) widen() {
	s.function("widenAsm", 24)
	s.f("MOVD dst+0(FP), R1; MOVD src+8(FP), R2; MOVD n+16(FP), R0")
	s.zero(zeros, zeros+1)
	s.steps("loop", "done", 8, func() {
		s.f("VLD1.P 16(R2), [V4.H8]")
		s.widenEight()
		s.store(2, 2, "R1")
	})
	s.label("done")
	s.f("RET")
}

// Offsets in the struct finishing of bgemm.
const (
	finTile       = 0
	finOut        = 8
	finOutStep    = 16
	finResidual   = 24
	finResStep    = 32
	finBias       = 40
	finRows       = 48
	finAlpha      = 56
	finAlphaStep  = 64
	finAct        = 76
	finNarrow     = 80
	finNarrowLeft = 84
)

// reluLast is finishing's number for a ReLU of the sum with the residual.
const reluLast = 4

// finish writes finishAsm: rows of 32 sums, eight at a time in V12 and V13.
func (s *source) finish() {
	s.function("finishAsm", 8)
	s.f("MOVD f+0(FP), R0")
	s.f("MOVD %d(R0), R1; MOVD %d(R0), R2; MOVD %d(R0), R3", finTile, finOut, finOutStep)
	s.f("MOVD %d(R0), R4; MOVD %d(R0), R5; MOVD %d(R0), R6", finResidual, finResStep, finBias)
	s.f("MOVD %d(R0), R7; MOVD %d(R0), R8", finRows, finAlpha)
	s.f("MOVD %d(R0), R10; MOVWU %d(R0), R11; MOVWU %d(R0), R12; MOVWU %d(R0), R13", finAlphaStep, finAct, finNarrow,
		finNarrowLeft)
	s.loadNormals()
	s.f("MOVD $quick<>(SB), R9; VLD1R (R9), [V14.S4]; MOVD $rounds<>(SB), R9")
	s.label("row")
	s.f("MOVD $4, R14; MOVD R6, R15; MOVD R2, R16; MOVD R4, R17")
	s.label("eight")
	s.load("R1", 12, 2)
	s.f("VLD1R (R8), [V0.S4]")
	s.put(fmul.on(12, 12, 0), fmul.on(13, 13, 0))
	s.f("CBZ R6, biased")
	s.load("R15", 2, 2)
	s.put(fadd.on(12, 12, 2), fadd.on(13, 13, 3))
	s.label("biased")
	s.f("CBZ R11, acted; CMP $2, R11; BEQ gelu; CMP $3, R11; BEQ relu; BGT acted")
	s.put(fmul.on(0, 12, 14), fmul.on(1, 13, 14))
	s.exp()
	for x := range 2 {
		s.put(fadd.on(x, x, one), fdiv.on(12+x, 12+x, x))
	}
	s.f("B acted")
	s.label("gelu")
	s.normal()
	s.put(fmul.on(12, 12, 2), fmul.on(13, 13, 3))
	s.f("B acted")
	s.label("relu")
	s.put(fmax.on(12, 12, zeros), fmax.on(13, 13, zeros))
	s.label("acted")
	s.f("CBZ R4, added; CBNZ R13, narrowLeft")
	s.load("R17", 2, 2)
	s.f("B add")
	s.label("narrowLeft")
	s.f("VLD1.P 16(R17), [V4.H8]")
	s.widenEight()
	s.label("add")
	s.put(fadd.on(12, 12, 2), fadd.on(13, 13, 3))
	s.label("added")
	s.f("CMP $%d, R11; BNE whole", reluLast)
	s.put(fmax.on(12, 12, zeros), fmax.on(13, 13, zeros))
	s.label("whole")
	s.f("CBNZ R12, narrow")
	s.store(12, 2, "R16")
	s.f("B stored")
	s.label("narrow")
	s.f("VLD1 (R9), %s", vectors(lastBit, 4))
	s.narrowTwo()
	s.f("VST1.P [V12.H8], 16(R16)")
	s.label("stored")
	s.f("SUB $1, R14; CBNZ R14, eight")
	s.f("ADD R3, R2; ADD R10, R8; CBZ R4, next; ADD R5, R4")
	s.label("next")
	s.f("SUB $1, R7; CBNZ R7, row; RET")
}
