//go:build !noasm

package bgemm

import "syscall"

// hasBF16 says that the processor multiplies bfloat16 (FEAT_BF16: M2 and later).
func hasBF16() bool {
	v, err := syscall.SysctlUint32("hw.optional.arm.FEAT_BF16")
	return err == nil && v == 1
}
