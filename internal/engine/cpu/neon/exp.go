package main

// The constants of vec/exp.go, in V16 and on.
var expConstants = []struct{ name, value string }{
	{"log2e", "$1.44269504088896341"}, {"head", "$0.693359375"}, {"tail", "$-2.12194440e-4"},
	{"p0", "$1.9875691500e-4"}, {"p1", "$1.3981999507e-3"}, {"p2", "$8.3334519073e-3"},
	{"p3", "$4.1665795894e-2"}, {"p4", "$1.6666665459e-1"}, {"p5", "$5.0000001201e-1"},
	{"one", "$1.0"}, {"bias", "$127"}, {"low", "$-87.33654475055310"}, {"high", "$88.3762626647949"},
	{"inf", "$0x7f800000"}, {"zero", "$0"},
}

const (
	log2e = 16 + iota
	ln2Head
	ln2Tail
	exp0
	exp1
	exp2
	exp3
	exp4
	exp5
	one
	exponentBias
	expLow
	expHigh
	infinity
	zeros
)

// Those of the normal distribution: half, erfP, erf5 and the density's factor are
// lanes of one register, erf1 to erf4 of another.
var normalConstants = []string{"$-0.5", "$0.23164189", "$0.5307027145", "$0.3989422804014327",
	"$0.127414796", "$-0.142248368", "$0.7107068705", "$-0.7265760135"}

const (
	normalA = 15
	normalB = 31
)

func expFile() string {
	s := newSource()
	s.expTables()
	s.exponential()
	s.sigmoidMul()
	s.sigmoidMulGrad()
	s.gelu()
	s.geluGrad()
	return s.String()
}

// expTables writes the constants.
func (s *source) expTables() {
	s.table("exps", len(expConstants), func(i int) string {
		return expConstants[i].value + " // " + expConstants[i].name
	})
	s.table("normals", len(normalConstants), func(i int) string { return normalConstants[i] })
}

// loadExps puts the constants into their registers.
func (s *source) loadExps() {
	s.f("MOVD $exps<>(SB), R9")
	for i := range expConstants {
		s.f("VLD1R.P 4(R9), [V%d.S4]", log2e+i)
	}
}

// exp makes V0 and V1 their exponentials; it uses V2 to V11. A large argument is
// cut to 88.38 and the result then made +Inf; NaN goes through the polynomial and
// stays NaN.
func (s *source) exp() {
	for x := range 2 {
		n, p, q, low, high := 2+x, 4+x, 6+x, 8+x, 10+x
		s.put(fcmgt.on(high, x, expHigh), fcmgt.on(low, expLow, x), fmin.on(x, x, expHigh),
			fmul.on(n, x, log2e), frintn.on(n, n))
		s.subProduct(x, n, ln2Head)
		s.subProduct(x, n, ln2Tail)
		s.horner(p, q, x, exp0, exp1, exp2, exp3, exp4, exp5)
		s.put(fmul.on(q, x, x))
		s.addProduct(x, p, q)
		s.put(fadd.on(x, x, one), fcvtns.on(n, n))
		s.f("VADD V%d.S4, V%d.S4, V%d.S4; VSHL $23, V%d.S4, V%d.S4", exponentBias, n, n, n, n)
		s.put(fmul.on(x, x, n))
		s.choose(low, zeros, x)
		s.choose(high, infinity, x)
	}
}

// horner puts a polynomial of degree 5 in x into p, and uses q.
func (s *source) horner(p, q, x int, c ...int) {
	last := c[0]
	for i, next := range c[1:] {
		to := []int{p, q}[i%2]
		s.move(to, next)
		s.addProduct(to, last, x)
		last = to
	}
}

// eights writes a loop over eight values and returns.
func (s *source) eights(body func()) {
	s.steps("loop", "done", 8, body)
	s.label("done")
}

// exponential writes expAsm.
func (s *source) exponential() {
	s.function("expAsm", 60)
	s.slices(0, "dst", "x")
	s.f("MOVD x_len+32(FP), R0")
	s.spread("scale+48", 14)
	s.spread("shift+52", 15)
	s.put(fneg.on(15, 15))
	s.loadExps()
	s.zero(12, 14)
	s.eights(func() {
		s.load("R2", 2, 2)
		s.move(0, 15)
		s.move(1, 15)
		s.addProduct(0, 2, 14)
		s.addProduct(1, 3, 14)
		s.exp()
		s.store(0, 2, "R1")
		s.put(fadd.on(12, 12, 0), fadd.on(13, 13, 1))
	})
	s.put(fadd.on(12, 12, 13))
	s.sumPairs(12)
	s.f("FMOVS F12, ret+56(FP); RET")
}

