package interp

import (
	"math"
	"math/bits"
	"unsafe"

	"fishplate/riscv/float"
	"fishplate/riscv/memory"
)

// Run executes at most fuel instructions of program on mem, beginning at PC. On
// return PC, the registers and Instret are exact.
//
// It is one long function because everything that an instruction needs stays in
// its local variables, which live in machine registers: few, so that none is ever
// saved. A case that cannot do its work, because it needs the longer way of the
// memory or of the arithmetic, goes to the single call of slow: were there more
// calls, the compiler would save the variables for each instruction. It would do
// so as well, and stop inlining the operands, were the function much longer.
// Cases are ordered by kind, not by frequency, since they are a jump table.
func (s *State) Run(program *Code, mem *memory.Memory, fuel uint64) Exit {
	var (
		x    = unsafe.Pointer(s) // X is its first field
		base = mem.Base()
		pc   = s.PC
	)
	fuel = min(fuel, math.MaxInt64) // so that fuel which a block exceeds shows as negative
	s.start, s.top = fuel, mem.Size()-guard-8
	if base == nil {
		return s.lost(FetchAccess, pc, fuel) // the memory was closed
	}
find:
	for {
		if fuel == 0 {
			return s.exhausted(pc)
		}
		in, why := s.locate(program, pc, fuel)
		if why != 0 {
			return s.lost(why, pc, fuel)
		}
	blocks:
		for {
			fuel -= uint64(in.run)
			if int64(fuel) < 0 {
				fuel += uint64(in.run)
				pc = s.seg.base + uint64(in.off)
				continue find
			}
			// From here to the end of the block nothing is counted: all of it is
			// charged, and a fault gives back what did not happen.
			for ; ; in = in.next() {
				switch in.code {
				case doSlow, doLast:
					goto slow
				// What lower made of instructions: nothing to do, a constant, a copy, and the
				// records that no instruction stands behind.
				case doNop:
				case doLi:
					in.set(x, in.simm())
				case doMv:
					in.set(x, in.a(x))
				case doNext:
					in = in.next()
					continue blocks
				case doEscape:
					pc = (s.seg.base + in.simm()) & s.seg.mask
					continue find
				// Jumps. A direct one knows its record; an indirect one finds it by address,
				// within the same segment without leaving the loop.
				case doJ:
					in = in.target()
					continue blocks
				case doJal:
					in.set(x, in.link(s.seg))
					in = in.target()
					continue blocks
				case doJr, doJalr:
					pc = in.addr(x) & s.seg.mask &^ 1
					if in.code == doJalr {
						in.set(x, in.link(s.seg))
					}
					if to := s.seg.at(pc); to != nil {
						in = to
						continue blocks
					}
					continue find
				case doAuipc:
					in.set(x, s.seg.base+uint64(in.off)+in.simm())
				// Branches end a block: the next one is charged when it begins.
				case doBeq:
					in = in.branch(in.a(x) == in.b(x))
					continue blocks
				case doBne:
					in = in.branch(in.a(x) != in.b(x))
					continue blocks
				case doBlt:
					in = in.branch(int64(in.a(x)) < int64(in.b(x)))
					continue blocks
				case doBge:
					in = in.branch(int64(in.a(x)) >= int64(in.b(x)))
					continue blocks
				case doBltu:
					in = in.branch(in.a(x) < in.b(x))
					continue blocks
				case doBgeu:
					in = in.branch(in.a(x) >= in.b(x))
					continue blocks
				// Loads need one comparison: the guard page and the last bytes of the space are
				// left to slow, with everything outside. RV32 uses the same codes, since an
				// address that wrapped or is above 2 GiB is outside, too.
				case doLb:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, uint64(int64(*(*int8)(unsafe.Add(base, p)))))
				case doLh:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, uint64(int64(*(*int16)(unsafe.Add(base, p)))))
				case doLw:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, uint64(int64(*(*int32)(unsafe.Add(base, p)))))
				case doLd:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, *(*uint64)(unsafe.Add(base, p)))
				case doLbu:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, uint64(*(*uint8)(unsafe.Add(base, p))))
				case doLhu:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, uint64(*(*uint16)(unsafe.Add(base, p))))
				case doLwu:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, uint64(*(*uint32)(unsafe.Add(base, p))))
				case doFlw:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.fset(x, box|uint64(*(*uint32)(unsafe.Add(base, p))))
				case doFld:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.fset(x, *(*uint64)(unsafe.Add(base, p)))
				// Stores go by the page's attributes, and here only to aligned addresses, which
				// cannot cross a page.
				case doSb:
					p := in.addr(x)
					if p-guard > s.top || !storable(base, p) {
						goto slow
					}
					*(*uint8)(unsafe.Add(base, p)) = uint8(in.b(x))
				case doSh:
					p := in.addr(x)
					if p-guard > s.top || p&1 != 0 || !storable(base, p) {
						goto slow
					}
					*(*uint16)(unsafe.Add(base, p)) = uint16(in.b(x))
				case doSw:
					p := in.addr(x)
					if p-guard > s.top || p&3 != 0 || !storable(base, p) {
						goto slow
					}
					*(*uint32)(unsafe.Add(base, p)) = uint32(in.b(x))
				case doSd:
					p := in.addr(x)
					if p-guard > s.top || p&7 != 0 || !storable(base, p) {
						goto slow
					}
					*(*uint64)(unsafe.Add(base, p)) = in.b(x)
				case doFsw:
					p := in.addr(x)
					if p-guard > s.top || p&3 != 0 || !storable(base, p) {
						goto slow
					}
					*(*uint32)(unsafe.Add(base, p)) = uint32(in.fb(x))
				case doFsd:
					p := in.addr(x)
					if p-guard > s.top || p&7 != 0 || !storable(base, p) {
						goto slow
					}
					*(*uint64)(unsafe.Add(base, p)) = in.fb(x)
				// Integer computation.
				case doAddi:
					in.set(x, in.a(x)+in.simm())
				case doXori:
					in.set(x, in.a(x)^in.simm())
				case doOri:
					in.set(x, in.a(x)|in.simm())
				case doAndi:
					in.set(x, in.a(x)&in.simm())
				case doSlti:
					in.set(x, bit(int64(in.a(x)) < int64(in.imm)))
				case doSltiu:
					in.set(x, bit(in.a(x) < in.simm()))
				case doSlli:
					in.set(x, in.a(x)<<(uint(in.imm)&63))
				case doSrli:
					in.set(x, in.a(x)>>(uint(in.imm)&63))
				case doSrai:
					in.set(x, uint64(int64(in.a(x))>>(uint(in.imm)&63)))
				case doAdd:
					in.set(x, in.a(x)+in.b(x))
				case doSub:
					in.set(x, in.a(x)-in.b(x))
				case doXor:
					in.set(x, in.a(x)^in.b(x))
				case doOr:
					in.set(x, in.a(x)|in.b(x))
				case doAnd:
					in.set(x, in.a(x)&in.b(x))
				case doSll:
					in.set(x, in.a(x)<<(in.b(x)&63))
				case doSrl:
					in.set(x, in.a(x)>>(in.b(x)&63))
				case doSra:
					in.set(x, uint64(int64(in.a(x))>>(in.b(x)&63)))
				case doSlt:
					in.set(x, bit(int64(in.a(x)) < int64(in.b(x))))
				case doSltu:
					in.set(x, bit(in.a(x) < in.b(x)))
				case doAddiw:
					in.set32(x, uint32(in.a(x))+uint32(in.imm))
				case doSlliw:
					in.set32(x, uint32(in.a(x))<<(uint(in.imm)&31))
				case doSrliw:
					in.set32(x, uint32(in.a(x))>>(uint(in.imm)&31))
				case doSraiw:
					in.set32(x, uint32(int32(in.a(x))>>(uint(in.imm)&31)))
				case doAddw:
					in.set32(x, uint32(in.a(x))+uint32(in.b(x)))
				case doSubw:
					in.set32(x, uint32(in.a(x))-uint32(in.b(x)))
				case doSllw:
					in.set32(x, uint32(in.a(x))<<(in.b(x)&31))
				case doSrlw:
					in.set32(x, uint32(in.a(x))>>(in.b(x)&31))
				case doSraw:
					in.set32(x, uint32(int32(in.a(x))>>(in.b(x)&31)))
				// Multiplication and division; by zero is left to slow, and rarer forms as well.
				case doMul:
					in.set(x, in.a(x)*in.b(x))
				case doMulw:
					in.set32(x, uint32(in.a(x))*uint32(in.b(x)))
				case doMulh:
					in.set(x, mulh(in.a(x), in.b(x)))
				case doMulhu:
					in.set(x, mulhu(in.a(x), in.b(x)))
				case doMulhu32:
					in.set32(x, uint32(uint64(uint32(in.a(x)))*uint64(uint32(in.b(x)))>>32))
				case doDivu:
					b := uint64(in.b(x))
					if b == 0 {
						goto slow
					}
					in.set(x, uint64(in.a(x))/b)
				case doRemu:
					b := uint64(in.b(x))
					if b == 0 {
						goto slow
					}
					in.set(x, uint64(in.a(x))%b)
				case doDivw:
					b := int32(in.b(x))
					if b == 0 {
						goto slow
					}
					in.set32(x, uint32(int32(in.a(x))/b))
				case doRemw:
					b := int32(in.b(x))
					if b == 0 {
						goto slow
					}
					in.set32(x, uint32(int32(in.a(x))%b))
				// Bit manipulation, as far as compilers use it often.
				case doAddUw:
					in.set(x, uint64(uint32(in.a(x)))+in.b(x))
				case doSh1add:
					in.set(x, in.a(x)<<1+in.b(x))
				case doSh1addUw:
					in.set(x, uint64(uint32(in.a(x)))<<1+in.b(x))
				case doSh1add32:
					in.set32(x, uint32(in.a(x))<<1+uint32(in.b(x)))
				case doSh2add:
					in.set(x, in.a(x)<<2+in.b(x))
				case doSh2addUw:
					in.set(x, uint64(uint32(in.a(x)))<<2+in.b(x))
				case doSh2add32:
					in.set32(x, uint32(in.a(x))<<2+uint32(in.b(x)))
				case doSh3add:
					in.set(x, in.a(x)<<3+in.b(x))
				case doSh3addUw:
					in.set(x, uint64(uint32(in.a(x)))<<3+in.b(x))
				case doSh3add32:
					in.set32(x, uint32(in.a(x))<<3+uint32(in.b(x)))
				case doSlliUw:
					in.set(x, uint64(uint32(in.a(x)))<<(uint(in.imm)&63))
				case doAndn:
					in.set(x, in.a(x)&^in.b(x))
				case doOrn:
					in.set(x, in.a(x)|^in.b(x))
				case doXnor:
					in.set(x, ^(in.a(x) ^ in.b(x)))
				case doClz:
					in.set(x, uint64(bits.LeadingZeros64(in.a(x))))
				case doCtz:
					in.set(x, uint64(bits.TrailingZeros64(in.a(x))))
				case doMin:
					in.set(x, uint64(min(int64(in.a(x)), int64(in.b(x)))))
				case doMinu:
					in.set(x, min(in.a(x), in.b(x)))
				case doMax:
					in.set(x, uint64(max(int64(in.a(x)), int64(in.b(x)))))
				case doMaxu:
					in.set(x, max(in.a(x), in.b(x)))
				case doSextB:
					in.set(x, uint64(int64(int8(in.a(x)))))
				case doSextH:
					in.set(x, uint64(int64(int16(in.a(x)))))
				case doZextH:
					in.set(x, uint64(uint16(in.a(x))))
				case doRori:
					in.set(x, bits.RotateLeft64(in.a(x), -int(in.imm)))
				case doRoriw:
					in.set32(x, bits.RotateLeft32(uint32(in.a(x)), -int(in.imm)))
				case doOrcB:
					in.set(x, orcBytes(in.a(x)))
				case doRev8:
					in.set(x, bits.ReverseBytes64(in.a(x)))
				case doBext:
					in.set(x, in.a(x)>>(in.b(x)&63)&1)
				case doBexti:
					in.set(x, in.a(x)>>(uint(in.imm)&63)&1)
				case doCzeroEqz:
					in.set(x, keep(in.a(x), in.b(x) != 0))
				case doCzeroNez:
					in.set(x, keep(in.a(x), in.b(x) == 0))
				// Arithmetic that the host does: when the rounding mode is nearest, the inexact
				// flag is up already and the result is an ordinary number, it is what RISC-V
				// defines and raises nothing.
				case doFaddD:
					if !float.Quick(s.fcsr) || !in.putD(x, in.da(x)+in.db(x)) {
						goto slow
					}
				case doFsubD:
					if !float.Quick(s.fcsr) || !in.putD(x, in.da(x)-in.db(x)) {
						goto slow
					}
				case doFmulD:
					if !float.Quick(s.fcsr) || !in.putD(x, in.da(x)*in.db(x)) {
						goto slow
					}
				case doFdivD:
					if !float.Quick(s.fcsr) || !in.putD(x, in.da(x)/in.db(x)) {
						goto slow
					}
				case doFsqrtD:
					if !float.Quick(s.fcsr) || !in.putD(x, math.Sqrt(in.da(x))) {
						goto slow
					}
				case doFaddS:
					if !float.Quick(s.fcsr) || !in.putS(x, in.sa(x)+in.sb(x)) {
						goto slow
					}
				case doFsubS:
					if !float.Quick(s.fcsr) || !in.putS(x, in.sa(x)-in.sb(x)) {
						goto slow
					}
				case doFmulS:
					if !float.Quick(s.fcsr) || !in.putS(x, in.sa(x)*in.sb(x)) {
						goto slow
					}
				case doFdivS:
					if !float.Quick(s.fcsr) || !in.putS(x, in.sa(x)/in.sb(x)) {
						goto slow
					}
				case doFsqrtS:
					if !float.Quick(s.fcsr) || !in.putS(x, float32(math.Sqrt(float64(in.sa(x))))) {
						goto slow
					}
				case doFmaddD, doFmsubD, doFnmsubD, doFnmaddD:
					if !float.Quick(s.fcsr) {
						goto slow
					}
					a, b, c := in.factor(x), in.db(x), in.addend(x)
					s.at, s.left = in, fuel // so that they need not survive a call of FMA
					r := math.FMA(a, b, c)
					in, fuel = s.at, s.left
					if !in.putD(x, r) {
						goto slow
					}
				case doFmaddS, doFmsubS, doFnmsubS, doFnmaddS:
					// The product of two singles is exact as a double.
					p := float64(in.sa(x)) * float64(in.sb(x))
					if !float.Quick(s.fcsr) || !in.putOnce(x, in.sum(x, p)) {
						goto slow
					}
				// Moves of signs, which copy and negate. Singles must be boxed.
				case doFsgnjD:
					in.fset(x, in.fa(x)&^sign64|in.fb(x)&sign64)
				case doFsgnjnD:
					in.fset(x, in.fa(x)&^sign64|^in.fb(x)&sign64)
				case doFsgnjS:
					if !float.Boxed(in.fa(x), in.fb(x)) {
						goto slow
					}
					in.fset(x, in.fa(x)&^sign32|in.fb(x)&sign32)
				case doFsgnjnS:
					if !float.Boxed(in.fa(x), in.fb(x)) {
						goto slow
					}
					in.fset(x, in.fa(x)&^sign32|^in.fb(x)&sign32)
				// Comparisons without a NaN raise nothing. An unboxed single reads as NaN.
				case doFeqD:
					a, b := in.da(x), in.db(x)
					if a != a || b != b {
						goto slow
					}
					in.set(x, bit(a == b))
				case doFltD:
					a, b := in.da(x), in.db(x)
					if a != a || b != b {
						goto slow
					}
					in.set(x, bit(a < b))
				case doFleD:
					a, b := in.da(x), in.db(x)
					if a != a || b != b {
						goto slow
					}
					in.set(x, bit(a <= b))
				case doFeqS:
					a, b := in.sa(x), in.sb(x)
					if a != a || b != b {
						goto slow
					}
					in.set(x, bit(a == b))
				case doFltS:
					a, b := in.sa(x), in.sb(x)
					if a != a || b != b {
						goto slow
					}
					in.set(x, bit(a < b))
				case doFleS:
					a, b := in.sa(x), in.sb(x)
					if a != a || b != b {
						goto slow
					}
					in.set(x, bit(a <= b))
				// Moves and conversions. Towards integers they truncate, which is the only mode
				// that lower lets through, and raise inexact when something was cut off.
				case doFmvXD:
					in.set(x, in.fa(x))
				case doFmvXW:
					in.set32(x, uint32(in.fa(x)))
				case doFmvDX:
					in.fset(x, in.a(x))
				case doFmvWX:
					in.fset(x, box|uint64(uint32(in.a(x))))
				case doFcvtDW:
					in.fset(x, math.Float64bits(float64(int32(in.a(x)))))
				case doFcvtDWu:
					in.fset(x, math.Float64bits(float64(uint32(in.a(x)))))
				case doFcvtDL:
					v := int64(in.a(x))
					if !float.Nearest(s.fcsr, v >= -(1<<53) && v <= 1<<53) {
						goto slow
					}
					in.fset(x, math.Float64bits(float64(v)))
				case doFcvtSW:
					v := int32(in.a(x))
					if !float.Nearest(s.fcsr, v >= -(1<<24) && v <= 1<<24) {
						goto slow
					}
					in.fset(x, box|uint64(math.Float32bits(float32(v))))
				case doFcvtSL:
					v := int64(in.a(x))
					if !float.Nearest(s.fcsr, v >= -(1<<24) && v <= 1<<24) {
						goto slow
					}
					in.fset(x, box|uint64(math.Float32bits(float32(v))))
				case doFcvtWD:
					d := in.da(x)
					if !(d > math.MinInt32-1 && d < math.MaxInt32+1) {
						goto slow
					}
					v := int32(d)
					s.fcsr |= float.Inexact(float64(v) != d)
					in.set32(x, uint32(v))
				case doFcvtWS:
					d := float64(in.sa(x))
					if !(d > math.MinInt32-1 && d < math.MaxInt32+1) {
						goto slow
					}
					v := int32(d)
					s.fcsr |= float.Inexact(float64(v) != d)
					in.set32(x, uint32(v))
				case doFcvtLD:
					d := in.da(x)
					if !(d >= math.MinInt64 && d < math.MaxInt64) {
						goto slow
					}
					v := int64(d)
					s.fcsr |= float.Inexact(float64(v) != d)
					in.set(x, uint64(v))
				case doFcvtLS:
					d := float64(in.sa(x))
					if !(d >= math.MinInt64 && d < math.MaxInt64) {
						goto slow
					}
					v := int64(d)
					s.fcsr |= float.Inexact(float64(v) != d)
					in.set(x, uint64(v))
				case doFcvtSD:
					if !float.Quick(s.fcsr) || !in.putS(x, float32(in.da(x))) {
						goto slow
					}
				case doFcvtDS:
					f := in.sa(x)
					if f != f {
						goto slow
					}
					in.fset(x, math.Float64bits(float64(f)))
				// Pairs: the record does the work of the next one too. Where the first feeds
				// the second, the value goes through v and not through memory.
				case doLdLd:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, *(*uint64)(unsafe.Add(base, p)))
					in = in.next()
					p = in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, *(*uint64)(unsafe.Add(base, p)))
				case doLwLw:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, uint64(int64(*(*int32)(unsafe.Add(base, p)))))
					in = in.next()
					p = in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, uint64(int64(*(*int32)(unsafe.Add(base, p)))))
				case doFldFld:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.fset(x, *(*uint64)(unsafe.Add(base, p)))
					in = in.next()
					p = in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.fset(x, *(*uint64)(unsafe.Add(base, p)))
				case doSdSd:
					p := in.addr(x)
					if p-guard > s.top || p&7 != 0 || !storable(base, p) {
						goto slow
					}
					*(*uint64)(unsafe.Add(base, p)) = in.b(x)
					in = in.next()
					p = in.addr(x)
					if p-guard > s.top || p&7 != 0 || !storable(base, p) {
						goto slow
					}
					*(*uint64)(unsafe.Add(base, p)) = in.b(x)
				case doLdAddi:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, *(*uint64)(unsafe.Add(base, p)))
					in = in.next()
					in.set(x, in.a(x)+in.simm())
				case doLbuAddi:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					in.set(x, uint64(*(*uint8)(unsafe.Add(base, p))))
					in = in.next()
					in.set(x, in.a(x)+in.simm())
				case doLbuBne:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					v := uint64(*(*uint8)(unsafe.Add(base, p)))
					in.set(x, v)
					in = in.next()
					in = in.branch(v != in.b(x))
					continue blocks
				case doLwBeq:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					v := uint64(int64(*(*int32)(unsafe.Add(base, p))))
					in.set(x, v)
					in = in.next()
					in = in.branch(v == in.b(x))
					continue blocks
				case doLdBne:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					v := *(*uint64)(unsafe.Add(base, p))
					in.set(x, v)
					in = in.next()
					in = in.branch(v != in.b(x))
					continue blocks
				case doAddiBlt:
					in.set(x, in.a(x)+in.simm())
					in = in.next()
					in = in.branch(int64(in.a(x)) < int64(in.b(x)))
					continue blocks
				case doMvJalr:
					in.set(x, in.a(x))
					in = in.next()
					pc = in.addr(x) & s.seg.mask &^ 1
					in.set(x, in.link(s.seg))
					if to := s.seg.at(pc); to != nil {
						in = to
						continue blocks
					}
					continue find
				case doLwAdd:
					p := in.addr(x)
					if p-guard > s.top {
						goto slow
					}
					v := uint64(int64(*(*int32)(unsafe.Add(base, p))))
					in.set(x, v)
					in = in.next()
					in.set(x, v+in.b(x))
				case doAddLbu:
					v := in.a(x) + in.b(x)
					in.set(x, v)
					in = in.next()
					v += in.simm()
					if v-guard > s.top {
						goto slow
					}
					in.set(x, uint64(*(*uint8)(unsafe.Add(base, v))))
				case doAddLw:
					v := in.a(x) + in.b(x)
					in.set(x, v)
					in = in.next()
					v += in.simm()
					if v-guard > s.top {
						goto slow
					}
					in.set(x, uint64(int64(*(*int32)(unsafe.Add(base, v)))))
				case doAddLd:
					v := in.a(x) + in.b(x)
					in.set(x, v)
					in = in.next()
					v += in.simm()
					if v-guard > s.top {
						goto slow
					}
					in.set(x, *(*uint64)(unsafe.Add(base, v)))
				case doAddSb:
					v := in.a(x) + in.b(x)
					in.set(x, v)
					in = in.next()
					v += in.simm()
					if v-guard > s.top || !storable(base, v) {
						goto slow
					}
					*(*uint8)(unsafe.Add(base, v)) = uint8(in.b(x))
				case doAddJr:
					v := in.a(x) + in.b(x)
					in.set(x, v)
					in = in.next()
					pc = (v + in.simm()) & s.seg.mask &^ 1
					if to := s.seg.at(pc); to != nil {
						in = to
						continue blocks
					}
					continue find
				case doAddiAdd:
					in.set(x, in.a(x)+in.simm())
					in = in.next()
					in.set(x, in.a(x)+in.b(x))
				case doAddiAddi:
					in.set(x, in.a(x)+in.simm())
					in = in.next()
					in.set(x, in.a(x)+in.simm())
				case doMvMv:
					in.set(x, in.a(x))
					in = in.next()
					in.set(x, in.a(x))
				case doAddiSd:
					in.set(x, in.a(x)+in.simm())
					in = in.next()
					p := in.addr(x)
					if p-guard > s.top || p&7 != 0 || !storable(base, p) {
						goto slow
					}
					*(*uint64)(unsafe.Add(base, p)) = in.b(x)
				case doAddiBne:
					in.set(x, in.a(x)+in.simm())
					in = in.next()
					in = in.branch(in.a(x) != in.b(x))
					continue blocks
				case doAddiBltu:
					in.set(x, in.a(x)+in.simm())
					in = in.next()
					in = in.branch(in.a(x) < in.b(x))
					continue blocks
				case doAddBne:
					in.set(x, in.a(x)+in.b(x))
					in = in.next()
					in = in.branch(in.a(x) != in.b(x))
					continue blocks
				case doAndiBne:
					in.set(x, in.a(x)&in.simm())
					in = in.next()
					in = in.branch(in.a(x) != in.b(x))
					continue blocks
				case doSlliAdd:
					v := in.a(x) << (uint(in.imm) & 63)
					in.set(x, v)
					in = in.next()
					in.set(x, v+in.b(x))
				case doSlliSrli:
					v := in.a(x) << (uint(in.imm) & 63)
					in.set(x, v)
					in = in.next()
					in.set(x, v>>(uint(in.imm)&63))
				case doFmulFaddD:
					if !float.Quick(s.fcsr) || !in.putD(x, in.da(x)*in.db(x)) {
						goto slow
					}
					in = in.next()
					if !in.putD(x, in.da(x)+in.db(x)) {
						goto slow
					}
				case doFmulFmulD:
					if !float.Quick(s.fcsr) || !in.putD(x, in.da(x)*in.db(x)) {
						goto slow
					}
					in = in.next()
					if !in.putD(x, in.da(x)*in.db(x)) {
						goto slow
					}
				}
				continue
			slow:
				// The variables are handed over and taken back, not kept across the
				// call, for which the compiler would save them at every turn.
				s.at, s.left = in, fuel
				end := s.slow(mem)
				in, fuel = s.at, s.left
				switch end {
				case newBlock:
					continue blocks
				case lookUp:
					pc = s.PC
					continue find
				case over:
					return s.exit
				}
			}
		}
	}
}
