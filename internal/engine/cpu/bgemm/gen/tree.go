package main

// Offsets in the struct treeNode of bgemm.
const (
	nodeQuery   = 0
	nodeRows    = 8
	nodeCount   = 16
	nodeHeads   = 24
	nodeKeys    = 32 // bytes from a row to its keys
	nodeValues  = 40
	nodeScores  = 48
	nodeLanes   = 56 // bytes from the scores of one row to those of the next
	nodeWeights = 64
	nodeInverse = 72
	nodeOut     = 80
	nodeScale   = 88
)

// treeFile writes func attendNode512(n *treeNode): the attention of one node of
// a trie to the rows of its path, for heads of 64 in groups of four. Lanes of a
// register are values of a head in the products, and heads in the softmax.
func treeFile() string {
	s := newSource()
	s.constants("low", "high", "one", "c1", "c2", "c3", "c4", "c5", "c6", "least")
	s.turns()
	s.function("attendNode512", 8)
	s.f("MOVQ n+0(FP), BX")
	s.load(exp2Constants)
	s.f("VBROADCASTSS %d(BX), Z18", nodeScale)
	s.f("VBROADCASTSS least<>(SB), Z20")
	s.f("MOVQ %d(BX), R13", nodeLanes)
	s.scores("score", nodeQuery, nodeKeys, nodeScores)
	s.laneSoftmax()
	s.weighted(nodeValues)
	s.f("VZEROUPPER")
	s.f("RET")
	return s.String()
}

// turns writes the order that brings pairs of sums back into that of columns.
func (s *source) turns() {
	s.WriteString("\nDATA turns<>+0(SB)/8, $0\nDATA turns<>+8(SB)/8, $4\nDATA turns<>+16(SB)/8, $1\n" +
		"DATA turns<>+24(SB)/8, $5\nDATA turns<>+32(SB)/8, $2\nDATA turns<>+40(SB)/8, $6\n" +
		"DATA turns<>+48(SB)/8, $3\nDATA turns<>+56(SB)/8, $7\nGLOBL turns<>(SB), RODATA|NOPTR, $64\n")
}

// scores writes, for every row of the path and every head, the product of its
// part of the query and of the key, each by its offset.
func (s *source) scores(name string, query, keys, scores int) {
	s.f("MOVQ %d(BX), R8", nodeRows)
	s.f("MOVQ %d(BX), CX", nodeCount)
	s.f("MOVQ %d(BX), DI", scores)
	s.label(name + "Row")
	s.f("MOVQ (R8), R9")
	s.f("ADDQ %d(BX), R9", keys)
	s.f("MOVQ %d(BX), SI", query)
	s.f("MOVQ %d(BX), DX", nodeHeads)
	s.f("SHRQ $2, DX")
	s.f("MOVQ DI, R11")
	s.label(name + "Four")
	for h := range 4 {
		s.f("VPXORQ Z%d, Z%d, Z%d", h, h, h)
		for part := range 2 {
			s.f("VMOVDQU32 %d(SI), Z%d", 128*h+64*part, 4+part)
			s.f("VMOVDQU32 %d(R9), Z%d", 128*h+64*part, 6+part)
			s.put(dpbf16(h, 4+part, 6+part))
		}
	}
	s.reduceFour()
	s.f("VMOVUPS X0, (R11)")
	s.f("ADDQ $16, R11")
	s.f("ADDQ $512, SI")
	s.f("ADDQ $512, R9")
	s.f("DECQ DX")
	s.f("JNZ  %sFour", name)
	s.f("ADDQ $8, R8")
	s.f("ADDQ R13, DI")
	s.f("DECQ CX")
	s.f("JNZ  %sRow", name)
}

// reduceFour makes X0 the sums over the lanes of Z0 to Z3. It uses Z4 to Z7.
func (s *source) reduceFour() {
	for i := range 2 {
		a, b, t := 2*i, 2*i+1, 4+i
		s.f("VUNPCKLPS Z%d, Z%d, Z%d", b, a, t)
		s.f("VUNPCKHPS Z%d, Z%d, Z%d", b, a, 6+i)
		s.f("VADDPS Z%d, Z%d, Z%d", 6+i, t, t)
	}
	s.f("VSHUFPS $0x44, Z5, Z4, Z0")
	s.f("VSHUFPS $0xee, Z5, Z4, Z1")
	s.f("VADDPS Z1, Z0, Z0")
	s.f("VEXTRACTF64X4 $1, Z0, Y1")
	s.f("VADDPS Y1, Y0, Y0")
	s.f("VEXTRACTF128 $1, Y0, X1")
	s.f("VADDPS X1, X0, X0")
}

