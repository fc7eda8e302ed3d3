//go:build amd64 && !noasm

#include "textflag.h"

// func addReLUAsm(x, y []float32)
TEXT ·addReLUAsm(SB), NOSPLIT, $0-48
	MOVQ   x_base+0(FP), DI
	MOVQ   x_len+8(FP), CX
	MOVQ   y_base+24(FP), SI
	VXORPS Y0, Y0, Y0

four:
	CMPQ    CX, $32
	JLT     one
	VMOVUPS (DI), Y1
	VMOVUPS 32(DI), Y2
	VMOVUPS 64(DI), Y3
	VMOVUPS 96(DI), Y4
	VADDPS  (SI), Y1, Y1
	VADDPS  32(SI), Y2, Y2
	VADDPS  64(SI), Y3, Y3
	VADDPS  96(SI), Y4, Y4
	VMAXPS  Y1, Y0, Y1       // of NaN and 0 the instruction takes the former
	VMAXPS  Y2, Y0, Y2
	VMAXPS  Y3, Y0, Y3
	VMAXPS  Y4, Y0, Y4
	VMOVUPS Y1, (DI)
	VMOVUPS Y2, 32(DI)
	VMOVUPS Y3, 64(DI)
	VMOVUPS Y4, 96(DI)
	ADDQ    $128, SI
	ADDQ    $128, DI
	SUBQ    $32, CX
	JMP     four

one:
	CMPQ    CX, $8
	JLT     done
	VMOVUPS (DI), Y1
	VADDPS  (SI), Y1, Y1
	VMAXPS  Y1, Y0, Y1
	VMOVUPS Y1, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JMP     one

done:
	VZEROUPPER
	RET
