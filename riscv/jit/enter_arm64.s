//go:build linux

#include "textflag.h"

// func enter(hart unsafe.Pointer, code uintptr)
//
// Calls generated code with the hart's registers in R27. The code leaves the
// stack, R18 and g in R28 alone, and returns with R29 restored; the Go compiler
// expects no other register to survive, and R30 is reloaded from the frame.
// Signals find a program counter that belongs to no Go function, so the
// goroutine is not preempted before the code returns.
TEXT ·enter(SB), NOSPLIT, $16-16
	MOVD hart+0(FP), R27
	MOVD code+8(FP), R16
	CALL (R16)
	RET

// func cacheType() uint64
TEXT ·cacheType(SB), NOSPLIT, $0-8
	MRS CTR_EL0, R0
	MOVD R0, ret+0(FP)
	RET

// func cleanData(from, to, line uintptr)
//
// Writes lines of the data cache back to where instructions are fetched from.
TEXT ·cleanData(SB), NOSPLIT, $0-24
	MOVD from+0(FP), R0
	MOVD to+8(FP), R1
	MOVD line+16(FP), R2
clean:
	WORD $0xd50b7b20 // dc cvau, x0
	ADD  R2, R0
	CMP  R1, R0
	BLO  clean
	DSB  $11 // ish
	RET

// func forgetCode(from, to, line uintptr)
//
// Drops lines of all instruction caches, and what this processor has fetched.
TEXT ·forgetCode(SB), NOSPLIT, $0-24
	MOVD from+0(FP), R0
	MOVD to+8(FP), R1
	MOVD line+16(FP), R2
forget:
	WORD $0xd50b7520 // ic ivau, x0
	ADD  R2, R0
	CMP  R1, R0
	BLO  forget
	DSB  $11 // ish
	ISB  $15
	RET
