# The least of a C start: for programs without a library.
	.globl	_start
	.type	_start, @function
_start:
	.cfi_startproc
	.cfi_undefined ra
	.option	push
	.option	norelax
	la	gp, __global_pointer$
	.option	pop
#if __riscv_xlen == 64
	ld	a0, 0(sp)
	addi	a1, sp, 8
#else
	lw	a0, 0(sp)
	addi	a1, sp, 4
#endif
	call	main
	li	a7, 94
	ecall
	.cfi_endproc
	.size	_start, .-_start
