package main

func stepFile() string {
	s := newSource()
	s.sgd()
	s.adamW()
	return s.String()
}

// sgd writes sgdAsm.
func (s *source) sgd() {
	s.function("sgdAsm", 84)
	s.slices(0, "p", "v", "g")
	s.spread("lr+72", 29)
	s.spread("momentum+76", 30)
	s.spread("decay+80", 31)
	s.twoWidths(func(registers int) {
		s.f("VLD1 (R1), %s; VLD1 (R2), %s", vectors(0, registers), vectors(4, registers))
		s.load("R3", 8, registers)
		for r := range registers {
			s.addProduct(8+r, r, 31)
			s.addProduct(8+r, 4+r, 30)
			s.subProduct(r, 8+r, 29)
		}
		s.store(8, registers, "R2")
		s.store(0, registers, "R1")
	})
}

// adamW writes adamwAsm; the constants are the fields of Adam, in V16 to V23.
func (s *source) adamW() {
	const beta1, rest1, beta2, rest2, keep, rate, root, eps = 16, 17, 18, 19, 20, 21, 22, 23
	s.function("adamwAsm", 104)
	s.slices(0, "p", "m", "v", "g")
	s.f("MOVD c+96(FP), R9")
	for v := beta1; v <= eps; v++ {
		s.f("VLD1R.P 4(R9), [V%d.S4]", v)
	}
	s.eights(func() {
		s.f("VLD1 (R1), %s; VLD1 (R2), %s; VLD1 (R3), %s", vectors(0, 2), vectors(2, 2), vectors(4, 2))
		s.load("R4", 6, 2)
		for h := range 2 {
			p, m, v, g, a, b := h, 2+h, 4+h, 6+h, 8+h, 10+h
			s.put(fmul.on(a, g, rest1))
			s.addProduct(a, m, beta1)
			s.put(fmul.on(b, g, rest2), fmul.on(b, b, g))
			s.addProduct(b, v, beta2)
			s.put(fsqrt.on(v, b))
			s.move(m, eps)
			s.addProduct(m, v, root)
			s.put(fmul.on(v, a, rate), fdiv.on(v, v, m), fmul.on(p, p, keep), fsub.on(p, p, v))
		}
		s.store(8, 2, "R2")
		s.store(10, 2, "R3")
		s.store(0, 2, "R1")
	})
	s.f("RET")
}
