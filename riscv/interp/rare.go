package interp

import (
	"encoding/binary"
	"math/bits"

	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

// integer computes the less common integer operations, which Run leaves.
func integer(op isa.Op, a, b uint64, imm uint) (uint64, bool) {
	switch op {
	case isa.OpMulhsu:
		h, _ := bits.Mul64(a, b)
		return h - uint64(int64(a)>>63)&b, true
	case isa.OpDiv, isa.OpDivu, isa.OpRem, isa.OpRemu:
		return divide(op, a, b), true
	case isa.OpDivw, isa.OpDivuw, isa.OpRemw, isa.OpRemuw:
		return divide32(op, uint32(a), uint32(b)), true
	case isa.OpRol:
		return bits.RotateLeft64(a, int(b&63)), true
	case isa.OpRor:
		return bits.RotateLeft64(a, -int(b&63)), true
	case isa.OpRolw:
		return sext(bits.RotateLeft32(uint32(a), int(b&31))), true
	case isa.OpRorw:
		return sext(bits.RotateLeft32(uint32(a), -int(b&31))), true
	case isa.OpBclr:
		return a &^ (1 << (b & 63)), true
	case isa.OpBclri:
		return a &^ (1 << imm), true
	case isa.OpBinv:
		return a ^ 1<<(b&63), true
	case isa.OpBinvi:
		return a ^ 1<<imm, true
	case isa.OpBset:
		return a | 1<<(b&63), true
	case isa.OpBseti:
		return a | 1<<imm, true
	case isa.OpClzw:
		return uint64(bits.LeadingZeros32(uint32(a))), true
	case isa.OpCtzw:
		return uint64(bits.TrailingZeros32(uint32(a))), true
	case isa.OpCpop:
		return uint64(bits.OnesCount64(a)), true
	case isa.OpCpopw:
		return uint64(bits.OnesCount32(uint32(a))), true
	case isa.OpClmul:
		_, lo := carryless(a, b)
		return lo, true
	case isa.OpClmulh:
		hi, _ := carryless(a, b)
		return hi, true
	case isa.OpClmulr:
		hi, lo := carryless(a, b)
		return hi<<1 | lo>>63, true
	}
	return 0, false
}

// divide never traps: by zero gives all ones or the dividend, and the one
// signed overflow gives the dividend or 0, which is also what Go defines.
func divide(op isa.Op, a, b uint64) uint64 {
	switch {
	case b == 0 && (op == isa.OpRem || op == isa.OpRemu):
		return a
	case b == 0:
		return ^uint64(0)
	case op == isa.OpDiv:
		return uint64(int64(a) / int64(b))
	case op == isa.OpRem:
		return uint64(int64(a) % int64(b))
	case op == isa.OpDivu:
		return a / b
	}
	return a % b
}

// divide32 is divide for the low halves.
func divide32(op isa.Op, a, b uint32) uint64 {
	switch {
	case b == 0 && (op == isa.OpRemw || op == isa.OpRemuw):
		return sext(a)
	case b == 0:
		return ^uint64(0)
	case op == isa.OpDivw:
		return sext(uint32(int32(a) / int32(b)))
	case op == isa.OpRemw:
		return sext(uint32(int32(a) % int32(b)))
	case op == isa.OpDivuw:
		return sext(a / b)
	}
	return sext(a % b)
}

// carryless multiplies polynomials over GF(2).
func carryless(a, b uint64) (hi, lo uint64) {
	for ; b != 0; b &= b - 1 {
		n := bits.TrailingZeros64(b)
		lo ^= a << n
		hi ^= a >> 1 >> (63 - n)
	}
	return hi, lo
}

// atomic executes LR, SC and AMO. All of them must be aligned.
func (s *State) atomic(in *ins, mem *memory.Memory) (FaultKind, uint64) {
	addr, size := s.X[in.rs1&31], uint64(4)
	op := in.op
	switch {
	case op >= isa.OpLrW32:
		addr = uint64(uint32(addr))
		op -= isa.OpLrW32 - isa.OpLrW
	case op >= isa.OpLrD:
		size = 8
		op -= isa.OpLrD - isa.OpLrW
	}
	if addr&(size-1) != 0 {
		return AtomicMisaligned, addr
	}
	b, err := mem.View(addr, size)
	var old uint64
	switch {
	case err != nil && op == isa.OpLrW:
		return LoadAccess, addr
	case err != nil:
		return StoreAccess, addr
	case size == 4:
		old = sext(binary.LittleEndian.Uint32(b))
	default:
		old = binary.LittleEndian.Uint64(b)
	}
	switch op {
	case isa.OpLrW:
		s.reserved = addr
	case isa.OpScW:
		held := s.reserved == addr
		s.reserved = 0
		old = 1
		if held {
			if e := mem.Store(addr, s.X[in.rs2&31], size); e != nil {
				s.reserved = addr // the faulting SC did not happen
				return storeFault(e), e.Addr
			}
			old = 0
		}
	default:
		if e := mem.Store(addr, combine(op, old, s.X[in.rs2&31], size), size); e != nil {
			return storeFault(e), e.Addr
		}
	}
	if in.rd != 0 {
		s.X[in.rd&31] = old
	}
	return 0, 0
}

// combine is what an AMO stores. old is sign-extended; so is b for words, which
// keeps the unsigned order too.
func combine(op isa.Op, old, b, size uint64) uint64 {
	if size == 4 {
		b = sext(uint32(b))
	}
	switch op {
	case isa.OpAmoaddW:
		return old + b
	case isa.OpAmoxorW:
		return old ^ b
	case isa.OpAmoandW:
		return old & b
	case isa.OpAmoorW:
		return old | b
	case isa.OpAmominW:
		return uint64(min(int64(old), int64(b)))
	case isa.OpAmomaxW:
		return uint64(max(int64(old), int64(b)))
	case isa.OpAmominuW:
		return min(old, b)
	case isa.OpAmomaxuW:
		return max(old, b)
	}
	return b // amoswap
}
