//go:build amd64 && !noasm

#include "textflag.h"

// Constants of exp.go.
DATA high<>+0(SB)/4, $88.3762626647949
GLOBL high<>(SB), RODATA|NOPTR, $4
DATA low<>+0(SB)/4, $-87.33654475055310
GLOBL low<>(SB), RODATA|NOPTR, $4
DATA log2e<>+0(SB)/4, $1.44269504088896341
GLOBL log2e<>(SB), RODATA|NOPTR, $4
DATA head<>+0(SB)/4, $0.693359375
GLOBL head<>(SB), RODATA|NOPTR, $4
DATA tail<>+0(SB)/4, $-2.12194440e-4
GLOBL tail<>(SB), RODATA|NOPTR, $4
DATA one<>+0(SB)/4, $1.0
GLOBL one<>(SB), RODATA|NOPTR, $4
DATA bias<>+0(SB)/4, $127
GLOBL bias<>(SB), RODATA|NOPTR, $4
DATA inf<>+0(SB)/4, $0x7f800000
GLOBL inf<>(SB), RODATA|NOPTR, $4

DATA p0<>+0(SB)/4, $1.9875691500e-4
GLOBL p0<>(SB), RODATA|NOPTR, $4
DATA p1<>+0(SB)/4, $1.3981999507e-3
GLOBL p1<>(SB), RODATA|NOPTR, $4
DATA p2<>+0(SB)/4, $8.3334519073e-3
GLOBL p2<>(SB), RODATA|NOPTR, $4
DATA p3<>+0(SB)/4, $4.1665795894e-2
GLOBL p3<>(SB), RODATA|NOPTR, $4
DATA p4<>+0(SB)/4, $1.6666665459e-1
GLOBL p4<>(SB), RODATA|NOPTR, $4
DATA p5<>+0(SB)/4, $5.0000001201e-1
GLOBL p5<>(SB), RODATA|NOPTR, $4

// Y15 log2e, Y14 ln2 head, Y13 ln2 tail, Y12 one, Y11 exponent bias, Y10 low.
#define CONSTANTS                  \
	VBROADCASTSS log2e<>(SB), Y15  \
	VBROADCASTSS head<>(SB), Y14   \
	VBROADCASTSS tail<>(SB), Y13   \
	VBROADCASTSS one<>(SB), Y12    \
	VBROADCASTSS bias<>(SB), Y11   \
	VBROADCASTSS low<>(SB), Y10

// Y0 = exp(Y0); uses Y1 to Y4. A large argument is cut to 88.38 and the
// result then made +Inf; NaN goes through the polynomial and stays NaN.
#define EXP                          \
	VBROADCASTSS high<>(SB), Y4      \
	VCMPPS       $0x1e, Y4, Y0, Y3   \
	VMINPS       Y0, Y4, Y0          \
	VCMPPS       $0x11, Y10, Y0, Y4  \
	VMULPS       Y15, Y0, Y1         \
	VROUNDPS     $8, Y1, Y1          \
	VFNMADD231PS Y14, Y1, Y0         \
	VFNMADD231PS Y13, Y1, Y0         \
	VBROADCASTSS p0<>(SB), Y2        \
	VBROADCASTSS p1<>(SB), Y5        \
	VFMADD213PS  Y5, Y0, Y2          \
	VBROADCASTSS p2<>(SB), Y5        \
	VFMADD213PS  Y5, Y0, Y2          \
	VBROADCASTSS p3<>(SB), Y5        \
	VFMADD213PS  Y5, Y0, Y2          \
	VBROADCASTSS p4<>(SB), Y5        \
	VFMADD213PS  Y5, Y0, Y2          \
	VBROADCASTSS p5<>(SB), Y5        \
	VFMADD213PS  Y5, Y0, Y2          \
	VMULPS       Y0, Y0, Y5          \
	VFMADD213PS  Y0, Y5, Y2          \
	VADDPS       Y12, Y2, Y2         \
	VCVTPS2DQ    Y1, Y1              \
	VPADDD       Y11, Y1, Y1         \
	VPSLLD       $23, Y1, Y1         \
	VMULPS       Y1, Y2, Y0          \
	VANDNPS      Y0, Y4, Y0          \
	VBROADCASTSS inf<>(SB), Y5       \
	VBLENDVPS    Y3, Y5, Y0, Y0

// func expAsm(dst, x []float32, scale, shift float32) float32
TEXT ·expAsm(SB), NOSPLIT, $0-60
	MOVQ         dst_base+0(FP), DI
	MOVQ         x_base+24(FP), SI
	MOVQ         x_len+32(FP), CX
	VBROADCASTSS scale+48(FP), Y8
	VBROADCASTSS shift+52(FP), Y9
	VXORPS       Y7, Y7, Y7
	CONSTANTS

loop:
	CMPQ        CX, $8
	JLT         done
	VMOVUPS     (SI), Y0
	VFMSUB213PS Y9, Y8, Y0
	EXP
	VMOVUPS     Y0, (DI)
	VADDPS      Y0, Y7, Y7
	ADDQ        $32, SI
	ADDQ        $32, DI
	SUBQ        $8, CX
	JMP         loop

done:
	VEXTRACTF128 $1, Y7, X0
	VADDPS       X7, X0, X0
	VHADDPS      X0, X0, X0
	VHADDPS      X0, X0, X0
	MOVSS        X0, ret+56(FP)
	VZEROUPPER
	RET

// func sigmoidMulAsm(dst, x []float32, slope float32)
TEXT ·sigmoidMulAsm(SB), NOSPLIT, $0-52
	MOVQ         dst_base+0(FP), DI
	MOVQ         x_base+24(FP), SI
	MOVQ         x_len+32(FP), CX
	VBROADCASTSS slope+48(FP), Y8
	VXORPS       Y9, Y9, Y9
	VSUBPS       Y8, Y9, Y8
	CONSTANTS

