package main

import "fmt"

// The opcode maps and prefixes of the encodings below.
const (
	map0F38 = 2

	prefixNone = 0
	prefixF3   = 2
	prefixF2   = 3
)

// evex encodes "op dst, src1, src2" on whole 512-bit registers (Intel SDM 2.7):
// registers by number, 0 to 31.
func evex(prefix, opcode byte, dst, src1, src2 int) []byte {
	not := func(r, bit int) byte { return byte(^r>>bit) & 1 }
	return []byte{
		0x62,
		not(dst, 3)<<7 | not(src2, 4)<<6 | not(src2, 3)<<5 | not(dst, 4)<<4 | map0F38,
		byte(^src1&15)<<3 | 1<<2 | prefix,
		2<<5 | not(src1, 4)<<3,
		opcode,
		3<<6 | byte(dst&7)<<3 | byte(src2&7),
	}
}

// vex encodes an instruction on tile registers without memory (Intel SDM 2.3):
// reg and rm are fields of ModRM, src1 the register in VEX.vvvv.
func vex(prefix, opcode byte, reg, src1, rm int) []byte {
	return []byte{0xc4, 7<<5 | map0F38, byte(^src1&15)<<3 | prefix, opcode, 3<<6 | byte(reg&7)<<3 | byte(rm&7)}
}

// vexStride encodes a tile's load or store at [base + index], index being the
// bytes from row to row; both are general registers by number, 0 to 15, and
// base is not one that needs a displacement.
func vexStride(prefix, opcode byte, tile, base, index int) []byte {
	return []byte{0xc4, 1<<7 | byte(^index>>3&1)<<6 | byte(^base>>3&1)<<5 | map0F38, 15<<3 | prefix, opcode,
		byte(tile&7)<<3 | 4, byte(index&7)<<3 | byte(base&7)}
}

// An instruction that Go's assembler does not name: its bytes and its text as
// Intel's manuals write it.
type instruction struct {
	code []byte
	text string
}

func dpbf16(dst, x, y int) instruction {
	return instruction{evex(prefixF3, 0x52, dst, x, y), fmt.Sprintf("vdpbf16ps zmm%d, zmm%d, zmm%d", dst, x, y)}
}

func cvtToBF16(dst, src int) instruction {
	return instruction{evex(prefixF3, 0x72, dst, 0, src), fmt.Sprintf("vcvtneps2bf16 ymm%d, zmm%d", dst, src)}
}

// cvt2ToBF16 puts low into the lower half of dst and high into the upper.
func cvt2ToBF16(dst, high, low int) instruction {
	return instruction{evex(prefixF2, 0x72, dst, high, low),
		fmt.Sprintf("vcvtne2ps2bf16 zmm%d, zmm%d, zmm%d", dst, high, low)}
}

var generals = []string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
	"r14", "r15"}

const (
	rsi = 6
	rdi = 7
	r8  = 8
	r9  = 9
	r10 = 10
	r11 = 11
)

func ldTileConfig(base int) instruction {
	code := []byte{0xc4, 1<<7 | 1<<6 | byte(^base>>3&1)<<5 | map0F38, 15<<3 | prefixNone, 0x49, byte(base & 7)}
	return instruction{code, fmt.Sprintf("ldtilecfg [%s]", generals[base])}
}

func tileRelease() instruction {
	return instruction{vex(prefixNone, 0x49, 0, 0, 0), "tilerelease"}
}

func tileZero(tile int) instruction {
	return instruction{vex(prefixF2, 0x49, tile, 0, 0), fmt.Sprintf("tilezero tmm%d", tile)}
}

func tileLoad(tile, base, stride int) instruction {
	return instruction{vexStride(prefixF2, 0x4b, tile, base, stride),
		fmt.Sprintf("tileloadd tmm%d, [%s + 1*%s]", tile, generals[base], generals[stride])}
}

func tileStore(tile, base, stride int) instruction {
	return instruction{vexStride(prefixF3, 0x4b, tile, base, stride),
		fmt.Sprintf("tilestored [%s + 1*%s], tmm%d", generals[base], generals[stride], tile)}
}

func tdpbf16(dst, x, y int) instruction {
	return instruction{vex(prefixF3, 0x5c, dst, y, x), fmt.Sprintf("tdpbf16ps tmm%d, tmm%d, tmm%d", dst, x, y)}
}
