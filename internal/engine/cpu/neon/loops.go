package main

// Eight values are two registers; reductions take 32 values a round where there
// are as many, into sums of their own.
const (
	wide   = 8 // registers of 32 values
	narrow = 2
)

func loopsFile() string {
	s := newSource()
	s.reduction("dotAsm", "x", "y", 52, 48, "", func(sum, x, y int) { s.addProduct(sum, x, y) })
	s.reduction("sumAsm", "x", "", 28, 24, "", func(sum, x, _ int) { s.put(fadd.on(sum, sum, x)) })
	s.reduction("sqDistAsm", "x", "", 36, 32, "mean+24", func(sum, x, _ int) {
		s.put(fsub.on(x, x, 31))
		s.addProduct(sum, x, x)
	})
	s.largest()
	s.axpy()
	s.addReLU()
	s.normalize()
	s.mul()
	s.mulAdd()
	s.combine()
	s.headDots()
	s.headAxpy()
	s.dotRows64()
	return s.String()
}

// slices puts the addresses of slices in R1 and on, and the length of the first in
// R0; the first lies at the given offset among the arguments.
func (s *source) slices(offset int, names ...string) {
	for i, name := range names {
		s.f("MOVD %s_base+%d(FP), R%d", name, offset+24*i, 1+i)
		if i == 0 {
			s.f("MOVD %s_len+%d(FP), R0", name, offset+8)
		}
	}
}

// steps writes a loop that runs while so many values are left, and ends in label.
func (s *source) steps(name, end string, values int, body func()) {
	s.label(name)
	s.f("CMP $%d, R0; BLT %s", values, end)
	body()
	s.f("SUB $%d, R0; B %s", values, name)
}

// reduction writes a function of one or two slices to one value: add adds to the
// register sum what comes of the registers x and y. A further argument is in V31.
func (s *source) reduction(name, x, y string, arguments, result int, further string, add func(sum, x, y int)) {
	s.function(name, arguments)
	slices := []string{x}
	if y != "" {
		slices = append(slices, y)
	}
	s.slices(0, slices...)
	if further != "" {
		s.spread(further, 31)
	}
	s.zero(0, wide)
	round := func(registers int) func() {
		return func() {
			for r := 0; r < registers; r += min(4, registers) {
				for i := range slices {
					s.load([]string{"R1", "R2"}[i], 8+8*i+r, min(4, registers))
				}
			}
			for r := range registers {
				add(r, 8+r, 16+r)
			}
		}
	}
	s.steps("four", "one", 4*wide, round(wide))
	s.steps("one", "done", 4*narrow, round(narrow))
	s.label("done")
	for n := wide / 2; n >= 1; n /= 2 {
		for i := range n {
			s.put(fadd.on(i, i, i+n))
		}
	}
	s.sumPairs(0)
	s.f("FMOVS F0, ret+%d(FP); RET", result)
}

// largest writes maxAsm.
func (s *source) largest() {
	s.function("maxAsm", 28)
	s.slices(0, "x")
	s.f("VLD1 (R1), %s", vectors(0, 2))
	s.move(2, 0)
	s.move(3, 1)
	most := func(registers int) func() {
		return func() {
			s.load("R1", 4, registers)
			for r := range registers {
				s.put(fmaxnm.on(r, r, 4+r))
			}
		}
	}
	s.steps("two", "one", 16, most(4))
	s.steps("one", "done", 8, most(2))
	s.label("done")
	s.put(fmaxnm.on(0, 0, 2), fmaxnm.on(1, 1, 3), fmaxnm.on(0, 0, 1), fmaxnmAcross(0, 0))
	s.f("FMOVS F0, ret+24(FP); RET")
}

func (s *source) axpy() {
	s.function("axpyAsm", 56)
	s.spread("a+0", 31)
	s.slices(8, "x", "y")
	s.twoWidths(func(registers int) {
		s.load("R1", 0, registers)
		s.f("VLD1 (R2), %s", vectors(4, registers))
		for r := range registers {
			s.addProduct(4+r, r, 31)
		}
		s.store(4, registers, "R2")
	})
}

// twoWidths writes a loop over sixteen values and one over eight, and returns.
func (s *source) twoWidths(body func(registers int)) {
	s.steps("two", "one", 16, func() { body(4) })
	s.steps("one", "done", 8, func() { body(2) })
	s.label("done")
	s.f("RET")
}

func (s *source) addReLU() {
	s.function("addReLUAsm", 48)
	s.slices(0, "x", "y")
	s.zero(31, 32)
	s.twoWidths(func(registers int) {
		s.f("VLD1 (R1), %s", vectors(0, registers))
		s.load("R2", 4, registers)
		for r := range registers {
			s.put(fadd.on(r, r, 4+r), fmax.on(r, r, 31)) // of NaN and 0 it takes the former
		}
		s.store(0, registers, "R1")
	})
}

func (s *source) normalize() {
	s.function("normAsm", 104)
	s.slices(0, "dst", "x", "gain", "bias")
	s.spread("mean+96", 30)
	s.spread("rstd+100", 31)
	s.twoWidths(func(registers int) {
		s.load("R2", 0, registers)
		s.load("R3", 4, registers)
		s.load("R4", 8, registers)
		for r := range registers {
			s.put(fsub.on(r, r, 30), fmul.on(r, r, 31))
			s.addProduct(8+r, r, 4+r)
		}
		s.store(8, registers, "R1")
	})
}

func (s *source) mul() {
	s.function("mulAsm", 76)
	s.slices(0, "dst", "x", "y")
	s.spread("a+72", 31)
	s.twoWidths(func(registers int) {
		s.load("R2", 0, registers)
		s.load("R3", 4, registers)
		for r := range registers {
			s.put(fmul.on(r, r, 31), fmul.on(r, r, 4+r))
		}
		s.store(0, registers, "R1")
	})
}

func (s *source) mulAdd() {
	s.function("mulAddAsm", 72)
	s.slices(0, "dst", "x", "y")
	s.twoWidths(func(registers int) {
		s.load("R2", 0, registers)
		s.load("R3", 4, registers)
		s.f("VLD1 (R1), %s", vectors(8, registers))
		for r := range registers {
			s.addProduct(8+r, r, 4+r)
		}
		s.store(8, registers, "R1")
	})
}

func (s *source) combine() {
	s.function("combineAsm", 84)
	s.slices(0, "dst", "x", "y")
	s.spread("a+72", 29)
	s.spread("b+76", 30)
	s.spread("c+80", 31)
	s.twoWidths(func(registers int) {
		s.load("R2", 0, registers)
		s.load("R3", 4, registers)
		for r := range registers {
			s.put(fmul.on(r, r, 29))
			s.addProduct(r, 4+r, 30)
			s.put(fadd.on(r, r, 31))
		}
		s.store(0, registers, "R1")
	})
}
