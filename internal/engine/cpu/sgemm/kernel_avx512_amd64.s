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
