package main

import (
	"fmt"
	"slices"
)

// Offsets in the struct finishing of bgemm.
const (
	offTile    = 0
	offOut     = 8
	offOutStep = 16
	offRes     = 24
	offResStep = 32
	offBias    = 40
	offRows    = 48
	offAlpha   = 56
	offStep    = 64 // from row to row of alpha
	offMask    = 72
	offAct     = 76
	offNarrow  = 80 // of the result
	offResKind = 84
)

// finishFile writes func finishAsm(f *finishing): see finishing. Z0 and Z1 hold
// a row; Z28 to Z31 alpha and the bias; Z8 to Z27 constants of activations.
func finishFile() string {
	s := newSource()
	s.constants("low", "high", "one", "two", "c1", "c2", "c3", "c4", "c5", "c6", "slope", "half", "erfp", "erf1",
		"erf2", "erf3", "erf4", "erf5", "magnitude")
	s.function("finishAsm", 8)
	s.f("MOVQ f+0(FP), BX")
	s.f("MOVQ %d(BX), SI", offTile)
	s.f("MOVQ %d(BX), DI", offOut)
	s.f("MOVQ %d(BX), R8", offOutStep)
	s.f("MOVQ %d(BX), DX", offRes)
	s.f("MOVQ %d(BX), R9", offResStep)
	s.f("MOVQ %d(BX), CX", offRows)
	s.f("MOVL %d(BX), R10", offAct)
	s.f("MOVL %d(BX), R11", offNarrow)
	s.f("MOVL %d(BX), R12", offResKind)
	s.f("MOVL %d(BX), AX", offMask)
	s.f("KMOVD AX, K3")
	s.f("KMOVW AX, K1")
	s.f("SHRL  $16, AX")
	s.f("KMOVW AX, K2")
	s.f("MOVQ %d(BX), R13", offAlpha)
	s.f("VPXORQ Z28, Z28, Z28")
	s.f("VPXORQ Z29, Z29, Z29")
	s.f("MOVQ %d(BX), AX", offBias)
	s.f("TESTQ AX, AX")
	s.f("JZ    noBias")
	s.f("VMOVUPS.Z (AX), K1, Z28")
	s.f("VMOVUPS.Z 64(AX), K2, Z29")
	s.label("noBias")
	s.f("MOVQ %d(BX), AX", offStep)
	s.f("CMPL R10, $%d", quickGELU)
	s.f("JE   quick")
	s.f("CMPL R10, $%d", gelu)
	s.f("JE   exact")
	s.f("CMPL R10, $%d", relu)
	s.f("JE   positive")
	s.f("CMPL R10, $%d", reluLast)
	s.f("JE   last")
	s.rows("plain", nothing, nothing)
	s.label("quick")
	s.load(quickConstants)
	s.rows("quickRow", s.quickGELU, nothing)
	s.label("exact")
	s.load(geluConstants)
	s.rows("exactRow", s.gelu, nothing)
	s.label("positive")
	s.f("VPXORQ Z8, Z8, Z8")
	positive := func(z string) { s.f("VMAXPS %s, Z8, %s", z, z) } // NaN stays
	s.rows("positiveRow", positive, nothing)
	s.label("last")
	s.f("VPXORQ Z8, Z8, Z8")
	s.rows("lastRow", nothing, positive)
	return s.String()
}

func nothing(string) {}

// The activations of package engine, by number.
const (
	quickGELU = 1
	gelu      = 2
	relu      = 3
	reluLast  = 4 // of the sum with the residual; not of package engine
)

// rows writes the loop over the rows of a tile under a label: activate comes before
// the residual, last after it.
func (s *source) rows(label string, activate, last func(z string)) {
	s.label(label)
	s.f("VMOVUPS (SI), Z0")
	s.f("VMOVUPS 64(SI), Z1")
	s.f("VBROADCASTSS (R13), Z31")
	s.f("ADDQ AX, R13")
	s.f("VFMADD213PS Z28, Z31, Z0")
	s.f("VFMADD213PS Z29, Z31, Z1")
	activate("Z0")
	activate("Z1")
	s.f("TESTQ DX, DX")
	s.f("JZ    %sOut", label)
	s.f("TESTL R12, R12")
	s.f("JNZ   %sNarrow", label)
	s.f("VMOVUPS.Z (DX), K1, Z2")
	s.f("VMOVUPS.Z 64(DX), K2, Z3")
	s.label(label + "Add")
	s.f("VADDPS Z2, Z0, Z0")
	s.f("VADDPS Z3, Z1, Z1")
	s.f("ADDQ   R9, DX")
	s.label(label + "Out")
	last("Z0")
	last("Z1")
	s.f("TESTL R11, R11")
	s.f("JNZ   %sRound", label)
	s.f("VMOVUPS Z0, K1, (DI)")
	s.f("VMOVUPS Z1, K2, 64(DI)")
	s.label(label + "Next")
	s.f("ADDQ $128, SI")
	s.f("ADDQ R8, DI")
	s.f("DECQ CX")
	s.f("JNZ  %s", label)
	s.f("VZEROUPPER")
	s.f("RET")
	s.label(label + "Round")
	s.put(cvt2ToBF16(0, 1, 0))
	s.f("VMOVDQU16 Z0, K3, (DI)")
	s.f("JMP %sNext", label)
	s.label(label + "Narrow")
	s.f("VPMOVZXWD.Z (DX), K1, Z2")
	s.f("VPMOVZXWD.Z 32(DX), K2, Z3")
	s.f("VPSLLD $16, Z2, Z2")
	s.f("VPSLLD $16, Z3, Z3")
	s.f("JMP %sAdd", label)
}

