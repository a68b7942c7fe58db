package interp

import (
	"math/bits"
	"unsafe"

	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

const (
	guard = memory.GuardSize
	box   = 0xffffffff << 32 // upper half of a register that holds a single
)

// Run executes at most fuel instructions of program on mem, beginning at PC. On
// return PC, the registers and Instret are exact.
//
// It is one long function because everything that an instruction needs stays in
// its local variables. Cases are ordered by kind, not by frequency: the compiler
// makes a jump table. What is rare or long lives in the method rare.
func (s *State) Run(program *Code, mem *memory.Memory, fuel uint64) Exit {
	var (
		x     = &s.X
		base  = mem.Base()
		span  = mem.Size() - guard
		attrs = mem.Attrs()
		pc    = s.PC
	)
	s.start = fuel
	if len(attrs) == 0 {
		return s.lost(FetchAccess, pc, fuel) // the memory was closed
	}
find:
	for {
		if fuel == 0 {
			return s.exhausted(pc)
		}
		seg, in, why := s.locate(program, pc, fuel)
		if why != 0 {
			return s.lost(why, pc, fuel)
		}
	blocks:
		for {
			if run := uint64(in.run); run > fuel {
				pc = seg.base + uint64(in.off)
				continue find
			} else {
				fuel -= run
			}
			for ; ; in = in.next() {
				switch in.op {
				case opNop:
				case opLi:
					x[in.rd&31] = uint64(int64(in.imm))
				case opMv:
					x[in.rd&31] = x[in.rs1&31]
				case isa.OpAuipc:
					x[in.rd&31] = seg.base + uint64(in.off) + uint64(int64(in.imm))
				case isa.OpBeq:
					if x[in.rs1&31] == x[in.rs2&31] {
						in = in.target()
					} else {
						in = in.next()
					}
					continue blocks
				case isa.OpBne:
					if x[in.rs1&31] != x[in.rs2&31] {
						in = in.target()
					} else {
						in = in.next()
					}
					continue blocks
				case isa.OpBlt:
					if int64(x[in.rs1&31]) < int64(x[in.rs2&31]) {
						in = in.target()
					} else {
						in = in.next()
					}
					continue blocks
				case isa.OpBge:
					if int64(x[in.rs1&31]) >= int64(x[in.rs2&31]) {
						in = in.target()
					} else {
						in = in.next()
					}
					continue blocks
				case isa.OpBltu:
					if x[in.rs1&31] < x[in.rs2&31] {
						in = in.target()
					} else {
						in = in.next()
					}
					continue blocks
				case isa.OpBgeu:
					if x[in.rs1&31] >= x[in.rs2&31] {
						in = in.target()
					} else {
						in = in.next()
					}
					continue blocks
				case opJ:
					in = in.target()
					continue blocks
				case isa.OpJal:
					x[in.rd&31] = seg.base + uint64(in.off) + uint64(in.rs2)
					in = in.target()
					continue blocks
				case opJr, isa.OpJalr:
					pc = (x[in.rs1&31] + uint64(int64(in.imm))) &^ 1
					if in.op == isa.OpJalr {
						x[in.rd&31] = seg.base + uint64(in.off) + uint64(in.rs2)
					}
					if o := (pc - seg.base) / 2; o < uint64(len(seg.entry)) {
						if k := seg.entry[o]; k >= 0 {
							in = &seg.code[k]
							continue blocks
						}
					}
					continue find
				case isa.OpJal32:
					x[in.rd&31] = sext(uint32(seg.base) + in.off + uint32(in.rs2))
					in = in.target()
					continue blocks
				case isa.OpJalr32:
					pc = uint64(uint32(x[in.rs1&31])+uint32(in.imm)) &^ 1
					if in.rd != 0 {
						x[in.rd&31] = sext(uint32(seg.base) + in.off + uint32(in.rs2))
					}
					continue find
				case isa.OpLb:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-1 {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
					x[in.rd&31] = uint64(int64(*(*int8)(unsafe.Add(base, a))))
				case isa.OpLh:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-2 {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
					x[in.rd&31] = uint64(int64(*(*int16)(unsafe.Add(base, a))))
				case isa.OpLw:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-4 {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
					x[in.rd&31] = uint64(int64(*(*int32)(unsafe.Add(base, a))))
				case isa.OpLd:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-8 {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
					x[in.rd&31] = *(*uint64)(unsafe.Add(base, a))
				case isa.OpLbu:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-1 {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
					x[in.rd&31] = uint64(*(*uint8)(unsafe.Add(base, a)))
				case isa.OpLhu:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-2 {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
					x[in.rd&31] = uint64(*(*uint16)(unsafe.Add(base, a)))
				case isa.OpLwu:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-4 {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
					x[in.rd&31] = uint64(*(*uint32)(unsafe.Add(base, a)))
				case opLoadX0:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-uint64(in.rs2) {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
				case isa.OpSb:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if p := a >> memory.PageShift; p < uint64(len(attrs)) && attrs[p]&memory.Fast == memory.Fast {
						*(*uint8)(unsafe.Add(base, a)) = uint8(x[in.rs2&31])
					} else if e := mem.Store(a, x[in.rs2&31], 1); e != nil {
						return s.fault(storeFault(e), in, seg, e.Addr, fuel)
					}
				case isa.OpSh:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if p := a >> memory.PageShift; p < uint64(len(attrs)) && attrs[p]&memory.Fast == memory.Fast && a&(memory.PageSize-1) <= memory.PageSize-2 {
						*(*uint16)(unsafe.Add(base, a)) = uint16(x[in.rs2&31])
					} else if e := mem.Store(a, x[in.rs2&31], 2); e != nil {
						return s.fault(storeFault(e), in, seg, e.Addr, fuel)
					}
				case isa.OpSw:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if p := a >> memory.PageShift; p < uint64(len(attrs)) && attrs[p]&memory.Fast == memory.Fast && a&(memory.PageSize-1) <= memory.PageSize-4 {
						*(*uint32)(unsafe.Add(base, a)) = uint32(x[in.rs2&31])
					} else if e := mem.Store(a, x[in.rs2&31], 4); e != nil {
						return s.fault(storeFault(e), in, seg, e.Addr, fuel)
					}
				case isa.OpSd:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if p := a >> memory.PageShift; p < uint64(len(attrs)) && attrs[p]&memory.Fast == memory.Fast && a&(memory.PageSize-1) <= memory.PageSize-8 {
						*(*uint64)(unsafe.Add(base, a)) = x[in.rs2&31]
					} else if e := mem.Store(a, x[in.rs2&31], 8); e != nil {
						return s.fault(storeFault(e), in, seg, e.Addr, fuel)
					}
				case isa.OpFsw:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if p := a >> memory.PageShift; p < uint64(len(attrs)) && attrs[p]&memory.Fast == memory.Fast && a&(memory.PageSize-1) <= memory.PageSize-4 {
						*(*uint32)(unsafe.Add(base, a)) = uint32(s.F[in.rs2&31])
					} else if e := mem.Store(a, s.F[in.rs2&31], 4); e != nil {
						return s.fault(storeFault(e), in, seg, e.Addr, fuel)
					}
				case isa.OpFsd:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if p := a >> memory.PageShift; p < uint64(len(attrs)) && attrs[p]&memory.Fast == memory.Fast && a&(memory.PageSize-1) <= memory.PageSize-8 {
						*(*uint64)(unsafe.Add(base, a)) = s.F[in.rs2&31]
					} else if e := mem.Store(a, s.F[in.rs2&31], 8); e != nil {
						return s.fault(storeFault(e), in, seg, e.Addr, fuel)
					}
				case isa.OpFlw:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-4 {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
					s.F[in.rd&31] = box | uint64(*(*uint32)(unsafe.Add(base, a)))
				case isa.OpFld:
					a := x[in.rs1&31] + uint64(int64(in.imm))
					if a-guard > span-8 {
						return s.fault(LoadAccess, in, seg, a, fuel)
					}
					s.F[in.rd&31] = *(*uint64)(unsafe.Add(base, a))
				case isa.OpAdd:
					x[in.rd&31] = x[in.rs1&31] + x[in.rs2&31]
				case isa.OpSub:
					x[in.rd&31] = x[in.rs1&31] - x[in.rs2&31]
				case isa.OpXor:
					x[in.rd&31] = x[in.rs1&31] ^ x[in.rs2&31]
				case isa.OpOr:
					x[in.rd&31] = x[in.rs1&31] | x[in.rs2&31]
				case isa.OpAnd:
					x[in.rd&31] = x[in.rs1&31] & x[in.rs2&31]
				case isa.OpSll:
					x[in.rd&31] = x[in.rs1&31] << (x[in.rs2&31] & 63)
				case isa.OpSrl:
					x[in.rd&31] = x[in.rs1&31] >> (x[in.rs2&31] & 63)
				case isa.OpSra:
					x[in.rd&31] = uint64(int64(x[in.rs1&31]) >> (x[in.rs2&31] & 63))
				case isa.OpSlt:
					x[in.rd&31] = bit(int64(x[in.rs1&31]) < int64(x[in.rs2&31]))
				case isa.OpSltu:
					x[in.rd&31] = bit(x[in.rs1&31] < x[in.rs2&31])
				case isa.OpAddi:
					x[in.rd&31] = x[in.rs1&31] + uint64(int64(in.imm))
				case isa.OpXori:
					x[in.rd&31] = x[in.rs1&31] ^ uint64(int64(in.imm))
				case isa.OpOri:
					x[in.rd&31] = x[in.rs1&31] | uint64(int64(in.imm))
				case isa.OpAndi:
					x[in.rd&31] = x[in.rs1&31] & uint64(int64(in.imm))
				case isa.OpSlti:
					x[in.rd&31] = bit(int64(x[in.rs1&31]) < int64(in.imm))
				case isa.OpSltiu:
					x[in.rd&31] = bit(x[in.rs1&31] < uint64(int64(in.imm)))
				case isa.OpSlli:
					x[in.rd&31] = x[in.rs1&31] << (uint(in.imm) & 63)
				case isa.OpSrli:
					x[in.rd&31] = x[in.rs1&31] >> (uint(in.imm) & 63)
				case isa.OpSrai:
					x[in.rd&31] = uint64(int64(x[in.rs1&31]) >> (uint(in.imm) & 63))
				case isa.OpAddiw:
					x[in.rd&31] = uint64(int64(int32(x[in.rs1&31]) + in.imm))
				case isa.OpSlliw:
					x[in.rd&31] = uint64(int64(int32(x[in.rs1&31]) << (uint(in.imm) & 31)))
				case isa.OpSrliw:
					x[in.rd&31] = uint64(int64(int32(uint32(x[in.rs1&31]) >> (uint(in.imm) & 31))))
				case isa.OpSraiw:
					x[in.rd&31] = uint64(int64(int32(x[in.rs1&31]) >> (uint(in.imm) & 31)))
				case isa.OpAddw:
					x[in.rd&31] = uint64(int64(int32(x[in.rs1&31]) + int32(x[in.rs2&31])))
				case isa.OpSubw:
					x[in.rd&31] = uint64(int64(int32(x[in.rs1&31]) - int32(x[in.rs2&31])))
				case isa.OpSllw:
					x[in.rd&31] = uint64(int64(int32(x[in.rs1&31]) << (x[in.rs2&31] & 31)))
				case isa.OpSrlw:
					x[in.rd&31] = uint64(int64(int32(uint32(x[in.rs1&31]) >> (x[in.rs2&31] & 31))))
				case isa.OpSraw:
					x[in.rd&31] = uint64(int64(int32(x[in.rs1&31]) >> (x[in.rs2&31] & 31)))
				case isa.OpMul:
					x[in.rd&31] = x[in.rs1&31] * x[in.rs2&31]
				case isa.OpMulw:
					x[in.rd&31] = uint64(int64(int32(x[in.rs1&31]) * int32(x[in.rs2&31])))
				case isa.OpMulhu:
					x[in.rd&31], _ = bits.Mul64(x[in.rs1&31], x[in.rs2&31])
				case isa.OpAddUw:
					x[in.rd&31] = uint64(uint32(x[in.rs1&31])) + x[in.rs2&31]
				case isa.OpSh1add:
					x[in.rd&31] = x[in.rs1&31]<<1 + x[in.rs2&31]
				case isa.OpSh1addUw:
					x[in.rd&31] = uint64(uint32(x[in.rs1&31]))<<1 + x[in.rs2&31]
				case isa.OpSh2add:
					x[in.rd&31] = x[in.rs1&31]<<2 + x[in.rs2&31]
				case isa.OpSh2addUw:
					x[in.rd&31] = uint64(uint32(x[in.rs1&31]))<<2 + x[in.rs2&31]
				case isa.OpSh3add:
					x[in.rd&31] = x[in.rs1&31]<<3 + x[in.rs2&31]
				case isa.OpSh3addUw:
					x[in.rd&31] = uint64(uint32(x[in.rs1&31]))<<3 + x[in.rs2&31]
				case isa.OpSlliUw:
					x[in.rd&31] = uint64(uint32(x[in.rs1&31])) << (uint(in.imm) & 63)
				case isa.OpAndn:
					x[in.rd&31] = x[in.rs1&31] &^ x[in.rs2&31]
				case isa.OpOrn:
					x[in.rd&31] = x[in.rs1&31] | ^x[in.rs2&31]
				case isa.OpXnor:
					x[in.rd&31] = ^(x[in.rs1&31] ^ x[in.rs2&31])
				case isa.OpSextB:
					x[in.rd&31] = uint64(int64(int8(x[in.rs1&31])))
				case isa.OpSextH:
					x[in.rd&31] = uint64(int64(int16(x[in.rs1&31])))
				case isa.OpZextH:
					x[in.rd&31] = uint64(uint16(x[in.rs1&31]))
				case isa.OpRori:
					x[in.rd&31] = bits.RotateLeft64(x[in.rs1&31], -int(in.imm))
				case isa.OpRoriw:
					x[in.rd&31] = uint64(int64(int32(bits.RotateLeft32(uint32(x[in.rs1&31]), -int(in.imm)))))
				case isa.OpRev8:
					x[in.rd&31] = bits.ReverseBytes64(x[in.rs1&31])
				case isa.OpMin:
					x[in.rd&31] = uint64(min(int64(x[in.rs1&31]), int64(x[in.rs2&31])))
				case isa.OpMinu:
					x[in.rd&31] = min(x[in.rs1&31], x[in.rs2&31])
				case isa.OpMax:
					x[in.rd&31] = uint64(max(int64(x[in.rs1&31]), int64(x[in.rs2&31])))
				case isa.OpMaxu:
					x[in.rd&31] = max(x[in.rs1&31], x[in.rs2&31])
				case isa.OpBexti:
					x[in.rd&31] = x[in.rs1&31] >> (uint(in.imm) & 63) & 1
				case isa.OpCzeroEqz:
					v := x[in.rs1&31]
					if x[in.rs2&31] == 0 {
						v = 0
					}
					x[in.rd&31] = v
				case isa.OpCzeroNez:
					v := x[in.rs1&31]
					if x[in.rs2&31] != 0 {
						v = 0
					}
					x[in.rd&31] = v
				case opEscape:
					pc = (seg.base + uint64(int64(in.imm))) & seg.mask
					continue find
				case isa.OpEcall:
					return s.leave(Call, in, seg, 0, fuel)
				case isa.OpEbreak:
					return s.leave(Break, in, seg, 0, fuel)
				case isa.OpCustom:
					return s.leave(Custom, in, seg, in.imm, fuel)
				case isa.OpStop, isa.OpWfi:
					e := s.leave(Stop, in, seg, 0, fuel)
					s.SkipCall()
					return e
				case isa.OpIllegal:
					return s.fault(Illegal, in, seg, seg.base+uint64(in.off), fuel)
				case opTornCode:
					return s.fault(FetchAccess, in, seg, seg.base+uint64(in.off)+2, fuel)
				case isa.OpCsrrw, isa.OpCsrrs, isa.OpCsrrc, isa.OpCsrrwi, isa.OpCsrrsi, isa.OpCsrrci:
					if why := s.csr(in, fuel); why != 0 {
						return s.fault(why, in, seg, seg.base+uint64(in.off), fuel)
					}
					in = in.next()
					continue blocks
				default:
					if why, at := s.rare(in, mem); why != 0 {
						if why == Illegal {
							at = seg.base + uint64(in.off)
						}
						return s.fault(why, in, seg, at, fuel)
					}

				}
			}
		}
	}
}
