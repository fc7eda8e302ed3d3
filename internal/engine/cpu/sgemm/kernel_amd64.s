//go:build amd64 && !noasm

#include "textflag.h"

// One row of a tile: broadcast a value of A, multiply with both halves of a
// row of B (Z24, Z25).
#define ROW32(off, t, lo, hi) \
	VBROADCASTSS off(SI), t   \
	VFMADD231PS  Z24, t, lo   \
	VFMADD231PS  Z25, t, hi

#define ROW16(off, t, lo)   \
	VBROADCASTSS off(SI), t \
	VFMADD231PS  Z24, t, lo

#define STEP32                   \
	VMOVUPS (DI), Z24            \
	VMOVUPS 64(DI), Z25          \
	ROW32(0, Z26, Z0, Z1)        \
	ROW32(4, Z27, Z2, Z3)        \
	ROW32(8, Z28, Z4, Z5)        \
	ROW32(12, Z29, Z6, Z7)       \
	ROW32(16, Z30, Z8, Z9)       \
	ROW32(20, Z31, Z10, Z11)     \
	ROW32(24, Z26, Z12, Z13)     \
	ROW32(28, Z27, Z14, Z15)     \
	ROW32(32, Z28, Z16, Z17)     \
	ROW32(36, Z29, Z18, Z19)     \
	ROW32(40, Z30, Z20, Z21)     \
	ROW32(44, Z31, Z22, Z23)     \
	ADDQ $48, SI                 \
	ADDQ $128, DI

#define STEP16               \
	VMOVUPS (DI), Z24        \
	ROW16(0, Z26, Z0)        \
	ROW16(4, Z27, Z2)        \
	ROW16(8, Z28, Z4)        \
	ROW16(12, Z29, Z6)       \
	ROW16(16, Z30, Z8)       \
	ROW16(20, Z31, Z10)      \
	ROW16(24, Z26, Z12)      \
	ROW16(28, Z27, Z14)      \
	ROW16(32, Z28, Z16)      \
	ROW16(36, Z29, Z18)      \
	ROW16(40, Z30, Z20)      \
	ROW16(44, Z31, Z22)      \
	ADDQ $48, SI             \
	ADDQ $64, DI

#define ZERO(r) VPXORQ r, r, r

#define ZEROALL \
	ZERO(Z0)    \
	ZERO(Z1)    \
	ZERO(Z2)    \
	ZERO(Z3)    \
	ZERO(Z4)    \
	ZERO(Z5)    \
	ZERO(Z6)    \
	ZERO(Z7)    \
	ZERO(Z8)    \
	ZERO(Z9)    \
	ZERO(Z10)   \
	ZERO(Z11)   \
	ZERO(Z12)   \
	ZERO(Z13)   \
	ZERO(Z14)   \
	ZERO(Z15)   \
	ZERO(Z16)   \
	ZERO(Z17)   \
	ZERO(Z18)   \
	ZERO(Z19)   \
	ZERO(Z20)   \
	ZERO(Z21)   \
	ZERO(Z22)   \
	ZERO(Z23)

// Write a row of sums over C (beta == 0) and go to the next row; R8 counts
// the rows left.
#define PUT32(lo, hi)            \
	VMULPS  Z30, lo, lo          \
	VMULPS  Z30, hi, hi          \
	VMOVUPS lo, K1, (DX)         \
	VMOVUPS hi, K2, 64(DX)       \
	DECQ    R8                   \
	JZ      done                 \
	ADDQ    R9, DX

// Add a row of sums to beta times C.
#define ADD32(lo, hi)              \
	VMULPS      Z30, lo, lo        \
	VMULPS      Z30, hi, hi        \
	VMOVUPS.Z   (DX), K1, Z24      \
	VMOVUPS.Z   64(DX), K2, Z25    \
	VFMADD231PS Z31, Z24, lo       \
	VFMADD231PS Z31, Z25, hi       \
	VMOVUPS     lo, K1, (DX)       \
	VMOVUPS     hi, K2, 64(DX)     \
	DECQ        R8                 \
	JZ          done               \
	ADDQ        R9, DX

#define PUT16(lo)            \
	VMULPS  Z30, lo, lo      \
	VMOVUPS lo, K1, (DX)     \
	DECQ    R8               \
	JZ      done             \
	ADDQ    R9, DX

#define ADD16(lo)                  \
	VMULPS      Z30, lo, lo        \
	VMOVUPS.Z   (DX), K1, Z24      \
	VFMADD231PS Z31, Z24, lo       \
	VMOVUPS     lo, K1, (DX)       \
	DECQ        R8                 \
	JZ          done               \
	ADDQ        R9, DX

// Ask for the rows of C while the sums are made: R8 rows from DX on.
#define FETCH(bytes)          \
	MOVQ R8, BX               \
	MOVQ DX, AX               \
	PREFETCHT0 (AX)           \
	PREFETCHT0 bytes(AX)      \
	ADDQ R9, AX               \
	DECQ BX                   \
	JNZ  -4(PC)

// func kernel12x32(k int, a, b, c *float32, ldc int, alpha, beta float32, rows int, mask uint32)
TEXT ·kernel12x32(SB), NOSPLIT, $0-60
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	MOVQ ldc+32(FP), R9
	SHLQ $2, R9
	MOVQ rows+48(FP), R8
	FETCH(64)
	ZEROALL
	MOVQ CX, BX
	SHRQ $1, BX
	JZ   odd

