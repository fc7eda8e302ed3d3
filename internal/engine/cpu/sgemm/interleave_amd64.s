//go:build amd64 && !noasm

#include "textflag.h"

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
