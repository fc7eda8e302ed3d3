//go:build !noasm

package bgemm

import (
	"encoding/binary"
	"os"
)

// From Linux's elf.h and asm/hwcap.h.
const (
	auxHWCAP2  = 26
	hwcap2BF16 = 1 << 14
)

// hasBF16 says that the processor multiplies bfloat16 (FEAT_BF16). x/sys/cpu does
// not tell; the kernel does, in the vector that it gives every program.
func hasBF16() bool {
	b, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return false
	}
	for ; len(b) >= 16; b = b[16:] {
		if binary.LittleEndian.Uint64(b) == auxHWCAP2 {
			return binary.LittleEndian.Uint64(b[8:])&hwcap2BF16 != 0
		}
	}
	return false
}