// sigmoidMul writes sigmoidMulAsm.
func (s *source) sigmoidMul() {
	s.function("sigmoidMulAsm", 52)
	s.slices(0, "dst", "x")
	s.spread("slope+48", 14)
	s.put(fneg.on(14, 14))
	s.loadExps()
	s.eights(func() {
		s.load("R2", 12, 2)
		s.put(fmul.on(0, 12, 14), fmul.on(1, 13, 14))
		s.exp()
		for x := range 2 {
			s.put(fadd.on(x, x, one), fdiv.on(x, 12+x, x))
		}
		s.store(0, 2, "R1")
	})
	s.f("RET")
}

// sigmoidMulGrad writes sigmoidMulGradAsm.
func (s *source) sigmoidMulGrad() {
	s.function("sigmoidMulGradAsm", 76)
	s.slices(0, "dst", "x", "dy")
	s.spread("slope+72", 14)
	s.loadExps()
	s.eights(func() {
		s.load("R2", 12, 2)
		for x := range 2 {
			s.put(fmul.on(12+x, 12+x, 14), fneg.on(x, 12+x))
		}
		s.exp()
		s.load("R3", 6, 2)
		for x := range 2 {
			s.put(fadd.on(x, x, one), fdiv.on(x, one, x), fsub.on(2+x, one, x)) // s and 1-s
			s.move(4+x, one)
			s.addProduct(4+x, 12+x, 2+x) // slope*x*(1-s) + 1
			s.put(fmul.on(x, x, 4+x), fmul.on(x, x, 6+x))
		}
		s.store(0, 2, "R1")
	})
	s.f("RET")
}

// normal makes V0 and V1 exp(-x*x/2), and V2 and V3 Phi(x), for x in V12 and V13.
func (s *source) normal() {
	s.put(fmul.on(0, 12, 12), fmul.on(1, 13, 13), fmulLane(0, 0, normalA, 0), fmulLane(1, 1, normalA, 0))
	s.exp()
	for e := range 2 {
		x, p, t, q := 12+e, 2+e, 4+e, 6+e
		s.put(fabs.on(p, x))
		s.move(t, one)
		s.put(fmlaLane(t, p, normalA, 1), fdiv.on(t, one, t))
		s.f("VDUP V%d.S[3], V%d.S4", normalB, q)
		s.put(fmlaLane(q, t, normalA, 2))
		last := q
		for lane := 2; lane >= 0; lane-- {
			to := p + q - last
			s.f("VDUP V%d.S[%d], V%d.S4", normalB, lane, to)
			s.addProduct(to, last, t)
			last = to
		}
		s.put(fmul.on(p, last, t), fmul.on(p, p, e), fsub.on(q, one, p), fcmgt.on(8+e, x, zeros))
		s.choose(8+e, q, p)
	}
}

// loadNormals loads all constants.
func (s *source) loadNormals() {
	s.loadExps()
	s.f("MOVD $normals<>(SB), R9; VLD1.P 16(R9), [V%d.S4]; VLD1 (R9), [V%d.S4]", normalA, normalB)
}

// gelu writes geluAsm.
func (s *source) gelu() {
	s.function("geluAsm", 48)
	s.slices(0, "dst", "x")
	s.loadNormals()
	s.eights(func() {
		s.load("R2", 12, 2)
		s.normal()
		s.put(fmul.on(2, 2, 12), fmul.on(3, 3, 13))
		s.store(2, 2, "R1")
	})
	s.f("RET")
}

// geluGrad writes geluGradAsm.
func (s *source) geluGrad() {
	s.function("geluGradAsm", 72)
	s.slices(0, "dst", "x", "dy")
	s.loadNormals()
	s.eights(func() {
		s.load("R2", 12, 2)
		s.normal()
		s.load("R3", 4, 2)
		for e := range 2 {
			s.put(fmulLane(e, e, normalA, 3))
			s.addProduct(2+e, 12+e, e)
			s.put(fmul.on(2+e, 2+e, 4+e))
		}
		s.store(2, 2, "R1")
	})
	s.f("RET")
}
