package main

// Offsets in the struct treeGradient of bgemm, which begins with a treeNode.
const (
	gradSlopes   = 96  // [count, lanes], as the scores
	gradOf       = 104 // the gradient of the node's result
	gradP        = 112 // the pair of nodes' probabilities, of depth 0
	gradDS       = 120 // and gradients of scores
	gradDepth    = 128 // bytes from depth to depth
	gradOdd      = 136 // 1 for the second node of a pair
	gradScale    = 144
	runQueries   = 0 // in the struct treeRun
	runQueryStep = 8
	runGrads     = 16
	runGradStep  = 24
	runP         = 32
	runDS        = 40
	runLanes     = 48
	runFrom      = 56
	runTo        = 64
	runKey       = 72
	runValue     = 80
)

// treeGradFile writes the backward pass of attention over a trie.
func treeGradFile() string {
	s := newSource()
	s.constants("low", "high", "one", "c1", "c2", "c3", "c4", "c5", "c6", "least")
	s.turns()
	s.function("gradNode512", 8)
	s.f("MOVQ n+0(FP), BX")
	s.load(exp2Constants)
	s.f("VBROADCASTSS %d(BX), Z18", nodeScale)
	s.f("VBROADCASTSS least<>(SB), Z20")
	s.f("MOVQ %d(BX), R13", nodeLanes)
	s.scores("score", nodeQuery, nodeKeys, nodeScores)
	s.scores("slope", gradOf, nodeValues, gradSlopes)
	s.laneGradients()
	s.weighted(nodeKeys)
	s.f("VZEROUPPER")
	s.f("RET")
	s.run()
	return s.String()
}

// laneGradients makes, of the scores and of the products of gradient and values
// of sixteen heads at a time, the gradients of the scores: rounded, in pairs of
// rows for the node's own query, and beside the probabilities in pairs of nodes
// for the keys and values of the path.
func (s *source) laneGradients() {
	s.f("MOVQ %d(BX), DI", nodeScores)
	s.f("MOVQ %d(BX), R8", gradSlopes)
	s.f("MOVQ %d(BX), R9", nodeWeights)
	s.f("MOVQ %d(BX), R10", gradP)
	s.f("MOVQ %d(BX), R11", gradDS)
	s.f("VBROADCASTSS %d(BX), Z26", gradScale)
	s.f("MOVQ R13, R12")
	s.f("SHRQ $6, R12")
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
	s.f("MOVQ R8, AX")
	s.f("VPXORQ Z19, Z19, Z19")
	s.f("VPXORQ Z22, Z22, Z22") // the mean of the slopes
	s.label("exp")
	s.f("VMOVUPS (SI), Z2")
	s.f("VSUBPS Z21, Z2, Z2")
	s.f("VMULPS Z18, Z2, Z2")
	s.exp2()
	s.f("VADDPS Z2, Z19, Z19")
	s.f("VFMADD231PS (AX), Z2, Z22")
	s.f("VMOVUPS Z2, (SI)")
	s.f("ADDQ R13, SI")
	s.f("ADDQ R13, AX")
	s.f("DECQ CX")
	s.f("JNZ  exp")
	s.f("VDIVPS Z19, Z10, Z19")
	s.f("VMULPS Z19, Z22, Z22")
	s.f("MOVQ %d(BX), CX", nodeCount)
	s.f("MOVQ DI, SI")
	s.f("MOVQ R9, DX")
	// Depth by depth the addresses of the pair of nodes run along: their way back
	// is in Z-free registers, so they are counted from the lanes' first.
	s.f("PUSHQ R10")
	s.f("PUSHQ R11")
	s.f("PUSHQ R8")
	s.label("pair")
	s.slope("first", 24)
	s.f("VPXORQ Z25, Z25, Z25")
	s.f("DECQ CX")
	s.f("JZ   alone")
	s.slope("second", 25)
	s.f("DECQ CX")
	s.label("alone")
	s.f("VPSLLD $16, Z25, Z25")
	s.f("VPORD Z24, Z25, Z24")
	s.f("VMOVDQU32 Z24, (DX)")
	s.f("ADDQ R13, DX")
	s.f("TESTQ CX, CX")
	s.f("JNZ  pair")
	s.f("POPQ R8")
	s.f("POPQ R11")
	s.f("POPQ R10")
	for _, r := range []string{"DI", "R8", "R9", "R10", "R11"} {
		s.f("ADDQ $64, %s", r)
	}
	s.f("DECQ R12")
	s.f("JNZ  lanes")
}

