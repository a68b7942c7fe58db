package interp

import (
	"math/bits"

	"fishplate/riscv/isa"
)

// integer32 computes the integer operations that only RV32 has. Results are
// sign-extended, as registers hold them.
func integer32(op isa.Op, a, b uint32, imm uint) (uint64, bool) {
	wide := func(hi uint64) (uint64, bool) { return sext(uint32(hi >> 32)), true }
	switch op {
	case isa.OpMulh32:
		return wide(uint64(int64(int32(a)) * int64(int32(b))))
	case isa.OpMulhsu32:
		return wide(uint64(int64(int32(a)) * int64(b)))
	case isa.OpOrcB32:
		return sext(uint32(orcBytes(uint64(a)))), true
	case isa.OpRev832:
		return sext(bits.ReverseBytes32(a)), true
	case isa.OpClmul32, isa.OpClmulr32, isa.OpClmulh32:
		_, p := carryless(uint64(a), uint64(b))
		shift := [...]uint{0, 31, 32}[op-isa.OpClmul32]
		return sext(uint32(p >> shift)), true
	case isa.OpBclr32:
		return sext(a &^ (1 << (b & 31))), true
	case isa.OpBclri32:
		return sext(a &^ (1 << imm)), true
	case isa.OpBext32:
		return uint64(a >> (b & 31) & 1), true
	case isa.OpBinv32:
		return sext(a ^ 1<<(b&31)), true
	case isa.OpBinvi32:
		return sext(a ^ 1<<imm), true
	case isa.OpBset32:
		return sext(a | 1<<(b&31)), true
	case isa.OpBseti32:
		return sext(a | 1<<imm), true
	}
	return 0, false
}
