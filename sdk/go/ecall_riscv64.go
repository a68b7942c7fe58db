package fishplate

func ecall(n, a0, a1, a2, a3, a4, a5, a6 uintptr) (r0, r1, r2, r3 uintptr)
