//go:build amd64 && !noasm

package bgemm

import "syscall"

// From Linux's asm/prctl.h and the documentation of XSTATE.
const (
	sysArchPrctl    = 158
	requestXComp    = 0x1023 // ARCH_REQ_XCOMP_PERM
	featureTileData = 18     // XFEATURE_XTILEDATA
)

// allowTiles asks the kernel to let this process use AMX's tiles, whose state
// is so large that it is kept for those alone who ask.
func allowTiles() bool {
	_, _, err := syscall.RawSyscall(sysArchPrctl, requestXComp, featureTileData, 0)
	return err == 0
}
