//go:build amd64 && !noasm

#include "textflag.h"

#define ROW24(off, x, y, z)      \
	VBROADCASTSS off(SI), Y15    \
	VFMADD231PS  Y12, Y15, x     \
	VFMADD231PS  Y13, Y15, y     \
	VFMADD231PS  Y14, Y15, z

#define PUT24(x, y, z)      \
	VMULPS  Y14, x, x       \
	VMULPS  Y14, y, y       \
	VMULPS  Y14, z, z       \
	VMOVUPS x, (DX)         \
	VMOVUPS y, 32(DX)       \
	VMOVUPS z, 64(DX)       \
	ADDQ    R9, DX

#define ADD24(x, y, z)             \
	VMULPS      Y14, x, x          \
	VMULPS      Y14, y, y          \
	VMULPS      Y14, z, z          \
	VFMADD231PS (DX), Y15, x       \
	VFMADD231PS 32(DX), Y15, y     \
	VFMADD231PS 64(DX), Y15, z     \
	VMOVUPS     x, (DX)            \
	VMOVUPS     y, 32(DX)          \
	VMOVUPS     z, 64(DX)          \
	ADDQ        R9, DX

// func kernel4x24(k int, a, b, c *float32, ldc int, alpha, beta float32)
TEXT ·kernel4x24(SB), NOSPLIT, $0-48
	MOVQ   k+0(FP), CX
	MOVQ   a+8(FP), SI
	MOVQ   b+16(FP), DI
	MOVQ   c+24(FP), DX
	MOVQ   ldc+32(FP), R9
	SHLQ   $2, R9
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	TESTQ  CX, CX
	JZ     store

loop:
	VMOVUPS (DI), Y12
	VMOVUPS 32(DI), Y13
	VMOVUPS 64(DI), Y14
	ROW24(0, Y0, Y1, Y2)
	ROW24(4, Y3, Y4, Y5)
	ROW24(8, Y6, Y7, Y8)
	ROW24(12, Y9, Y10, Y11)
	ADDQ    $16, SI
	ADDQ    $96, DI
	DECQ    CX
	JNZ     loop

store:
	VBROADCASTSS alpha+40(FP), Y14
	VBROADCASTSS beta+44(FP), Y15
	MOVL         beta+44(FP), AX
	TESTL        $0x7fffffff, AX
	JNZ          add
	PUT24(Y0, Y1, Y2)
	PUT24(Y3, Y4, Y5)
	PUT24(Y6, Y7, Y8)
	PUT24(Y9, Y10, Y11)
	VZEROUPPER
	RET

add:
	ADD24(Y0, Y1, Y2)
	ADD24(Y3, Y4, Y5)
	ADD24(Y6, Y7, Y8)
	ADD24(Y9, Y10, Y11)
	VZEROUPPER
	RET
