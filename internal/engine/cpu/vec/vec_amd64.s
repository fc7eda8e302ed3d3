//go:build amd64 && !noasm

#include "textflag.h"

// Add the eight lanes of Y0 into X0.
#define HSUM                  \
	VEXTRACTF128 $1, Y0, X1   \
	VADDPS       X1, X0, X0   \
	VHADDPS      X0, X0, X0   \
	VHADDPS      X0, X0, X0

// func dotAsm(x, y []float32) float32
TEXT ·dotAsm(SB), NOSPLIT, $0-52
	MOVQ   x_base+0(FP), SI
	MOVQ   x_len+8(FP), CX
	MOVQ   y_base+24(FP), DI
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

four:
	CMPQ        CX, $32
	JLT         one
	VMOVUPS     (SI), Y4
	VMOVUPS     32(SI), Y5
	VMOVUPS     64(SI), Y6
	VMOVUPS     96(SI), Y7
	VFMADD231PS (DI), Y4, Y0
	VFMADD231PS 32(DI), Y5, Y1
	VFMADD231PS 64(DI), Y6, Y2
	VFMADD231PS 96(DI), Y7, Y3
	ADDQ        $128, SI
	ADDQ        $128, DI
	SUBQ        $32, CX
	JMP         four

one:
	CMPQ        CX, $8
	JLT         done
	VMOVUPS     (SI), Y4
	VFMADD231PS (DI), Y4, Y0
	ADDQ        $32, SI
	ADDQ        $32, DI
	SUBQ        $8, CX
	JMP         one

done:
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	HSUM
	MOVSS  X0, ret+48(FP)
	VZEROUPPER
	RET

