//go:build amd64 && !noasm

#include "textflag.h"

// func headDotsAsm(dst []float32, stride int, x, y []float32, dim int)
TEXT ·headDotsAsm(SB), NOSPLIT, $0-88
	MOVQ dst_base+0(FP), R8
	MOVQ stride+24(FP), R9
	SHLQ $2, R9
	MOVQ x_base+32(FP), SI
	MOVQ x_len+40(FP), CX
	MOVQ y_base+56(FP), DI
	MOVQ dim+80(FP), DX

head:
	CMPQ   CX, DX
	JLT    done
	SUBQ   DX, CX
	MOVQ   DX, BX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1

two:
	CMPQ        BX, $16
	JLT         one
	VMOVUPS     (SI), Y2
	VMOVUPS     32(SI), Y3
	VFMADD231PS (DI), Y2, Y0
	VFMADD231PS 32(DI), Y3, Y1
	ADDQ        $64, SI
	ADDQ        $64, DI
	SUBQ        $16, BX
	JMP         two

one:
	CMPQ        BX, $8
	JLT         sum
	VMOVUPS     (SI), Y2
	VFMADD231PS (DI), Y2, Y0
	ADDQ        $32, SI
	ADDQ        $32, DI

sum:
	VADDPS       Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS       X1, X0, X0
	VHADDPS      X0, X0, X0
	VHADDPS      X0, X0, X0
	VMOVSS       X0, (R8)
	ADDQ         R9, R8
	JMP          head

done:
	VZEROUPPER
	RET

// func headAxpyAsm(a []float32, stride int, x, y []float32, dim int)
TEXT ·headAxpyAsm(SB), NOSPLIT, $0-88
	MOVQ a_base+0(FP), R8
	MOVQ stride+24(FP), R9
	SHLQ $2, R9
	MOVQ x_base+32(FP), SI
	MOVQ x_len+40(FP), CX
	MOVQ y_base+56(FP), DI
	MOVQ dim+80(FP), DX

head:
	CMPQ         CX, DX
	JLT          done
	SUBQ         DX, CX
	MOVQ         DX, BX
	VBROADCASTSS (R8), Y0
	ADDQ         R9, R8

two:
	CMPQ        BX, $16
	JLT         one
	VMOVUPS     (DI), Y2
	VMOVUPS     32(DI), Y3
	VFMADD231PS (SI), Y0, Y2
	VFMADD231PS 32(SI), Y0, Y3
	VMOVUPS     Y2, (DI)
	VMOVUPS     Y3, 32(DI)
	ADDQ        $64, SI
	ADDQ        $64, DI
	SUBQ        $16, BX
	JMP         two

one:
	CMPQ        BX, $8
	JLT         head
	VMOVUPS     (DI), Y2
	VFMADD231PS (SI), Y0, Y2
	VMOVUPS     Y2, (DI)
	ADDQ        $32, SI
	ADDQ        $32, DI
	JMP         head

done:
	VZEROUPPER
	RET
