package interp

import (
	"encoding/binary"
	"math/bits"

	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
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
	case isa.OpMulhu32:
		return wide(uint64(a) * uint64(b))
	case isa.OpSh1add32:
		return sext(a<<1 + b), true
	case isa.OpSh2add32:
		return sext(a<<2 + b), true
	case isa.OpSh3add32:
		return sext(a<<3 + b), true
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

// memory32 executes the loads and stores of RV32, whose addresses wrap at 4 GiB.
func (s *State) memory32(in *ins, mem *memory.Memory) (FaultKind, uint64) {
	a := uint64(uint32(s.X[in.rs1&31] + uint64(int64(in.imm))))
	var v, size uint64
	switch in.op {
	case isa.OpSb32, isa.OpSh32, isa.OpSw32:
		v, size = s.X[in.rs2&31], 1<<(in.op-isa.OpSb32)
	case isa.OpFsw32:
		v, size = s.F[in.rs2&31], 4
	case isa.OpFsd32:
		v, size = s.F[in.rs2&31], 8
	default:
		return s.load32(in, mem, a)
	}
	if e := mem.Store(a, v, size); e != nil {
		return storeFault(e), e.Addr
	}
	return 0, 0
}

func (s *State) load32(in *ins, mem *memory.Memory, a uint64) (FaultKind, uint64) {
	size := [...]uint64{1, 2, 4, 1, 2, 0, 0, 0, 4, 0, 8}[in.op-isa.OpLb32]
	b, err := mem.View(a, size)
	if err != nil {
		return LoadAccess, a
	}
	var raw [8]byte
	copy(raw[:], b)
	v := binary.LittleEndian.Uint64(raw[:])
	switch in.op {
	case isa.OpFlw32:
		s.F[in.rd&31] = box | v
		return 0, 0
	case isa.OpFld32:
		s.F[in.rd&31] = v
		return 0, 0
	case isa.OpLb32:
		v = uint64(int64(int8(v)))
	case isa.OpLh32:
		v = uint64(int64(int16(v)))
	case isa.OpLw32:
		v = sext(uint32(v))
	}
	if in.rd != 0 {
		s.X[in.rd&31] = v
	}
	return 0, 0
}
