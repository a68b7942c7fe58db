package interp

import (
	"math"
	"math/bits"
	"unsafe"

	"fishplate/riscv/float"
	"fishplate/riscv/memory"
)

const (
	guard  = memory.GuardSize
	box    = float.Box
	sign64 = 1 << 63
	sign32 = 1 << 31

	behindX = 32 * 8 // where F lies after X
)

// The operands of a record, for Run. x is the address of State.X, behind which
// F lies. Register numbers come from the decoder, so they need no check, and
// lower lets no record with rd = 0 come to set.

func (in *ins) a(x unsafe.Pointer) uint64 { return *(*uint64)(unsafe.Add(x, uintptr(in.rs1)*8)) }
func (in *ins) b(x unsafe.Pointer) uint64 { return *(*uint64)(unsafe.Add(x, uintptr(in.rs2)*8)) }

func (in *ins) set(x unsafe.Pointer, v uint64) { *(*uint64)(unsafe.Add(x, uintptr(in.rd)*8)) = v }

// set32 writes a result of 32 bits, sign-extended.
func (in *ins) set32(x unsafe.Pointer, v uint32) { in.set(x, sext(v)) }

func (in *ins) simm() uint64                 { return uint64(int64(in.imm)) }
func (in *ins) addr(x unsafe.Pointer) uint64 { return in.a(x) + in.simm() }
func (in *ins) link(seg *segment) uint64     { return seg.base + uint64(in.off) + uint64(in.rs2) }

func (in *ins) fa(x unsafe.Pointer) uint64 {
	return *(*uint64)(unsafe.Add(x, uintptr(in.rs1)*8+behindX))
}

func (in *ins) fb(x unsafe.Pointer) uint64 {
	return *(*uint64)(unsafe.Add(x, uintptr(in.rs2)*8+behindX))
}

func (in *ins) fc(x unsafe.Pointer) uint64 {
	return *(*uint64)(unsafe.Add(x, uintptr(in.rs3&31)*8+behindX))
}

func (in *ins) fset(x unsafe.Pointer, v uint64) {
	*(*uint64)(unsafe.Add(x, uintptr(in.rd)*8+behindX)) = v
}

func (in *ins) da(x unsafe.Pointer) float64 { return math.Float64frombits(in.fa(x)) }
func (in *ins) db(x unsafe.Pointer) float64 { return math.Float64frombits(in.fb(x)) }
func (in *ins) sa(x unsafe.Pointer) float32 { return float.Single(in.fa(x)) }
func (in *ins) sb(x unsafe.Pointer) float32 { return float.Single(in.fb(x)) }

// Bits of imm in a fused multiply-add.
const (
	negateProduct = 1
	negateAddend  = 2
)

// factor and addend are the operands of a fused multiply-add whose sign the
// operation may flip.
func (in *ins) factor(x unsafe.Pointer) float64 {
	return math.Float64frombits(in.fa(x) ^ uint64(in.imm&negateProduct)<<63)
}

func (in *ins) addend(x unsafe.Pointer) float64 {
	return math.Float64frombits(in.fc(x) ^ uint64(in.imm&negateAddend)<<62)
}

// sum adds the addend to the product of a single fused multiply-add.
func (in *ins) sum(x unsafe.Pointer, p float64) float64 {
	c := float64(float.Single(in.fc(x)))
	if in.imm&negateProduct != 0 {
		p = -p
	}
	if in.imm&negateAddend != 0 {
		c = -c
	}
	return p + c
}

// putOnce writes r as a single unless it may have been rounded twice.
func (in *ins) putOnce(x unsafe.Pointer, r float64) bool {
	v, ok := float.Plain32Once(r)
	if ok {
		in.fset(x, v)
	}
	return ok
}

// putD and putS write a result if it is a plain number.
func (in *ins) putD(x unsafe.Pointer, r float64) bool {
	v, ok := float.Plain64(r)
	if ok {
		in.fset(x, v)
	}
	return ok
}

func (in *ins) putS(x unsafe.Pointer, r float32) bool {
	v, ok := float.Plain32(r)
	if ok {
		in.fset(x, v)
	}
	return ok
}

// branch is where a branch leads.
func (in *ins) branch(taken bool) *ins {
	if taken {
		return in.target()
	}
	return in.next()
}

// storable says whether the page of address p can be stored to without care.
func storable(base unsafe.Pointer, p uint64) bool {
	return *(*uint8)(unsafe.Add(base, int(p>>memory.PageShift)-memory.AttrsBelow))&memory.Fast == memory.Fast
}

func sext(v uint32) uint64 { return uint64(int64(int32(v))) }

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// keep returns v, or 0.
func keep(v uint64, yes bool) uint64 {
	if yes {
		return v
	}
	return 0
}

func mulhu(a, b uint64) uint64 {
	h, _ := bits.Mul64(a, b)
	return h
}

func mulh(a, b uint64) uint64 {
	return mulhu(a, b) - uint64(int64(a)>>63)&b - uint64(int64(b)>>63)&a
}

// orcBytes makes each byte 255 unless it is 0: the bits of a byte are gathered
// in its lowest one, which is then spread.
func orcBytes(a uint64) uint64 {
	a |= a >> 4 & 0x0f0f0f0f0f0f0f0f
	a |= a >> 2 & 0x3333333333333333
	a |= a >> 1
	return a & 0x0101010101010101 * 255
}
