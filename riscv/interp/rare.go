package interp

import (
	"encoding/binary"
	"math/bits"

	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

// rare executes what the main loop does not: division, bit manipulation,
// atomics and floating point. It returns the kind of a fault and its data
// address, or 0.
func (s *State) rare(in *ins, mem *memory.Memory) (FaultKind, uint64) {
	switch {
	case in.op >= isa.OpFmaddS && in.op <= isa.OpFcvtDS:
		return s.float(in), 0
	case in.op >= isa.OpLrW && in.op <= isa.OpAmomaxuD, in.op >= isa.OpLrW32 && in.op <= isa.OpAmomaxuW32:
		return s.atomic(in, mem)
	case in.op >= isa.OpLb32 && in.op <= isa.OpFsd32:
		return s.memory32(in, mem)
	}
	a, b := s.X[in.rs1&31], s.X[in.rs2&31]
	v, ok := integer(in.op, a, b, uint(in.imm)&63)
	if !ok {
		v, ok = integer32(in.op, uint32(a), uint32(b), uint(in.imm)&31)
	}
	if !ok {
		return Illegal, 0
	}
	s.X[in.rd&31] = v
	return 0, 0
}

func sext(v uint32) uint64 { return uint64(int64(int32(v))) }

// integer computes the less common integer operations.
func integer(op isa.Op, a, b uint64, imm uint) (uint64, bool) {
	switch op {
	case isa.OpMulh:
		h, _ := bits.Mul64(a, b)
		return h - uint64(int64(a)>>63)&b - uint64(int64(b)>>63)&a, true
	case isa.OpMulhsu:
		h, _ := bits.Mul64(a, b)
		return h - uint64(int64(a)>>63)&b, true
	case isa.OpDiv, isa.OpDivu, isa.OpRem, isa.OpRemu:
		return divide(op, a, b), true
	case isa.OpDivw, isa.OpDivuw, isa.OpRemw, isa.OpRemuw:
		return divide32(op, uint32(a), uint32(b)), true
	case isa.OpClz:
		return uint64(bits.LeadingZeros64(a)), true
	case isa.OpClzw:
		return uint64(bits.LeadingZeros32(uint32(a))), true
	case isa.OpCtz:
		return uint64(bits.TrailingZeros64(a)), true
	case isa.OpCtzw:
		return uint64(bits.TrailingZeros32(uint32(a))), true
	case isa.OpCpop:
		return uint64(bits.OnesCount64(a)), true
	case isa.OpCpopw:
		return uint64(bits.OnesCount32(uint32(a))), true
	case isa.OpRol:
		return bits.RotateLeft64(a, int(b&63)), true
	case isa.OpRor:
		return bits.RotateLeft64(a, -int(b&63)), true
	case isa.OpRolw:
		return sext(bits.RotateLeft32(uint32(a), int(b&31))), true
	case isa.OpRorw:
		return sext(bits.RotateLeft32(uint32(a), -int(b&31))), true
	case isa.OpOrcB:
		return orcBytes(a), true
	case isa.OpClmul:
		_, lo := carryless(a, b)
		return lo, true
	case isa.OpClmulh:
		hi, _ := carryless(a, b)
		return hi, true
	case isa.OpClmulr:
		hi, lo := carryless(a, b)
		return hi<<1 | lo>>63, true
	case isa.OpBclr:
		return a &^ (1 << (b & 63)), true
	case isa.OpBclri:
		return a &^ (1 << imm), true
	case isa.OpBext:
		return a >> (b & 63) & 1, true
	case isa.OpBinv:
		return a ^ 1<<(b&63), true
	case isa.OpBinvi:
		return a ^ 1<<imm, true
	case isa.OpBset:
		return a | 1<<(b&63), true
	case isa.OpBseti:
		return a | 1<<imm, true
	}
	return 0, false
}

// orcBytes makes each byte 255 unless it is 0: the bits of a byte are gathered
// in its lowest one, which is then spread.
func orcBytes(a uint64) uint64 {
	a |= a >> 4 & 0x0f0f0f0f0f0f0f0f
	a |= a >> 2 & 0x3333333333333333
	a |= a >> 1
	return a & 0x0101010101010101 * 255
}

// divide never traps: by zero gives all ones or the dividend, and the one
// signed overflow gives the dividend or 0, which is also what Go defines.
func divide(op isa.Op, a, b uint64) uint64 {
	rest := op == isa.OpRem || op == isa.OpRemu
	switch {
	case b == 0 && rest:
		return a
	case b == 0:
		return ^uint64(0)
	case op == isa.OpDiv:
		return uint64(int64(a) / int64(b))
	case op == isa.OpDivu:
		return a / b
	case op == isa.OpRem:
		return uint64(int64(a) % int64(b))
	}
	return a % b
}

func divide32(op isa.Op, a, b uint32) uint64 {
	rest := op == isa.OpRemw || op == isa.OpRemuw
	switch {
	case b == 0 && rest:
		return sext(a)
	case b == 0:
		return ^uint64(0)
	case op == isa.OpDivw:
		return sext(uint32(int32(a) / int32(b)))
	case op == isa.OpDivuw:
		return sext(a / b)
	case op == isa.OpRemw:
		return sext(uint32(int32(a) % int32(b)))
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

// csr executes a Zicsr instruction.
func (s *State) csr(in *ins, fuel uint64) FaultKind {
	n := uint32(in.imm)
	src := s.X[in.rs1&31]
	if in.op >= isa.OpCsrrwi {
		src = uint64(in.rs1)
	}
	always := in.op == isa.OpCsrrw || in.op == isa.OpCsrrwi
	writes := always || in.rs1 != 0
	if writes && n>>10 == 3 {
		return Illegal // a read-only CSR
	}
	old, known := s.readCSR(n, in.rs3, fuel)
	if !known {
		return 0 // no effect, and rd stays
	}
	switch in.op {
	case isa.OpCsrrs, isa.OpCsrrsi:
		src |= old
	case isa.OpCsrrc, isa.OpCsrrci:
		src = old &^ src
	}
	if writes {
		s.writeCSR(n, src)
	}
	if in.rd != 0 {
		s.X[in.rd&31] = old
	}
	return 0
}

// readCSR reads a CSR as registers of xlen bits see it.
func (s *State) readCSR(n uint32, xlen uint8, fuel uint64) (v uint64, known bool) {
	high := n&^3 == 0xc80 && xlen == 32
	if high {
		n -= 0x80 // cycleh, timeh, instreth
	}
	switch n {
	case 0x001:
		return uint64(s.fflags), true
	case 0x002:
		return uint64(s.frm), true
	case 0x003:
		return uint64(s.FCSR()), true
	case 0xc00, 0xc02: // cycle and instret: what was executed before this one
		v = s.Instret + s.start - fuel - 1
	case 0xc01:
		if s.Time != nil {
			v = s.Time()
		}
	case 0xf11, 0xf12, 0xf14: // vendor, architecture, hart
	case 0xf13: // implementation
		v = 1
	default:
		return 0, false
	}
	switch {
	case high:
		v = sext(uint32(v >> 32))
	case xlen == 32:
		v = sext(uint32(v))
	}
	return v, true
}

func (s *State) writeCSR(n uint32, v uint64) {
	switch n {
	case 0x001:
		s.fflags = uint8(v & 31)
	case 0x002:
		s.frm = uint8(v & 7)
	case 0x003:
		s.SetFCSR(uint32(v))
	}
}
