package vector

import (
	"unsafe"

	"fishplate/riscv/float"
	"fishplate/riscv/isa"
)

// loop computes n elements of a whole operation: d, a and b point to elements of
// vd, of vs2 and of the second source. A scalar source has been spread to as many
// elements as there are, so that each operation needs one loop per width.
type loop = func(d, a, b unsafe.Pointer, n int)

// loops has the operations that compilers use most, by width of elements. What
// they compute is what the rule's function does, element by element; they are
// only faster.
var loops = [isa.VectorOps][4]loop{
	isa.OpVadd - isa.OpVector:  {sums[uint8], sums[uint16], sums[uint32], sums[uint64]},
	isa.OpVsub - isa.OpVector:  {differences[uint8], differences[uint16], differences[uint32], differences[uint64]},
	isa.OpVrsub - isa.OpVector: {reversed[uint8], reversed[uint16], reversed[uint32], reversed[uint64]},
	isa.OpVand - isa.OpVector:  {ands[uint8], ands[uint16], ands[uint32], ands[uint64]},
	isa.OpVor - isa.OpVector:   {ors[uint8], ors[uint16], ors[uint32], ors[uint64]},
	isa.OpVxor - isa.OpVector:  {xors[uint8], xors[uint16], xors[uint32], xors[uint64]},
	isa.OpVminu - isa.OpVector: {least[uint8], least[uint16], least[uint32], least[uint64]},
	isa.OpVmin - isa.OpVector:  {least[int8], least[int16], least[int32], least[int64]},
	isa.OpVmaxu - isa.OpVector: {greatest[uint8], greatest[uint16], greatest[uint32], greatest[uint64]},
	isa.OpVmax - isa.OpVector:  {greatest[int8], greatest[int16], greatest[int32], greatest[int64]},
	isa.OpVsll - isa.OpVector:  {left[uint8], left[uint16], left[uint32], left[uint64]},
	isa.OpVsrl - isa.OpVector:  {right[uint8], right[uint16], right[uint32], right[uint64]},
	isa.OpVsra - isa.OpVector:  {right[int8], right[int16], right[int32], right[int64]},
	isa.OpVmul - isa.OpVector:  {products[uint8], products[uint16], products[uint32], products[uint64]},
	isa.OpVmacc - isa.OpVector: {accumulated[uint8], accumulated[uint16], accumulated[uint32], accumulated[uint64]},
	isa.OpVmv - isa.OpVector:   {copies[uint8], copies[uint16], copies[uint32], copies[uint64]},

	isa.OpVmseq - isa.OpVector:  {equals[uint8], equals[uint16], equals[uint32], equals[uint64]},
	isa.OpVmsne - isa.OpVector:  {unequals[uint8], unequals[uint16], unequals[uint32], unequals[uint64]},
	isa.OpVmsltu - isa.OpVector: {lesses[uint8], lesses[uint16], lesses[uint32], lesses[uint64]},
	isa.OpVmslt - isa.OpVector:  {lesses[int8], lesses[int16], lesses[int32], lesses[int64]},
	isa.OpVmsleu - isa.OpVector: {atMosts[uint8], atMosts[uint16], atMosts[uint32], atMosts[uint64]},
	isa.OpVmsle - isa.OpVector:  {atMosts[int8], atMosts[int16], atMosts[int32], atMosts[int64]},
	isa.OpVmsgtu - isa.OpVector: {mores[uint8], mores[uint16], mores[uint32], mores[uint64]},
	isa.OpVmsgt - isa.OpVector:  {mores[int8], mores[int16], mores[int32], mores[int64]},
}

// number is any type of element.
type number interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int8 | ~int16 | ~int32 | ~int64
}

// three are the operands of a loop as slices.
func three[T number](d, a, b unsafe.Pointer, n int) (x, y, z []T) {
	return unsafe.Slice((*T)(d), n), unsafe.Slice((*T)(a), n), unsafe.Slice((*T)(b), n)
}

// Sums, differences, products and logic of n bits do not depend on the sign, so
// they have loops for unsigned types only. Groups may be the same: each element
// is read before it is written.

func sums[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	for i := range x {
		x[i] = y[i] + z[i]
	}
}

func differences[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	for i := range x {
		x[i] = y[i] - z[i]
	}
}

func reversed[T number](d, a, b unsafe.Pointer, n int) { differences[T](d, b, a, n) }

func ands[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	for i := range x {
		x[i] = y[i] & z[i]
	}
}

func ors[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	for i := range x {
		x[i] = y[i] | z[i]
	}
}

func xors[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	for i := range x {
		x[i] = y[i] ^ z[i]
	}
}

func least[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	for i := range x {
		x[i] = min(y[i], z[i])
	}
}

func greatest[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	for i := range x {
		x[i] = max(y[i], z[i])
	}
}

// Amounts of shifts are taken modulo the width.

func left[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	bits := T(8*unsafe.Sizeof(T(0)) - 1)
	for i := range x {
		x[i] = y[i] << (uint64(z[i]&bits) & 63)
	}
}

// right shifts in the sign if T has one.
func right[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	bits := T(8*unsafe.Sizeof(T(0)) - 1)
	for i := range x {
		x[i] = y[i] >> (uint64(z[i]&bits) & 63)
	}
}

