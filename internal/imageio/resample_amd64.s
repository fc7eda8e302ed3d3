//go:build amd64 && !noasm

#include "textflag.h"

// Half a unit of the 22 fractional bits, and the alpha of an opaque pixel.
DATA half<>+0(SB)/4, $0x200000
GLOBL half<>(SB), RODATA|NOPTR, $4
DATA alpha<>+0(SB)/4, $0xff000000
GLOBL alpha<>(SB), RODATA|NOPTR, $4

// Spreads two weights over the four channels of two pixels.
DATA spread<>+0(SB)/8, $0x0000000000000000
DATA spread<>+8(SB)/8, $0x0000000000000000
DATA spread<>+16(SB)/8, $0x0000000100000001
DATA spread<>+24(SB)/8, $0x0000000100000001
GLOBL spread<>(SB), RODATA|NOPTR, $32

// func rowAsm(out, in *byte, first, count []int, weight *int32, width int)
TEXT ·rowAsm(SB), NOSPLIT, $0-80
	MOVQ         out+0(FP), DI
	MOVQ         in+8(FP), SI
	MOVQ         first_base+16(FP), R8
	MOVQ         first_len+24(FP), CX
	MOVQ         count_base+40(FP), R9
	MOVQ         weight+64(FP), R10
	MOVQ         width+72(FP), R11
	SHLQ         $2, R11
	VMOVDQU      spread<>(SB), Y15
	VPBROADCASTD half<>(SB), X14
	VPBROADCASTD alpha<>(SB), X13
	TESTQ        CX, CX
	JZ           done

pixel:
	MOVQ    (R8), AX
	LEAQ    (SI)(AX*4), AX
	MOVQ    (R9), BX
	MOVQ    R10, DX
	VMOVDQA X14, X0 // clears the upper half of Y0
	VPXOR   Y1, Y1, Y1

four:
	CMPQ      BX, $4
	JLT       two
	VPMOVZXBD (AX), Y2
	VPMOVZXBD 8(AX), Y4
	VMOVQ     (DX), X3
	VMOVQ     8(DX), X5
	VPERMD    Y3, Y15, Y3
	VPERMD    Y5, Y15, Y5
	VPMULLD   Y3, Y2, Y2
	VPMULLD   Y5, Y4, Y4
	VPADDD    Y2, Y0, Y0
	VPADDD    Y4, Y1, Y1
	ADDQ      $16, AX
	ADDQ      $16, DX
	SUBQ      $4, BX
	JMP       four

two:
	CMPQ      BX, $2
	JLT       one
	VPMOVZXBD (AX), Y2
	VMOVQ     (DX), X3
	VPERMD    Y3, Y15, Y3
	VPMULLD   Y3, Y2, Y2
	VPADDD    Y2, Y0, Y0
	ADDQ      $8, AX
	ADDQ      $8, DX
	SUBQ      $2, BX

one:
	TESTQ        BX, BX
	JZ           sum
	VPMOVZXBD    (AX), X2
	VPBROADCASTD (DX), X3
	VPMULLD      X3, X2, X2 // clears the upper half of Y2
	VPADDD       Y2, Y1, Y1

sum:
	VPADDD       Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VPSRAD       $22, X0, X0
	VPACKUSDW    X0, X0, X0
	VPACKUSWB    X0, X0, X0
	VPOR         X13, X0, X0
	VMOVD        X0, (DI)
	ADDQ         $4, DI
	ADDQ         $8, R8
	ADDQ         $8, R9
	ADDQ         R11, R10
	DECQ         CX
	JNZ          pixel

done:
	VZEROUPPER
	RET

// func columnAsm(out, rows *byte, n, stride int, weight []int32)
TEXT ·columnAsm(SB), NOSPLIT, $0-56
	MOVQ         out+0(FP), DI
	MOVQ         rows+8(FP), SI
	MOVQ         n+16(FP), CX
	MOVQ         stride+24(FP), R8
	MOVQ         weight_base+32(FP), R9
	MOVQ         weight_len+40(FP), R10
	VPBROADCASTD half<>(SB), Y15
	VPBROADCASTD alpha<>(SB), Y14

wide:
	CMPQ    CX, $32
	JLT     narrow
	VMOVDQA Y15, Y0
	VMOVDQA Y15, Y1
	VMOVDQA Y15, Y2
	VMOVDQA Y15, Y3
	MOVQ    SI, AX
	MOVQ    R9, DX
	MOVQ    R10, BX

wideTap:
	VPBROADCASTD (DX), Y4
	VPMOVZXBD    (AX), Y5
	VPMOVZXBD    8(AX), Y6
	VPMOVZXBD    16(AX), Y7
	VPMOVZXBD    24(AX), Y8
	VPMULLD      Y4, Y5, Y5
	VPMULLD      Y4, Y6, Y6
	VPMULLD      Y4, Y7, Y7
	VPMULLD      Y4, Y8, Y8
	VPADDD       Y5, Y0, Y0
	VPADDD       Y6, Y1, Y1
	VPADDD       Y7, Y2, Y2
	VPADDD       Y8, Y3, Y3
	ADDQ         R8, AX
	ADDQ         $4, DX
	DECQ         BX
	JNZ          wideTap

	VPSRAD    $22, Y0, Y0
	VPSRAD    $22, Y1, Y1
	VPSRAD    $22, Y2, Y2
	VPSRAD    $22, Y3, Y3
	VPACKUSDW Y1, Y0, Y0 // 0a 1a | 0b 1b
	VPACKUSDW Y3, Y2, Y2 // 2a 3a | 2b 3b
	VPERMQ    $0xd8, Y0, Y0
	VPERMQ    $0xd8, Y2, Y2
	VPACKUSWB Y2, Y0, Y0
	VPERMQ    $0xd8, Y0, Y0
	VPOR      Y14, Y0, Y0
	VMOVDQU   Y0, (DI)
	ADDQ      $32, DI
	ADDQ      $32, SI
	SUBQ      $32, CX
	JMP       wide

narrow:
	CMPQ    CX, $8
	JLT     done
	VMOVDQA Y15, Y0
	MOVQ    SI, AX
	MOVQ    R9, DX
	MOVQ    R10, BX

narrowTap:
	VPBROADCASTD (DX), Y4
	VPMOVZXBD    (AX), Y5
	VPMULLD      Y4, Y5, Y5
	VPADDD       Y5, Y0, Y0
	ADDQ         R8, AX
	ADDQ         $4, DX
	DECQ         BX
	JNZ          narrowTap

	VPSRAD       $22, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPACKUSDW    X1, X0, X0
	VPACKUSWB    X0, X0, X0
	VPOR         X14, X0, X0
	VMOVQ        X0, (DI)
	ADDQ         $8, DI
	ADDQ         $8, SI
	SUBQ         $8, CX
	JMP          narrow

done:
	VZEROUPPER
	RET
