//go:build linux

#include "textflag.h"

// func enter(hart unsafe.Pointer, code uintptr)
//
// Calls generated code with the hart's registers in R15. The code saves RSP and
// RBP itself, runs on a stack of its own and returns here with both restored; the
// Go compiler expects no other register to survive. Signals find a program
// counter that belongs to no Go function, so the goroutine is not preempted
// before the code returns.
TEXT ·enter(SB), NOSPLIT, $8-16
	MOVQ hart+0(FP), R15
	MOVQ code+8(FP), AX
	CALL AX
	RET
