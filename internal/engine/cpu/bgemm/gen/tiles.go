package main

func tilesFile() string {
	s := newSource()
	s.tiles()
	s.peakTiles()
	return s.String()
}

// tiles writes func(blocks int, a, b *uint16, c *float32, ldc int, config *byte):
// the sums of a tile of 32 rows and 32 columns by AMX, as a square of four tiles
// of 16 x 16. A is a block of 16 x 32 values for every 32 of depth, first those
// of the upper rows, then those of the lower; B is as for VDPBF16PS.
//
//	for r in [0, 32), j in [0, 32):
//	    c[r*ldc+j] = sum over l in [0, 32*blocks) of a[r/16, l/32, r%16, l%32] * b[l/2, j, l%2]
func (s *source) tiles() {
	s.function("tiles32x32", 48)
	s.f("MOVQ blocks+0(FP), CX")
	s.f("MOVQ a+8(FP), SI")
	s.f("MOVQ b+16(FP), DI")
	s.f("MOVQ config+40(FP), R10")
	s.put(ldTileConfig(r10))
	for t := range 4 {
		s.put(tileZero(t))
	}
	s.f("MOVQ CX, R9")
	s.f("SHLQ $10, R9")
	s.f("ADDQ SI, R9")
	s.f("MOVQ $64, R8")
	s.f("MOVQ $128, R11")
	s.f("LEAQ 64(DI), R10")
	s.label("loop")
	s.put(tileLoad(4, rsi, r8))
	s.put(tileLoad(6, rdi, r11))
	s.put(tileLoad(7, r10, r11))
	s.put(tdpbf16(0, 4, 6))
	s.put(tdpbf16(1, 4, 7))
	s.put(tileLoad(5, r9, r8))
	s.put(tdpbf16(2, 5, 6))
	s.put(tdpbf16(3, 5, 7))
	s.f("ADDQ $1024, SI")
	s.f("ADDQ $1024, R9")
	s.f("ADDQ $2048, DI")
	s.f("ADDQ $2048, R10")
	s.f("DECQ CX")
	s.f("JNZ  loop")
	s.f("MOVQ c+24(FP), DI")
	s.f("MOVQ ldc+32(FP), R11")
	s.f("SHLQ $2, R11")
	s.f("LEAQ 64(DI), R9")
	s.put(tileStore(0, rdi, r11))
	s.put(tileStore(1, r9, r11))
	s.f("MOVQ R11, R8")
	s.f("SHLQ $4, R8")
	s.f("ADDQ R8, DI")
	s.f("ADDQ R8, R9")
	s.put(tileStore(2, rdi, r11))
	s.put(tileStore(3, r9, r11))
	s.put(tileRelease())
	s.f("RET")
}

// peakTiles writes func(rounds int, config *byte): four products of tiles a
// round that wait for nothing but their own sums.
func (s *source) peakTiles() {
	s.function("peakTiles", 16)
	s.f("MOVQ rounds+0(FP), CX")
	s.f("MOVQ config+8(FP), R10")
	s.put(ldTileConfig(r10))
	for t := range 8 {
		s.put(tileZero(t))
	}
	s.label("loop")
	for t := range 4 {
		s.put(tdpbf16(t, 4+t/2, 6+t%2))
	}
	s.f("DECQ CX")
	s.f("JNZ  loop")
	s.put(tileRelease())
	s.f("RET")
}
