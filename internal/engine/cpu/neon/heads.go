package main

// heads begins a function of slices at the given offset, a stride and the size of a
// head: the head's values left are counted in R0, all that are left in R9.
func (s *source) heads(name, first string) {
	s.function(name, 88)
	s.f("MOVD %s_base+0(FP), R4; MOVD stride+24(FP), R5; LSL $2, R5", first)
	s.f("MOVD x_base+32(FP), R1; MOVD x_len+40(FP), R9; MOVD y_base+56(FP), R2; MOVD dim+80(FP), R6")
	s.label("head")
	s.f("CMP R6, R9; BLT end; SUB R6, R9; MOVD R6, R0")
}

// headDots writes headDotsAsm.
func (s *source) headDots() {
	s.heads("headDotsAsm", "dst")
	s.zero(0, 4)
	products := func(registers int) func() {
		return func() {
			s.load("R1", 8, registers)
			s.load("R2", 16, registers)
			for r := range registers {
				s.addProduct(r, 8+r, 16+r)
			}
		}
	}
	s.steps("two", "one", 16, products(4))
	s.steps("one", "sum", 8, products(2))
	s.label("sum")
	s.put(fadd.on(0, 0, 2), fadd.on(1, 1, 3), fadd.on(0, 0, 1))
	s.sumPairs(0)
	s.f("FMOVS F0, (R4); ADD R5, R4; B head")
	s.label("end")
	s.f("RET")
}

// headAxpy writes headAxpyAsm.
func (s *source) headAxpy() {
	s.heads("headAxpyAsm", "a")
	s.f("VLD1R (R4), [V31.S4]; ADD R5, R4")
	products := func(registers int) func() {
		return func() {
			s.load("R1", 0, registers)
			s.f("VLD1 (R2), %s", vectors(4, registers))
			for r := range registers {
				s.addProduct(4+r, r, 31)
			}
			s.store(4, registers, "R2")
		}
	}
	s.steps("two", "one", 16, products(4))
	s.steps("one", "head", 8, products(2))
	s.label("end")
	s.f("RET")
}

// dotRows64 writes dotRows64Asm: four rows at a time, four doubles of each a
// round, in two sums a row.
func (s *source) dotRows64() {
	s.function("dotRows64Asm", 72)
	s.f("MOVD dst_base+0(FP), R1; MOVD x_base+24(FP), R2; MOVD x_len+32(FP), R0; MOVD y_base+48(FP), R3")
	s.f("LSL $3, R0, R7; ADD R7, R3, R4; ADD R7, R4, R5; ADD R7, R5, R6")
	s.zero(0, 8)
	rows := []string{"R3", "R4", "R5", "R6"}
	s.steps("four", "sum", 4, func() {
		s.f("VLD1.P 32(R2), [V8.D2, V9.D2]")
		for r, at := range rows {
			s.f("VLD1.P 32(%s), [V%d.D2, V%d.D2]", at, 10+2*r, 11+2*r)
		}
		for r := range rows {
			for half := range 2 {
				s.f("VFMLA V%d.D2, V%d.D2, V%d.D2", 10+2*r+half, 8+half, 2*r+half)
			}
		}
	})
	s.label("sum")
	for r := range rows {
		s.put(fadd.onDoubles(2*r, 2*r, 2*r+1), faddp.onDoubles(2*r, 2*r, 2*r))
	}
	s.label("one")
	s.f("CBZ R0, done; FMOVD.P 8(R2), F8")
	for r, at := range rows {
		s.f("FMOVD.P 8(%s), F9; FMADDD F8, F%d, F9, F%d", at, 2*r, 2*r)
	}
	s.f("SUB $1, R0; B one")
	s.label("done")
	for r := range rows {
		s.f("FMOVD F%d, %d(R1)", 2*r, 8*r)
	}
	s.f("RET")
}
