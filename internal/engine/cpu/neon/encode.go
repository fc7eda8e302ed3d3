package main

import "fmt"

// An instruction that Go's assembler does not name: its word and its text as
// Arm's manual writes it.
type instruction struct {
	code uint32
	text string
}

// three is an instruction of two sources on registers of four floats (Arm
// Architecture Reference Manual, C4.1.96, "Advanced SIMD three same").
type three struct {
	name string
	code uint32
}

var (
	fadd   = three{"fadd", 0x4e20d400}
	fsub   = three{"fsub", 0x4ea0d400}
	fmul   = three{"fmul", 0x6e20dc00}
	fdiv   = three{"fdiv", 0x6e20fc00}
	fmax   = three{"fmax", 0x4e20f400}
	fmin   = three{"fmin", 0x4ea0f400}
	fmaxnm = three{"fmaxnm", 0x4e20c400} // of a number and a NaN it takes the number
	fcmgt  = three{"fcmgt", 0x6ea0e400}
	faddp  = three{"faddp", 0x6e20d400}
	fcmeq  = three{"fcmeq", 0x4e20e400}
)

// on encodes "op dst.4s, x.4s, y.4s".
func (t three) on(dst, x, y int) instruction {
	return instruction{t.code | registers(dst, x, y), fmt.Sprintf("%s v%d.4s, v%d.4s, v%d.4s", t.name, dst, x, y)}
}

// onDoubles encodes "op dst.2d, x.2d, y.2d".
func (t three) onDoubles(dst, x, y int) instruction {
	return instruction{t.code | 1<<22 | registers(dst, x, y),
		fmt.Sprintf("%s v%d.2d, v%d.2d, v%d.2d", t.name, dst, x, y)}
}

// two is an instruction of one source (C4.1.96, "two-register miscellaneous").
type two struct {
	name string
	code uint32
}

var (
	frintn = two{"frintn", 0x4e218800}
	fcvtns = two{"fcvtns", 0x4e21a800}
	fsqrt  = two{"fsqrt", 0x6ea1f800}
	fabs   = two{"fabs", 0x4ea0f800}
	fneg   = two{"fneg", 0x6ea0f800}
)

// on encodes "op dst.4s, x.4s".
func (t two) on(dst, x int) instruction {
	return instruction{t.code | registers(dst, x, 0), fmt.Sprintf("%s v%d.4s, v%d.4s", t.name, dst, x)}
}

// resized is an instruction whose registers hold lanes of other sizes.
type resized struct {
	name     string
	code     uint32
	to, from string
	further  string
}

var (
	sshr22  = resized{"sshr", 0x4f2a0400, "4s", "4s", ", #22"}
	sqxtun  = resized{"sqxtun", 0x2e612800, "4h", "4s", ""} // what is negative becomes zero
	sqxtun2 = resized{"sqxtun2", 0x6e612800, "8h", "4s", ""}
	uqxtn   = resized{"uqxtn", 0x2e214800, "8b", "8h", ""}
)

// on encodes the instruction from x to dst.
func (t resized) on(dst, x int) instruction {
	return instruction{t.code | registers(dst, x, 0), fmt.Sprintf("%s v%d.%s, v%d.%s%s", t.name, dst, t.to, x, t.from,
		t.further)}
}

// mlaLane adds x times one lane of y to dst, 32-bit integers.
func mlaLane(dst, x, y, lane int) instruction {
	return instruction{0x6f800000 | lanes(lane) | registers(dst, x, y),
		fmt.Sprintf("mla v%d.4s, v%d.4s, v%d.s[%d]", dst, x, y, lane)}
}

// fmlaLane adds x times one lane of y to dst.
func fmlaLane(dst, x, y, lane int) instruction {
	return instruction{0x4f801000 | lanes(lane) | registers(dst, x, y),
		fmt.Sprintf("fmla v%d.4s, v%d.4s, v%d.s[%d]", dst, x, y, lane)}
}

// fmulLane multiplies x by one lane of y.
func fmulLane(dst, x, y, lane int) instruction {
	return instruction{0x4f809000 | lanes(lane) | registers(dst, x, y),
		fmt.Sprintf("fmul v%d.4s, v%d.4s, v%d.s[%d]", dst, x, y, lane)}
}

// fmaxnmAcross puts the largest lane of x into the first of dst.
func fmaxnmAcross(dst, x int) instruction {
	return instruction{0x6e30c800 | registers(dst, x, 0), fmt.Sprintf("fmaxnmv s%d, v%d.4s", dst, x)}
}

// bfmmla adds the product of x, two rows of four bfloat16, and of y, two columns, to
// the two by two sums of dst.
func bfmmla(dst, x, y int) instruction {
	return instruction{0x6e40ec00 | registers(dst, x, y), fmt.Sprintf("bfmmla v%d.4s, v%d.8h, v%d.8h", dst, x, y)}
}

// registers are the fields Rd, Rn and Rm.
func registers(d, n, m int) uint32 { return uint32(d | n<<5 | m<<16) }

// lanes are the fields H and L of an instruction by element.
func lanes(i int) uint32 { return uint32(i>>1<<11 | i&1<<21) }
