//go:build amd64 && !noasm

#include "textflag.h"

// func sgdAsm(p, v, g []float32, lr, momentum, decay float32)
TEXT ·sgdAsm(SB), NOSPLIT, $0-84
	MOVQ         p_base+0(FP), DI
	MOVQ         p_len+8(FP), CX
	MOVQ         v_base+24(FP), SI
	MOVQ         g_base+48(FP), DX
	VBROADCASTSS lr+72(FP), Y0
	VBROADCASTSS momentum+76(FP), Y1
	VBROADCASTSS decay+80(FP), Y2
	XORQ         AX, AX

loop:
	CMPQ         CX, $8
	JLT          done
	VMOVUPS      (DI)(AX*1), Y3
	VMOVUPS      (DX)(AX*1), Y4
	VFMADD231PS  Y2, Y3, Y4
	VFMADD231PS  (SI)(AX*1), Y1, Y4
	VFNMADD231PS Y0, Y4, Y3
	VMOVUPS      Y4, (SI)(AX*1)
	VMOVUPS      Y3, (DI)(AX*1)
	ADDQ         $32, AX
	SUBQ         $8, CX
	JMP          loop

done:
	VZEROUPPER
	RET

// func adamwAsm(p, m, v, g []float32, c *Adam)
TEXT ·adamwAsm(SB), NOSPLIT, $0-104
	MOVQ         p_base+0(FP), DI
	MOVQ         p_len+8(FP), CX
	MOVQ         m_base+24(FP), SI
	MOVQ         v_base+48(FP), R8
	MOVQ         g_base+72(FP), DX
	MOVQ         c+96(FP), BX
	VBROADCASTSS 0(BX), Y8   // beta1
	VBROADCASTSS 4(BX), Y9   // rest1
	VBROADCASTSS 8(BX), Y10  // beta2
	VBROADCASTSS 12(BX), Y11 // rest2
	VBROADCASTSS 16(BX), Y12 // keep
	VBROADCASTSS 20(BX), Y13 // rate
	VBROADCASTSS 24(BX), Y14 // root
	VBROADCASTSS 28(BX), Y15 // eps
	XORQ         AX, AX

loop:
	CMPQ        CX, $8
	JLT         done
	VMOVUPS     (DX)(AX*1), Y0
	VMULPS      Y9, Y0, Y1
	VFMADD231PS (SI)(AX*1), Y8, Y1
	VMOVUPS     Y1, (SI)(AX*1)
	VMULPS      Y11, Y0, Y2
	VMULPS      Y0, Y2, Y2
	VFMADD231PS (R8)(AX*1), Y10, Y2
	VMOVUPS     Y2, (R8)(AX*1)
	VSQRTPS     Y2, Y2
	VFMADD213PS Y15, Y14, Y2
	VMULPS      Y13, Y1, Y1
	VDIVPS      Y2, Y1, Y1
	VMULPS      (DI)(AX*1), Y12, Y3
	VSUBPS      Y1, Y3, Y3
	VMOVUPS     Y3, (DI)(AX*1)
	ADDQ        $32, AX
	SUBQ        $8, CX
	JMP         loop

done:
	VZEROUPPER
	RET
