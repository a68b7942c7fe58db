#include "textflag.h"

// func refillChanges(page, data *[PageSize]byte)
//
// Needs AVX2. The original stays in Y0 to Y3 between comparing and writing, so
// that both pages are read once.
TEXT ·refillChanges(SB), NOSPLIT, $0-16
	MOVQ page+0(FP), DI
	MOVQ data+8(FP), SI
	MOVQ $32, CX // pieces of a page

piece:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 64(SI), Y2
	VMOVDQU 96(SI), Y3
	VPXOR   0(DI), Y0, Y4
	VPXOR   32(DI), Y1, Y5
	VPXOR   64(DI), Y2, Y6
	VPXOR   96(DI), Y3, Y7
	VPOR    Y4, Y5, Y4
	VPOR    Y6, Y7, Y6
	VPOR    Y4, Y6, Y4
	VPTEST  Y4, Y4
	JZ      same
	VMOVDQU Y0, 0(DI)
	VMOVDQU Y1, 32(DI)
	VMOVDQU Y2, 64(DI)
	VMOVDQU Y3, 96(DI)

same:
	ADDQ $128, SI
	ADDQ $128, DI
	DECQ CX
	JNZ  piece
	VZEROUPPER
	RET