// laneSoftmax makes of the scores of sixteen heads at a time the numerators of
// their softmax over the path, rounded and in pairs of rows, and the inverses of
// their sums.
func (s *source) laneSoftmax() {
	s.f("MOVQ %d(BX), DI", nodeScores)
	s.f("MOVQ %d(BX), R9", nodeWeights)
	s.f("MOVQ %d(BX), R10", nodeInverse)
	s.f("MOVQ R13, R12")
	s.f("SHRQ $6, R12") // sixteens of heads
	s.label("lanes")
	s.f("MOVQ %d(BX), CX", nodeCount)
	s.f("MOVQ DI, SI")
	s.f("VMOVAPS Z20, Z21")
	s.label("max")
	s.f("VMAXPS (SI), Z21, Z21")
	s.f("ADDQ R13, SI")
	s.f("DECQ CX")
	s.f("JNZ  max")
	s.f("MOVQ %d(BX), CX", nodeCount)
	s.f("MOVQ DI, SI")
	s.f("MOVQ R9, R11")
	s.f("VPXORQ Z19, Z19, Z19")
	s.label("pair")
	s.numerator(24)
	s.f("VPXORQ Z25, Z25, Z25")
	s.f("DECQ CX")
	s.f("JZ   odd")
	s.numerator(25)
	s.f("DECQ CX")
	s.label("odd")
	s.f("VPMOVZXWD Y24, Z24")
	s.f("VPMOVZXWD Y25, Z25")
	s.f("VPSLLD $16, Z25, Z25")
	s.f("VPORD Z24, Z25, Z24")
	s.f("VMOVDQU32 Z24, (R11)")
	s.f("ADDQ R13, R11")
	s.f("TESTQ CX, CX")
	s.f("JNZ  pair")
	s.f("VDIVPS Z19, Z10, Z19")
	s.f("VMOVUPS Z19, (R10)")
	s.f("ADDQ $64, R10")
	s.f("ADDQ $64, R9")
	s.f("ADDQ $64, DI")
	s.f("DECQ R12")
	s.f("JNZ  lanes")
}

// numerator puts exp2(scale * (score - max)) of the row at SI, rounded, in the
// lower half of a register, adds it to Z19, and goes to the next row.
func (s *source) numerator(to int) {
	s.f("VMOVUPS (SI), Z2")
	s.f("ADDQ R13, SI")
	s.f("VSUBPS Z21, Z2, Z2")
	s.f("VMULPS Z18, Z2, Z2")
	s.exp2()
	s.f("VADDPS Z2, Z19, Z19")
	s.put(cvtToBF16(to, 2))
}

// weighted writes the sums of the values of the path by the numerators, divided
// by their sums: two rows at a time, whose values are put in pairs.
func (s *source) weighted(values int) {
	s.f("VMOVDQU64 turns<>(SB), Z16")
	s.f("MOVQ %d(BX), DI", nodeOut)
	s.f("MOVQ %d(BX), R12", values)
	s.f("MOVQ %d(BX), R10", nodeInverse)
	s.f("MOVQ %d(BX), DX", nodeHeads)
	s.f("MOVQ %d(BX), R11", nodeWeights)
	s.label("head")
	for z := range 4 {
		s.f("VPXORQ Z%d, Z%d, Z%d", z, z, z)
	}
	s.f("MOVQ %d(BX), R8", nodeRows)
	s.f("MOVQ %d(BX), CX", nodeCount)
	s.f("INCQ CX")
	s.f("SHRQ $1, CX")
	s.f("MOVQ R11, AX")
	s.label("two")
	s.f("MOVQ (R8), SI")
	s.f("MOVQ 8(R8), R9")
	s.f("VPBROADCASTD (AX), Z8")
	for part := range 2 {
		s.f("VMOVDQU32 %d(SI)(R12*1), Z4", 64*part)
		s.f("VMOVDQU32 %d(R9)(R12*1), Z5", 64*part)
		s.f("VPUNPCKLWD Z5, Z4, Z6")
		s.f("VPUNPCKHWD Z5, Z4, Z7")
		s.put(dpbf16(2*part, 6, 8))
		s.put(dpbf16(2*part+1, 7, 8))
	}
	s.f("ADDQ $16, R8")
	s.f("ADDQ R13, AX")
	s.f("DECQ CX")
	s.f("JNZ  two")
	s.f("VBROADCASTSS (R10), Z8")
	for part := range 2 {
		s.f("VMULPS Z8, Z%d, Z%d", 2*part, 2*part)
		s.f("VMULPS Z8, Z%d, Z%d", 2*part+1, 2*part+1)
		s.put(cvt2ToBF16(2*part, 2*part+1, 2*part))
		s.f("VPERMQ Z%d, Z16, Z%d", 2*part, 2*part)
		s.f("VMOVDQU32 Z%d, %d(DI)", 2*part, 64*part)
	}
	s.f("ADDQ $128, DI")
	s.f("ADDQ $128, R12")
	s.f("ADDQ $4, R10")
	s.f("ADDQ $4, R11")
	s.f("DECQ DX")
	s.f("JNZ  head")
}
