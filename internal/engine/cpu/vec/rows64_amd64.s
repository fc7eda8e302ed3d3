//go:build amd64 && !noasm

#include "textflag.h"

// Adds up the four lanes of A into the low one of XA.
#define SUM(A, XA, XT)            \
	VEXTRACTF128 $1, A, XT        \
	VADDPD       XT, XA, XA       \
	VHADDPD      XA, XA, XA

// func dotRows64Asm(dst, x, y []float64)
TEXT ·dotRows64Asm(SB), NOSPLIT, $0-72
	MOVQ   dst_base+0(FP), DI
	MOVQ   x_base+24(FP), SI
	MOVQ   x_len+32(FP), CX
	MOVQ   y_base+48(FP), R8
	LEAQ   (R8)(CX*8), R9
	LEAQ   (R9)(CX*8), R10
	LEAQ   (R10)(CX*8), R11
	XORQ   AX, AX
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	VXORPD Y4, Y4, Y4
	VXORPD Y5, Y5, Y5
	VXORPD Y6, Y6, Y6
	VXORPD Y7, Y7, Y7

eight:
	CMPQ        CX, $8
	JLT         sum
	VMOVUPD     (SI)(AX*1), Y8
	VMOVUPD     32(SI)(AX*1), Y9
	VFMADD231PD (R8)(AX*1), Y8, Y0
	VFMADD231PD (R9)(AX*1), Y8, Y1
	VFMADD231PD (R10)(AX*1), Y8, Y2
	VFMADD231PD (R11)(AX*1), Y8, Y3
	VFMADD231PD 32(R8)(AX*1), Y9, Y4
	VFMADD231PD 32(R9)(AX*1), Y9, Y5
	VFMADD231PD 32(R10)(AX*1), Y9, Y6
	VFMADD231PD 32(R11)(AX*1), Y9, Y7
	ADDQ        $64, AX
	SUBQ        $8, CX
	JMP         eight

sum:
	VADDPD Y4, Y0, Y0
	VADDPD Y5, Y1, Y1
	VADDPD Y6, Y2, Y2
	VADDPD Y7, Y3, Y3
	SUM(Y0, X0, X8)
	SUM(Y1, X1, X8)
	SUM(Y2, X2, X8)
	SUM(Y3, X3, X8)

one:
	TESTQ       CX, CX
	JZ          done
	VMOVSD      (SI)(AX*1), X8
	VFMADD231SD (R8)(AX*1), X8, X0
	VFMADD231SD (R9)(AX*1), X8, X1
	VFMADD231SD (R10)(AX*1), X8, X2
	VFMADD231SD (R11)(AX*1), X8, X3
	ADDQ        $8, AX
	DECQ        CX
	JMP         one

done:
	VMOVSD X0, (DI)
	VMOVSD X1, 8(DI)
	VMOVSD X2, 16(DI)
	VMOVSD X3, 24(DI)
	VZEROUPPER
	RET