pair:
	STEP32
	STEP32
	DECQ BX
	JNZ  pair

odd:
	TESTQ $1, CX
	JZ    store
	STEP32

store:
	VBROADCASTSS alpha+40(FP), Z30
	VBROADCASTSS beta+44(FP), Z31
	MOVL         mask+56(FP), AX
	KMOVW        AX, K1
	SHRL         $16, AX
	KMOVW        AX, K2
	MOVL         beta+44(FP), AX
	TESTL        $0x7fffffff, AX
	JNZ          add
	PUT32(Z0, Z1)
	PUT32(Z2, Z3)
	PUT32(Z4, Z5)
	PUT32(Z6, Z7)
	PUT32(Z8, Z9)
	PUT32(Z10, Z11)
	PUT32(Z12, Z13)
	PUT32(Z14, Z15)
	PUT32(Z16, Z17)
	PUT32(Z18, Z19)
	PUT32(Z20, Z21)
	PUT32(Z22, Z23)
	JMP done

add:
	ADD32(Z0, Z1)
	ADD32(Z2, Z3)
	ADD32(Z4, Z5)
	ADD32(Z6, Z7)
	ADD32(Z8, Z9)
	ADD32(Z10, Z11)
	ADD32(Z12, Z13)
	ADD32(Z14, Z15)
	ADD32(Z16, Z17)
	ADD32(Z18, Z19)
	ADD32(Z20, Z21)
	ADD32(Z22, Z23)

done:
	VZEROUPPER
	RET

// func kernel12x16(k int, a, b, c *float32, ldc int, alpha, beta float32, rows int, mask uint32)
TEXT ·kernel12x16(SB), NOSPLIT, $0-60
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DI
	MOVQ c+24(FP), DX
	MOVQ ldc+32(FP), R9
	SHLQ $2, R9
	MOVQ rows+48(FP), R8
	FETCH(0)
	ZEROALL
	TESTQ CX, CX
	JZ    store

loop:
	STEP16
	DECQ CX
	JNZ  loop

store:
	VBROADCASTSS alpha+40(FP), Z30
	VBROADCASTSS beta+44(FP), Z31
	MOVL         mask+56(FP), AX
	KMOVW        AX, K1
	MOVL         beta+44(FP), AX
	TESTL        $0x7fffffff, AX
	JNZ          add
	PUT16(Z0)
	PUT16(Z2)
	PUT16(Z4)
	PUT16(Z6)
	PUT16(Z8)
	PUT16(Z10)
	PUT16(Z12)
	PUT16(Z14)
	PUT16(Z16)
	PUT16(Z18)
	PUT16(Z20)
	PUT16(Z22)
	JMP done

add:
	ADD16(Z0)
	ADD16(Z2)
	ADD16(Z4)
	ADD16(Z6)
	ADD16(Z8)
	ADD16(Z10)
	ADD16(Z12)
	ADD16(Z14)
	ADD16(Z16)
	ADD16(Z18)
	ADD16(Z20)
	ADD16(Z22)

done:
	VZEROUPPER
	RET

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

// func interleave4(k int, src *float32, ld int, dst *float32, width int)
TEXT ·interleave4(SB), NOSPLIT, $0-40
	MOVQ k+0(FP), CX
	MOVQ src+8(FP), SI
	MOVQ ld+16(FP), R8
	MOVQ dst+24(FP), DI
	MOVQ width+32(FP), R9
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (SI)(R8*1), R10
	LEAQ (SI)(R8*2), R11
	LEAQ (R10)(R8*2), R12
	LEAQ (R9)(R9*2), R13
	MOVQ CX, BX
	SHRQ $2, BX
	JZ   tail

quad:
	MOVUPS   (SI), X0
	MOVUPS   (R10), X1
	MOVUPS   (R11), X2
	MOVUPS   (R12), X3
	MOVAPS   X0, X4
	UNPCKLPS X1, X0
	UNPCKHPS X1, X4
	MOVAPS   X2, X5
	UNPCKLPS X3, X2
	UNPCKHPS X3, X5
	MOVAPS   X0, X6
	MOVLHPS  X2, X0
	MOVHLPS  X6, X2
	MOVAPS   X4, X7
	MOVLHPS  X5, X4
	MOVHLPS  X7, X5
	MOVUPS   X0, (DI)
	MOVUPS   X2, (DI)(R9*1)
	MOVUPS   X4, (DI)(R9*2)
	MOVUPS   X5, (DI)(R13*1)
	LEAQ     (DI)(R9*4), DI
	ADDQ     $16, SI
	ADDQ     $16, R10
	ADDQ     $16, R11
	ADDQ     $16, R12
	DECQ     BX
	JNZ      quad

tail:
	ANDQ $3, CX
	JZ   done

one:
	MOVSS (SI), X0
	MOVSS (R10), X1
	MOVSS (R11), X2
	MOVSS (R12), X3
	MOVSS X0, (DI)
	MOVSS X1, 4(DI)
	MOVSS X2, 8(DI)
	MOVSS X3, 12(DI)
	ADDQ  $4, SI
	ADDQ  $4, R10
	ADDQ  $4, R11
	ADDQ  $4, R12
	ADDQ  R9, DI
	DECQ  CX
	JNZ   one

done:
	RET