func products[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	for i := range x {
		x[i] = y[i] * z[i]
	}
}

// accumulated adds to what vd holds.
func accumulated[T number](d, a, b unsafe.Pointer, n int) {
	x, y, z := three[T](d, a, b, n)
	for i := range x {
		x[i] += y[i] * z[i]
	}
}

func copies[T number](d, a, b unsafe.Pointer, n int) {
	x, _, z := three[T](d, a, b, n)
	copy(x, z)
}

// The comparisons set bits of d, which are 0 before and gathered by 64.

func equals[T number](d, a, b unsafe.Pointer, n int) {
	_, y, z := three[T](d, a, b, n)
	bits := uint64(0)
	for i := range y {
		bits |= truth(y[i] == z[i]) << (i & 63)
		if i&63 == 63 {
			bits = keep(d, i, bits)
		}
	}
	keep(d, n, bits)
}

func unequals[T number](d, a, b unsafe.Pointer, n int) {
	_, y, z := three[T](d, a, b, n)
	bits := uint64(0)
	for i := range y {
		bits |= truth(y[i] != z[i]) << (i & 63)
		if i&63 == 63 {
			bits = keep(d, i, bits)
		}
	}
	keep(d, n, bits)
}

func lesses[T number](d, a, b unsafe.Pointer, n int) {
	_, y, z := three[T](d, a, b, n)
	bits := uint64(0)
	for i := range y {
		bits |= truth(y[i] < z[i]) << (i & 63)
		if i&63 == 63 {
			bits = keep(d, i, bits)
		}
	}
	keep(d, n, bits)
}

func atMosts[T number](d, a, b unsafe.Pointer, n int) {
	_, y, z := three[T](d, a, b, n)
	bits := uint64(0)
	for i := range y {
		bits |= truth(y[i] <= z[i]) << (i & 63)
		if i&63 == 63 {
			bits = keep(d, i, bits)
		}
	}
	keep(d, n, bits)
}

func mores[T number](d, a, b unsafe.Pointer, n int) { lesses[T](d, b, a, n) }

// keep stores the bits that belong to the 64 elements around i, unless i is
// beyond the last of the largest group.
func keep(d unsafe.Pointer, i int, bits uint64) uint64 {
	if i < 8*VLENB {
		*(*uint64)(unsafe.Add(d, i>>6<<3)) = bits
	}
	return 0
}

// group is the longest group of registers.
type group [8 * VLENB]byte

// quick executes an operation from elements to elements by its loop, if it has
// one and begins at element 0. Floating point has loops for when the host's
// arithmetic is right.
func (s *State) quick(r *rule) bool {
	if s.VStart != 0 || s.VL == 0 {
		return false
	}
	if r.float {
		return float.Quick(s.h.FRM<<5|s.h.Flags) && s.in.Unmasked && s.quickFloat(r)
	}
	l := loops[s.in.Op-isa.OpVector][s.sew]
	if l == nil {
		return false
	}
	a, b := s.sources(r)
	d := unsafe.Pointer(&s.V[s.in.Rd])
	if s.in.Unmasked {
		l(d, a, b, int(s.VL))
		return true
	}
	// A masked operation is computed whole, aside, and its active elements are
	// taken: integer operations have no effect but their result.
	result := &s.result
	copy(result[:], s.bytes()[uint64(s.in.Rd)*VLENB:])
	l(unsafe.Pointer(result), a, b, int(s.VL))
	for i := range s.VL {
		if s.bit(0, i) != 0 {
			n := uint64(1) << s.sew
			copy(s.bytes()[uint64(s.in.Rd)*VLENB+i*n:][:n], result[i*n:][:n])
		}
	}
	return true
}

// sources returns where the elements of both sources are; a scalar is spread.
func (s *State) sources(r *rule) (a, b unsafe.Pointer) {
	a = unsafe.Pointer(&s.V[s.in.Rs2])
	if s.in.vectors() {
		return a, unsafe.Pointer(&s.V[s.in.Rs1])
	}
	v, n := s.second(r), int(s.VL)
	b = unsafe.Pointer(&s.spread)
	switch s.sew {
	case 0:
		fill(unsafe.Slice((*uint8)(b), n), uint8(v))
	case 1:
		fill(unsafe.Slice((*uint16)(b), n), uint16(v))
	case 2:
		fill(unsafe.Slice((*uint32)(b), n), uint32(v))
	default:
		fill(unsafe.Slice((*uint64)(b), n), v)
	}
	return a, b
}

func fill[T number](p []T, v T) {
	for i := range p {
		p[i] = v
	}
}

// quickTest is quick for an operation whose result is a mask.
func (s *State) quickTest(r *rule) bool {
	l := loops[s.in.Op-isa.OpVector][s.sew]
	if l == nil || s.VStart != 0 || s.VL == 0 {
		return false
	}
	out := (*[VLENB]byte)(s.result[:])
	*out = [VLENB]byte{}
	a, b := s.sources(r)
	l(unsafe.Pointer(out), a, b, int(s.VL))
	s.blend(s.in.Rd, maskOf(out), s.body())
	return true
}
