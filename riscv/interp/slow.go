package interp

import (
	"encoding/binary"

	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

// verdict says how Run goes on after slow.
type verdict uint8

const (
	onward   verdict = iota // with the next record of the block
	newBlock                // with the record s.at, which begins a block
	lookUp                  // with the instruction at s.PC
	over                    // not at all: s.exit is the result
)

// slow executes the record s.at, with s.left instructions left behind its block.
// It knows every operation that is not a pseudo-operation or a plain branch.
func (s *State) slow(mem *memory.Memory) verdict {
	in, seg := s.at, s.seg
	why, addr := FaultKind(0), uint64(0)
	switch op := in.op; {
	case op.IsVector():
		why, addr = s.vector(in, mem)
	case op >= isa.OpFmaddS && op <= isa.OpFcvtDS, op >= isa.OpFliS && op <= isa.OpFmvpDX:
		why = s.float(in)
	case loads(op):
		why, addr = s.load(in, seg, mem)
	case stores(op):
		why, addr = s.store(in, seg, mem)
	case op >= isa.OpLrW && op <= isa.OpAmomaxuD, op >= isa.OpLrW32 && op <= isa.OpAmomaxuW32:
		why, addr = s.atomic(in, mem)
	case op >= isa.OpEcall && op <= isa.OpCsrrci || op == opTorn:
		return s.system(in, seg)
	case op == isa.OpJal32 || op == isa.OpJalr32:
		return s.jump32(in, seg)
	default:
		a, b := s.X[in.rs1], s.X[in.rs2]
		v, ok := integer(op, a, b, uint(in.imm)&63)
		if !ok {
			v, ok = integer32(op, uint32(a), uint32(b), uint(in.imm)&31)
		}
		if ok && in.rd != 0 {
			s.X[in.rd] = v
		}
		if !ok {
			why = Illegal
		}
	}
	if why == 0 {
		return onward
	}
	if why == Illegal {
		addr = seg.base + uint64(in.off)
	}
	return s.fault(why, seg, addr)
}

// system executes what leaves to the embedder, and the CSR instructions, which
// end their block because they may look at the counter.
func (s *State) system(in *ins, seg *segment) verdict {
	switch in.op {
	case isa.OpEcall:
		return s.leave(Call, seg)
	case isa.OpEbreak:
		return s.leave(Break, seg)
	case isa.OpCustom:
		return s.leave(Custom, seg)
	case isa.OpStop, isa.OpWfi:
		s.leave(Stop, seg)
		s.SkipCall()
		return over
	case opTorn:
		return s.fault(FetchAccess, seg, seg.base+uint64(in.off)+2)
	}
	if why := s.csr(in); why != 0 {
		return s.fault(why, seg, seg.base+uint64(in.off))
	}
	s.at = in.next()
	return newBlock
}

// jump32 executes the jumps of RV32 that Run does not: with a link above 2 GiB,
// which is negative as a register.
func (s *State) jump32(in *ins, seg *segment) verdict {
	link := sext(uint32(in.link(seg)))
	if in.op == isa.OpJal32 {
		s.X[in.rd] = link
		s.at = in.target()
		return newBlock
	}
	s.PC = (s.X[in.rs1] + in.simm()) & seg.mask &^ 1
	if in.rd != 0 {
		s.X[in.rd] = link
	}
	return lookUp
}

// loads and stores know the operations of both widths and both kinds of
// registers, but no atomics.
func loads(op isa.Op) bool {
	return op >= isa.OpLb && op <= isa.OpLwu || op >= isa.OpLb32 && op <= isa.OpLhu32 ||
		op == isa.OpFlw || op == isa.OpFld || op == isa.OpFlw32 || op == isa.OpFld32
}

func stores(op isa.Op) bool {
	return op >= isa.OpSb && op <= isa.OpSd || op >= isa.OpSb32 && op <= isa.OpSw32 ||
		op == isa.OpFsw || op == isa.OpFsd || op == isa.OpFsw32 || op == isa.OpFsd32
}

// width returns the bytes that a load or store moves.
func width(op isa.Op) uint64 {
	switch op {
	case isa.OpLb, isa.OpLbu, isa.OpSb, isa.OpLb32, isa.OpLbu32, isa.OpSb32:
		return 1
	case isa.OpLh, isa.OpLhu, isa.OpSh, isa.OpLh32, isa.OpLhu32, isa.OpSh32:
		return 2
	case isa.OpLd, isa.OpSd, isa.OpFld, isa.OpFsd, isa.OpFld32, isa.OpFsd32:
		return 8
	}
	return 4
}

// load executes the loads that Run leaves: near the end of the address space, to
// x0, at RV32 addresses that wrapped, and those that fault.
func (s *State) load(in *ins, seg *segment, mem *memory.Memory) (FaultKind, uint64) {
	a := (s.X[in.rs1] + in.simm()) & seg.mask
	b, err := mem.View(a, width(in.op))
	if err != nil {
		return LoadAccess, a
	}
	var raw [8]byte
	copy(raw[:], b)
	v := binary.LittleEndian.Uint64(raw[:])
	switch in.op {
	case isa.OpFlw, isa.OpFlw32:
		s.F[in.rd] = box | v
		return 0, 0
	case isa.OpFld, isa.OpFld32:
		s.F[in.rd] = v
		return 0, 0
	case isa.OpLb, isa.OpLb32:
		v = uint64(int64(int8(v)))
	case isa.OpLh, isa.OpLh32:
		v = uint64(int64(int16(v)))
	case isa.OpLw, isa.OpLw32:
		v = sext(uint32(v))
	}
	if in.rd != 0 {
		s.X[in.rd] = v
	}
	return 0, 0
}

// store executes the stores that Run leaves: misaligned ones, the first to a
// page, and those that fault.
func (s *State) store(in *ins, seg *segment, mem *memory.Memory) (FaultKind, uint64) {
	v := s.X[in.rs2]
	if in.op >= isa.OpFlw && in.op <= isa.OpFsd || in.op == isa.OpFsw32 || in.op == isa.OpFsd32 {
		v = s.F[in.rs2]
	}
	if e := mem.Store((s.X[in.rs1]+in.simm())&seg.mask, v, width(in.op)); e != nil {
		return storeFault(e), e.Addr
	}
	return 0, 0
}

// storeFault translates what memory refuses: the tenant's limit is told from an
// access that was wrong.
func storeFault(e *memory.Error) FaultKind {
	switch e.Kind {
	case memory.Limit:
		return MemoryLimit
	case memory.Leave:
		return PageLeave
	}
	return StoreAccess
}