// slope puts the gradient of the scores of the row at SI and R8, rounded, in the
// lower halves of a register, stores it and the probability, and goes on.
func (s *source) slope(label string, to int) {
	s.f("VMULPS (SI), Z19, Z2") // the probability
	s.f("VMOVUPS (R8), Z3")
	s.f("VSUBPS Z22, Z3, Z3")
	s.f("VMULPS Z2, Z3, Z3")
	s.f("VMULPS Z26, Z3, Z3")
	s.put(cvtToBF16(2, 2))
	s.put(cvtToBF16(3, 3))
	s.f("VPMOVZXWD Y2, Z2")
	s.f("VPMOVZXWD Y3, Z%d", to)
	s.f("VMOVDQA32 Z%d, Z3", to)
	s.f("CMPQ %d(BX), $0", gradOdd)
	s.f("JE   %sEven", label)
	s.f("VPSLLD $16, Z2, Z2")
	s.f("VPSLLD $16, Z3, Z3")
	for _, m := range [][2]string{{"R10", "Z2"}, {"R11", "Z3"}} {
		s.f("VMOVDQU32 (%s), Z4", m[0])
		s.f("VPSLLD $16, Z4, Z4") // what the first node left there, or anything
		s.f("VPSRLD $16, Z4, Z4")
		s.f("VPORD Z4, %s, %s", m[1], m[1])
	}
	s.label(label + "Even")
	s.f("VMOVDQU32 Z2, (R10)")
	s.f("VMOVDQU32 Z3, (R11)")
	s.f("ADDQ %d(BX), R10", gradDepth)
	s.f("ADDQ %d(BX), R11", gradDepth)
	s.f("ADDQ R13, SI")
	s.f("ADDQ R13, R8")
}

// run writes func sumRun512(r *treeRun): the gradients of the key and the value
// of one head of a row, over the run of its descendants and itself, two at a
// time.
func (s *source) run() {
	s.function("sumRun512", 8)
	s.f("MOVQ r+0(FP), BX")
	for z := range 8 {
		s.f("VPXORQ Z%d, Z%d, Z%d", z, z, z)
	}
	s.f("VMOVDQU64 turns<>(SB), Z16")
	s.f("MOVQ %d(BX), CX", runFrom)
	s.f("MOVQ %d(BX), R12", runQueryStep)
	s.f("MOVQ %d(BX), R13", runGradStep)
	s.f("MOVQ CX, SI")
	s.f("IMULQ R12, SI")
	s.f("ADDQ %d(BX), SI", runQueries)
	s.f("MOVQ CX, DI")
	s.f("IMULQ R13, DI")
	s.f("ADDQ %d(BX), DI", runGrads)
	s.f("MOVQ CX, AX")
	s.f("SHRQ $1, AX")
	s.f("IMULQ %d(BX), AX", runLanes)
	s.f("MOVQ AX, R8")
	s.f("ADDQ %d(BX), R8", runDS)
	s.f("MOVQ AX, R9")
	s.f("ADDQ %d(BX), R9", runP)
	s.f("MOVQ %d(BX), DX", runTo)
	s.f("MOVQ %d(BX), AX", runLanes)
	s.f("TESTQ $1, CX")
	s.f("JZ    whole")
	s.coefficients()
	for _, z := range []int{8, 9} { // the second of a pair alone
		s.f("VPSRLD $16, Z%d, Z%d", z, z)
		s.f("VPSLLD $16, Z%d, Z%d", z, z)
	}
	s.nodes("(SI)", "(DI)", "(SI)", "(DI)")
	s.f("ADDQ R12, SI")
	s.f("ADDQ R13, DI")
	s.f("INCQ CX")
	s.label("whole")
	s.f("INCQ CX")
	s.f("CMPQ CX, DX")
	s.f("JGE  rest")
	s.label("two")
	s.coefficients()
	s.nodes("(SI)", "(DI)", "(SI)(R12*1)", "(DI)(R13*1)")
	s.f("LEAQ (SI)(R12*2), SI")
	s.f("LEAQ (DI)(R13*2), DI")
	s.f("ADDQ $2, CX")
	s.f("CMPQ CX, DX")
	s.f("JLT  two")
	s.label("rest")
	s.f("JNE  store") // CX == DX: one node is left
	s.coefficients()
	for _, z := range []int{8, 9} {
		s.f("VPSLLD $16, Z%d, Z%d", z, z)
		s.f("VPSRLD $16, Z%d, Z%d", z, z)
	}
	s.nodes("(SI)", "(DI)", "(SI)", "(DI)")
	s.label("store")
	for i, off := range []int{runKey, runValue} {
		s.f("MOVQ %d(BX), DI", off)
		for part := range 2 {
			z := 4*i + 2*part
			s.put(cvt2ToBF16(z, z+1, z))
			s.f("VPERMQ Z%d, Z16, Z%d", z, z)
			s.f("VMOVDQU32 Z%d, %d(DI)", z, 64*part)
		}
	}
	s.f("VZEROUPPER")
	s.f("RET")
}

// coefficients loads those of a pair of nodes and goes to the next.
func (s *source) coefficients() {
	s.f("VPBROADCASTD (R8), Z8")
	s.f("VPBROADCASTD (R9), Z9")
	s.f("ADDQ AX, R8")
	s.f("ADDQ AX, R9")
}

// nodes adds the products of two nodes, whose queries and gradients lie there.
func (s *source) nodes(queryA, gradA, queryB, gradB string) {
	for i, m := range [][2]string{{queryA, queryB}, {gradA, gradB}} {
		for part := range 2 {
			s.f("VMOVDQU32 %d%s, Z10", 64*part, m[0])
			s.f("VMOVDQU32 %d%s, Z11", 64*part, m[1])
			s.f("VPUNPCKLWD Z11, Z10, Z12")
			s.f("VPUNPCKHWD Z11, Z10, Z13")
			s.put(dpbf16(4*i+2*part, 12, 8+i))
			s.put(dpbf16(4*i+2*part+1, 13, 8+i))
		}
	}
}