// constant is a number in a register.
type constant struct {
	name     string
	value    string
	register int
}

// The exponential is that of a power of two: exp2(z) = 2^round(z) * p(z -
// round(z)), p of degree 6 by Taylor, off by 1e-7 at most for |z - round(z)| <= 1/2.
var exp2Constants = []constant{
	{"low", "$-126.0", 8}, {"high", "$60.0", 9}, {"one", "$1.0", 10},
	{"c1", "$0.6931471805599453", 12}, {"c2", "$0.2402265069591007", 13}, {"c3", "$0.05550410866482158", 14},
	{"c4", "$0.009618129107628477", 15}, {"c5", "$0.0013333558146428443", 16}, {"c6", "$0.00015403530393381608", 17},
}

var quickConstants = append([]constant{{"two", "$2.0", 11},
	{"slope", "$-2.4554669595930157", 18}}, exp2Constants...) // -1.702 / ln 2

var quickSlope = []constant{{"quick", "$1.702", 19}} // for the gradient

// Abramowitz and Stegun 26.2.17, as in vec's GELU.
var geluConstants = append([]constant{{"two", "$2.0", 11},
	{"half", "$-0.7213475204444817", 18}, // -1/2 / ln 2
	{"erfp", "$0.23164189", 19}, {"erf1", "$0.127414796", 20}, {"erf2", "$-0.142248368", 21},
	{"erf3", "$0.7107068705", 22}, {"erf4", "$-0.7265760135", 23}, {"erf5", "$0.5307027145", 24},
	{"magnitude", "$0x7fffffff", 25}}, exp2Constants...)

// constants writes numbers of the lists below for the file alone.
func (s *source) constants(names ...string) {
	all := slices.Concat(quickConstants, geluConstants, quickSlope, []constant{{"least", "$-3.0e38", 0}})
	for _, name := range names {
		at := slices.IndexFunc(all, func(c constant) bool { return c.name == name })
		fmt.Fprintf(s, "\nDATA %s<>+0(SB)/4, %s\nGLOBL %s<>(SB), RODATA|NOPTR, $4\n", name, all[at].value, name)
	}
}

func (s *source) load(list []constant) {
	for _, c := range list {
		s.f("VBROADCASTSS %s<>(SB), Z%d", c.name, c.register)
	}
}

// exp2 replaces Z2 by two to its power, cut to [-126, 60]; NaN stays. It uses Z3
// and Z4.
func (s *source) exp2() {
	s.f("VMAXPS Z2, Z8, Z2")
	s.f("VMINPS Z2, Z9, Z2")
	s.f("VRNDSCALEPS $8, Z2, Z3")
	s.f("VSUBPS Z3, Z2, Z2")
	s.f("VMOVAPS Z17, Z4")
	for c := 16; c >= 12; c-- {
		s.f("VFMADD213PS Z%d, Z2, Z4", c)
	}
	s.f("VFMADD213PS Z10, Z2, Z4")
	s.f("VSCALEFPS Z3, Z4, Z2")
}

// reciprocal replaces Z2, between 1 and 2^61, by its inverse to 2^-23. It uses Z3.
func (s *source) reciprocal() {
	s.f("VRCP14PS Z2, Z3")
	s.f("VFNMADD213PS Z11, Z3, Z2") // 2 - z r
	s.f("VMULPS Z3, Z2, Z2")
}

// quickGELU replaces z by z / (1 + exp(-1.702 z)).
func (s *source) quickGELU(z string) {
	s.f("VMULPS Z18, %s, Z2", z)
	s.exp2()
	s.f("VADDPS Z10, Z2, Z2")
	s.reciprocal()
	s.f("VMULPS Z2, %s, %s", z, z)
}

// gelu replaces z by z times the normal distribution function of z. It uses Z2
// to Z7.
func (s *source) gelu(z string) {
	s.f("VMULPS %s, %s, Z2", z, z)
	s.f("VMULPS Z18, Z2, Z2")
	s.exp2()
	s.f("VMOVAPS Z2, Z5")
	s.f("VPANDD Z25, %s, Z2", z)
	s.f("VMINPS Z2, Z9, Z2")
	s.f("VFMADD213PS Z10, Z19, Z2")
	s.reciprocal()
	s.f("VMOVAPS Z24, Z6")
	for c := 23; c >= 20; c-- {
		s.f("VFMADD213PS Z%d, Z2, Z6", c)
	}
	s.f("VMULPS Z2, Z6, Z6")
	s.f("VMULPS Z5, Z6, Z6") // the tail beyond |z|
	s.f("VPXORQ Z7, Z7, Z7")
	s.f("VCMPPS $0x1e, Z7, %s, K4", z)
	s.f("VSUBPS Z6, Z10, K4, Z6")
	s.f("VMULPS Z6, %s, %s", z, z)
}
