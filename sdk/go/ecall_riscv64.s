#include "textflag.h"

// func ecall(n, a0, a1, a2, a3, a4, a5, a6 uintptr) (r0, r1, r2, r3 uintptr)
//
// The host sees the stack of the goroutine as it is. It never writes to it, and
// goes on here in every copy of the program.
TEXT ·ecall(SB), NOSPLIT, $0-96
	MOV	n+0(FP), A7
	MOV	a0+8(FP), A0
	MOV	a1+16(FP), A1
	MOV	a2+24(FP), A2
	MOV	a3+32(FP), A3
	MOV	a4+40(FP), A4
	MOV	a5+48(FP), A5
	MOV	a6+56(FP), A6
	ECALL
	MOV	A0, r0+64(FP)
	MOV	A1, r1+72(FP)
	MOV	A2, r2+80(FP)
	MOV	A3, r3+88(FP)
	RET

// func Call(n int, args ...uintptr) int
TEXT ·Call(SB), NOSPLIT, $0-40
	MOV	n+0(FP), A7
	MOV	·Made+8(SB), T0
	BGEU	A7, T0, arguments
	MOV	·Made+0(SB), T1
	ADD	A7, T1
	MOV	$1, T0
	MOVB	T0, (T1)

arguments:
	MOV	args_base+8(FP), T0
	MOV	args_len+16(FP), T1
	MOV	ZERO, A0
	MOV	ZERO, A1
	MOV	ZERO, A2
	MOV	ZERO, A3
	MOV	ZERO, A4
	MOV	ZERO, A5
	MOV	ZERO, A6
	MOV	$1, T2
	BLT	T1, T2, ask
	MOV	0(T0), A0
	MOV	$2, T2
	BLT	T1, T2, ask
	MOV	8(T0), A1
	MOV	$3, T2
	BLT	T1, T2, ask
	MOV	16(T0), A2
	MOV	$4, T2
	BLT	T1, T2, ask
	MOV	24(T0), A3
	MOV	$5, T2
	BLT	T1, T2, ask
	MOV	32(T0), A4
	MOV	$6, T2
	BLT	T1, T2, ask
	MOV	40(T0), A5
	MOV	$7, T2
	BLT	T1, T2, ask
	MOV	48(T0), A6

ask:
	ECALL
	MOV	A0, ret+32(FP)
	RET

// func ecallTTL(n, set uintptr, seconds float32) float32
TEXT ·ecallTTL(SB), NOSPLIT, $0-28
	MOV	n+0(FP), A7
	MOV	set+8(FP), A0
	MOVF	seconds+16(FP), FA0
	ECALL
	MOVF	FA0, ret+24(FP)
	RET