loop:
	CMPQ    CX, $8
	JLT     done
	VMOVUPS (SI), Y6
	VMULPS  Y8, Y6, Y0
	EXP
	VADDPS  Y12, Y0, Y0
	VDIVPS  Y0, Y6, Y0
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JMP     loop

done:
	VZEROUPPER
	RET

// func sigmoidMulGradAsm(dst, x, dy []float32, slope float32)
TEXT ·sigmoidMulGradAsm(SB), NOSPLIT, $0-76
	MOVQ         dst_base+0(FP), DI
	MOVQ         x_base+24(FP), SI
	MOVQ         x_len+32(FP), CX
	MOVQ         dy_base+48(FP), DX
	VBROADCASTSS slope+72(FP), Y8
	VXORPS       Y9, Y9, Y9
	CONSTANTS

loop:
	CMPQ        CX, $8
	JLT         done
	VMULPS      (SI), Y8, Y6
	VSUBPS      Y6, Y9, Y0
	EXP
	VADDPS      Y12, Y0, Y0
	VDIVPS      Y0, Y12, Y0   // s
	VSUBPS      Y0, Y12, Y1   // 1-s
	VFMADD213PS Y12, Y6, Y1   // slope*x*(1-s) + 1
	VMULPS      Y1, Y0, Y0
	VMULPS      (DX), Y0, Y0
	VMOVUPS     Y0, (DI)
	ADDQ        $32, SI
	ADDQ        $32, DX
	ADDQ        $32, DI
	SUBQ        $8, CX
	JMP         loop

done:
	VZEROUPPER
	RET

DATA erfp<>+0(SB)/4, $0.23164189
GLOBL erfp<>(SB), RODATA|NOPTR, $4
DATA erf1<>+0(SB)/4, $0.127414796
GLOBL erf1<>(SB), RODATA|NOPTR, $4
DATA erf2<>+0(SB)/4, $-0.142248368
GLOBL erf2<>(SB), RODATA|NOPTR, $4
DATA erf3<>+0(SB)/4, $0.7107068705
GLOBL erf3<>(SB), RODATA|NOPTR, $4
DATA erf4<>+0(SB)/4, $-0.7265760135
GLOBL erf4<>(SB), RODATA|NOPTR, $4
DATA erf5<>+0(SB)/4, $0.5307027145
GLOBL erf5<>(SB), RODATA|NOPTR, $4
DATA half<>+0(SB)/4, $-0.5
GLOBL half<>(SB), RODATA|NOPTR, $4
DATA density<>+0(SB)/4, $0.3989422804014327
GLOBL density<>(SB), RODATA|NOPTR, $4
DATA magnitude<>+0(SB)/4, $0x7fffffff
GLOBL magnitude<>(SB), RODATA|NOPTR, $4

// Y0 = exp(-x*x/2), Y1 = Phi(x) for x in Y6; uses all but Y7 to Y9.
#define NORMAL                          \
	VMULPS       Y6, Y6, Y0             \
	VBROADCASTSS half<>(SB), Y1         \
	VMULPS       Y1, Y0, Y0             \
	EXP                                 \
	VBROADCASTSS magnitude<>(SB), Y1    \
	VANDPS       Y6, Y1, Y1             \
	VBROADCASTSS erfp<>(SB), Y2         \
	VFMADD213PS  Y12, Y2, Y1            \
	VDIVPS       Y1, Y12, Y1            \
	VBROADCASTSS erf5<>(SB), Y2         \
	VBROADCASTSS erf4<>(SB), Y3         \
	VFMADD213PS  Y3, Y1, Y2             \
	VBROADCASTSS erf3<>(SB), Y3         \
	VFMADD213PS  Y3, Y1, Y2             \
	VBROADCASTSS erf2<>(SB), Y3         \
	VFMADD213PS  Y3, Y1, Y2             \
	VBROADCASTSS erf1<>(SB), Y3         \
	VFMADD213PS  Y3, Y1, Y2             \
	VMULPS       Y1, Y2, Y2             \
	VMULPS       Y0, Y2, Y2             \
	VSUBPS       Y2, Y12, Y3            \
	VXORPS       Y5, Y5, Y5             \
	VCMPPS       $0x1e, Y5, Y6, Y4      \
	VBLENDVPS    Y4, Y3, Y2, Y1

// func geluAsm(dst, x []float32)
TEXT ·geluAsm(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	CONSTANTS

loop:
	CMPQ    CX, $8
	JLT     done
	VMOVUPS (SI), Y6
	NORMAL
	VMULPS  Y1, Y6, Y1
	VMOVUPS Y1, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JMP     loop

done:
	VZEROUPPER
	RET

// func geluGradAsm(dst, x, dy []float32)
TEXT ·geluGradAsm(SB), NOSPLIT, $0-72
	MOVQ         dst_base+0(FP), DI
	MOVQ         x_base+24(FP), SI
	MOVQ         x_len+32(FP), CX
	MOVQ         dy_base+48(FP), DX
	VBROADCASTSS density<>(SB), Y8
	CONSTANTS

loop:
	CMPQ        CX, $8
	JLT         done
	VMOVUPS     (SI), Y6
	NORMAL
	VMULPS      Y8, Y0, Y0
	VFMADD231PS Y0, Y6, Y1
	VMULPS      (DX), Y1, Y1
	VMOVUPS     Y1, (DI)
	ADDQ        $32, SI
	ADDQ        $32, DX
	ADDQ        $32, DI
	SUBQ        $8, CX
	JMP         loop

done:
	VZEROUPPER
	RET