// func sumAsm(x []float32) float32
TEXT ·sumAsm(SB), NOSPLIT, $0-28
	MOVQ   x_base+0(FP), SI
	MOVQ   x_len+8(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

four:
	CMPQ   CX, $32
	JLT    one
	VADDPS (SI), Y0, Y0
	VADDPS 32(SI), Y1, Y1
	VADDPS 64(SI), Y2, Y2
	VADDPS 96(SI), Y3, Y3
	ADDQ   $128, SI
	SUBQ   $32, CX
	JMP    four

one:
	CMPQ   CX, $8
	JLT    done
	VADDPS (SI), Y0, Y0
	ADDQ   $32, SI
	SUBQ   $8, CX
	JMP    one

done:
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	HSUM
	MOVSS  X0, ret+24(FP)
	VZEROUPPER
	RET

// func sqDistAsm(x []float32, mean float32) float32
TEXT ·sqDistAsm(SB), NOSPLIT, $0-36
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	VBROADCASTSS mean+24(FP), Y8
	VXORPS       Y0, Y0, Y0
	VXORPS       Y1, Y1, Y1
	VXORPS       Y2, Y2, Y2
	VXORPS       Y3, Y3, Y3

four:
	CMPQ        CX, $32
	JLT         one
	VMOVUPS     (SI), Y4
	VMOVUPS     32(SI), Y5
	VMOVUPS     64(SI), Y6
	VMOVUPS     96(SI), Y7
	VSUBPS      Y8, Y4, Y4
	VSUBPS      Y8, Y5, Y5
	VSUBPS      Y8, Y6, Y6
	VSUBPS      Y8, Y7, Y7
	VFMADD231PS Y4, Y4, Y0
	VFMADD231PS Y5, Y5, Y1
	VFMADD231PS Y6, Y6, Y2
	VFMADD231PS Y7, Y7, Y3
	ADDQ        $128, SI
	SUBQ        $32, CX
	JMP         four

one:
	CMPQ        CX, $8
	JLT         done
	VMOVUPS     (SI), Y4
	VSUBPS      Y8, Y4, Y4
	VFMADD231PS Y4, Y4, Y0
	ADDQ        $32, SI
	SUBQ        $8, CX
	JMP         one

done:
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	HSUM
	MOVSS  X0, ret+32(FP)
	VZEROUPPER
	RET

// func maxAsm(x []float32) float32
TEXT ·maxAsm(SB), NOSPLIT, $0-28
	MOVQ    x_base+0(FP), SI
	MOVQ    x_len+8(FP), CX
	VMOVUPS (SI), Y0
	VMOVAPS Y0, Y1

two:
	CMPQ    CX, $16
	JLT     one
	VMOVUPS (SI), Y2
	VMOVUPS 32(SI), Y3
	VMAXPS  Y0, Y2, Y0
	VMAXPS  Y1, Y3, Y1
	ADDQ    $64, SI
	SUBQ    $16, CX
	JMP     two

one:
	CMPQ    CX, $8
	JLT     done
	VMOVUPS (SI), Y2
	VMAXPS  Y0, Y2, Y0
	ADDQ    $32, SI
	SUBQ    $8, CX
	JMP     one

done:
	VMAXPS       Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS       X1, X0, X0
	VMOVHLPS     X0, X0, X1
	VMAXPS       X1, X0, X0
	VMOVSHDUP    X0, X1
	VMAXPS       X1, X0, X0
	MOVSS        X0, ret+24(FP)
	VZEROUPPER
	RET

// func axpyAsm(a float32, x, y []float32)
TEXT ·axpyAsm(SB), NOSPLIT, $0-56
	VBROADCASTSS a+0(FP), Y0
	MOVQ         x_base+8(FP), SI
	MOVQ         x_len+16(FP), CX
	MOVQ         y_base+32(FP), DI

four:
	CMPQ        CX, $32
	JLT         one
	VMOVUPS     (DI), Y1
	VMOVUPS     32(DI), Y2
	VMOVUPS     64(DI), Y3
	VMOVUPS     96(DI), Y4
	VFMADD231PS (SI), Y0, Y1
	VFMADD231PS 32(SI), Y0, Y2
	VFMADD231PS 64(SI), Y0, Y3
	VFMADD231PS 96(SI), Y0, Y4
	VMOVUPS     Y1, (DI)
	VMOVUPS     Y2, 32(DI)
	VMOVUPS     Y3, 64(DI)
	VMOVUPS     Y4, 96(DI)
	ADDQ        $128, SI
	ADDQ        $128, DI
	SUBQ        $32, CX
	JMP         four

one:
	CMPQ        CX, $8
	JLT         done
	VMOVUPS     (DI), Y1
	VFMADD231PS (SI), Y0, Y1
	VMOVUPS     Y1, (DI)
	ADDQ        $32, SI
	ADDQ        $32, DI
	SUBQ        $8, CX
	JMP         one

done:
	VZEROUPPER
	RET

// func normAsm(dst, x, gain, bias []float32, mean, rstd float32)
TEXT ·normAsm(SB), NOSPLIT, $0-104
	MOVQ         dst_base+0(FP), DI
	MOVQ         x_base+24(FP), SI
	MOVQ         x_len+32(FP), CX
	MOVQ         gain_base+48(FP), R8
	MOVQ         bias_base+72(FP), R9
	VBROADCASTSS mean+96(FP), Y0
	VBROADCASTSS rstd+100(FP), Y1
	XORQ         AX, AX

one:
	CMPQ        CX, $8
	JLT         done
	VMOVUPS     (SI)(AX*1), Y2
	VSUBPS      Y0, Y2, Y2
	VMULPS      Y1, Y2, Y2
	VMOVUPS     (R9)(AX*1), Y3
	VFMADD231PS (R8)(AX*1), Y2, Y3
	VMOVUPS     Y3, (DI)(AX*1)
	ADDQ        $32, AX
	SUBQ        $8, CX
	JMP         one

done:
	VZEROUPPER
	RET

// func mulAsm(dst, x, y []float32, a float32)
TEXT ·mulAsm(SB), NOSPLIT, $0-76
	MOVQ         dst_base+0(FP), DI
	MOVQ         x_base+24(FP), SI
	MOVQ         x_len+32(FP), CX
	MOVQ         y_base+48(FP), R8
	VBROADCASTSS a+72(FP), Y0
	XORQ         AX, AX

one:
	CMPQ    CX, $8
	JLT     done
	VMULPS  (SI)(AX*1), Y0, Y1
	VMULPS  (R8)(AX*1), Y1, Y1
	VMOVUPS Y1, (DI)(AX*1)
	ADDQ    $32, AX
	SUBQ    $8, CX
	JMP     one

done:
	VZEROUPPER
	RET

// func mulAddAsm(dst, x, y []float32)
TEXT ·mulAddAsm(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	MOVQ y_base+48(FP), R8
	XORQ AX, AX

one:
	CMPQ        CX, $8
	JLT         done
	VMOVUPS     (SI)(AX*1), Y0
	VMOVUPS     (DI)(AX*1), Y1
	VFMADD231PS (R8)(AX*1), Y0, Y1
	VMOVUPS     Y1, (DI)(AX*1)
	ADDQ        $32, AX
	SUBQ        $8, CX
	JMP         one

done:
	VZEROUPPER
	RET

// func combineAsm(dst, x, y []float32, a, b, c float32)
TEXT ·combineAsm(SB), NOSPLIT, $0-84
	MOVQ         dst_base+0(FP), DI
	MOVQ         x_base+24(FP), SI
	MOVQ         x_len+32(FP), CX
	MOVQ         y_base+48(FP), R8
	VBROADCASTSS a+72(FP), Y0
	VBROADCASTSS b+76(FP), Y1
	VBROADCASTSS c+80(FP), Y2
	XORQ         AX, AX

one:
	CMPQ        CX, $8
	JLT         done
	VMULPS      (SI)(AX*1), Y0, Y3
	VFMADD231PS (R8)(AX*1), Y1, Y3
	VADDPS      Y2, Y3, Y3
	VMOVUPS     Y3, (DI)(AX*1)
	ADDQ        $32, AX
	SUBQ        $8, CX
	JMP         one

done:
	VZEROUPPER
	RET
