package x64

import (
	"fmt"
	"strings"
)

// Operands that exercise every form: registers that need a prefix, bases that
// need a SIB byte or a displacement, and the three sizes of displacements.
var (
	someRegs = []Reg{RAX, RSP, RBP, RSI, R8, R12, R13, R15}
	someXmms = []Xmm{0, 5, 7, 8, 15}
	someMems = []Mem{
		At(RAX, 0), At(RSP, 0), At(RBP, 0), At(R12, 0), At(R13, 0), At(R15, -128), At(RSP, 127), At(RBP, 128), At(R12, -129), At(R13, 8), At(RBX, 1<<30),
		Indexed(RAX, RCX, 1, 0), Indexed(RBP, RBP, 2, 0), Indexed(R13, R12, 4, 0), Indexed(RSP, R15, 8, -4), Indexed(R12, RAX, 1, 4096), Indexed(RBX, R9, 8, -1<<31),
	}
)

var (
	names64 = strings.Fields("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15")
	names32 = strings.Fields("eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d")
	names16 = strings.Fields("ax cx dx bx sp bp si di r8w r9w r10w r11w r12w r13w r14w r15w")
	names8  = strings.Fields("al cl dl bl spl bpl sil dil r8b r9b r10b r11b r12b r13b r14b r15b")
	sizes   = map[int]string{1: "BYTE", 2: "WORD", 4: "DWORD", 8: "QWORD", 16: "XMMWORD"}
	conds   = strings.Fields("o no b ae e ne be a s ns p np l ge le g")
)

func name(size int, r Reg) string {
	return map[int][]string{1: names8, 2: names16, 4: names32, 8: names64}[size][r]
}

func wide(w bool) int {
	if w {
		return 8
	}
	return 4
}

func xmm(x Xmm) string { return fmt.Sprintf("xmm%d", x) }

// address is how objdump prints a memory operand.
func address(m Mem) string {
	t := names64[m.Base]
	if m.Scale != 0 {
		t += fmt.Sprintf("+%s*%d", names64[m.Index], m.Scale)
	}
	switch base := m.Base & 7; {
	case m.Disp > 0 || m.Disp == 0 && base == 5:
		t += fmt.Sprintf("+%#x", m.Disp)
	case m.Disp < 0:
		t += fmt.Sprintf("-%#x", -int64(m.Disp))
	}
	return "[" + t + "]"
}

func memory(size int, m Mem) string { return sizes[size] + " PTR " + address(m) }

// hexImm is how objdump prints a sign-extended immediate of an operation on
// size bytes.
func hexImm(size int, v int64) string {
	return fmt.Sprintf("%#x", uint64(v)&(1<<(8*size-1)<<1-1))
}

// recorder collects encodings.
type recorder struct{ list []encoding }

// add has f write one instruction, which means what the format says.
func (r *recorder) add(f func(*Asm), format string, args ...any) {
	var a Asm
	f(&a)
	r.list = append(r.list, encoding{fmt.Sprintf(format, args...), a.Out})
}

// pairs calls f with registers so that each of someRegs is in both places, and
// every second time for 32 bits.
func pairs(f func(w bool, x, y Reg)) {
	for i, x := range someRegs {
		f(i%2 == 0, x, someRegs[(i+3)%len(someRegs)])
		f(i%2 != 0, x, x)
	}
}

// withMem calls f with each memory operand and some register.
func withMem(f func(w bool, r Reg, m Mem)) {
	for i, m := range someMems {
		f(i%2 == 0, someRegs[i%len(someRegs)], m)
	}
}

// xmms calls f with spread vector registers.
func xmms(f func(x, y, z Xmm)) {
	n := len(someXmms)
	for i, x := range someXmms {
		f(x, someXmms[(i+1)%n], someXmms[(i+3)%n])
	}
}

// encodings calls every method of the encoder.
func encodings() []encoding {
	r := new(recorder)
	for _, part := range []func(*recorder){classic, moves, shifts, bits, jumps, vectors, scalars} {
		part(r)
	}
	return r.list
}

func classic(r *recorder) {
	for op, n := range strings.Fields("add or adc sbb and sub xor cmp") {
		op := Alu(op)
		pairs(func(w bool, x, y Reg) {
			r.add(func(a *Asm) { a.Alu(op, w, x, y) }, "%s %s,%s", n, name(wide(w), x), name(wide(w), y))
		})
		withMem(func(w bool, x Reg, m Mem) {
			s := wide(w)
			r.add(func(a *Asm) { a.AluLoad(op, w, x, m) }, "%s %s,%s", n, name(s, x), memory(s, m))
			r.add(func(a *Asm) { a.AluStore(op, w, m, x) }, "%s %s,%s", n, memory(s, m), name(s, x))
			r.add(func(a *Asm) { a.AluMemImm(op, w, m, -7) }, "%s %s,%s", n, memory(s, m), hexImm(s, -7))
			r.add(func(a *Asm) { a.AluMemImm(op, w, m, 70000) }, "%s %s,%s", n, memory(s, m), hexImm(s, 70000))
		})
		for i, x := range someRegs {
			w := i%2 == 0
			for _, v := range []int32{0, 127, -128, 128, -129, 1 << 30} {
				r.add(func(a *Asm) { a.AluImm(op, w, x, v) }, "%s %s,%s", n, name(wide(w), x), hexImm(wide(w), int64(v)))
			}
		}
	}
	for i, n := range strings.Fields("not neg mul imul div idiv") {
		unary(r, n, NOT+Group3(i))
	}
	pairs(func(w bool, x, y Reg) {
		s := wide(w)
		r.add(func(a *Asm) { a.Imul(w, x, y) }, "imul %s,%s", name(s, x), name(s, y))
		r.add(func(a *Asm) { a.Test(w, x, y) }, "test %s,%s", name(s, x), name(s, y))
	})
	withMem(func(w bool, x Reg, m Mem) {
		r.add(func(a *Asm) { a.ImulLoad(w, x, m) }, "imul %s,%s", name(wide(w), x), memory(wide(w), m))
		r.add(func(a *Asm) { a.TestMem8(m, 0x80) }, "test %s,0x80", memory(1, m))
	})
	for _, x := range someRegs {
		r.add(func(a *Asm) { a.TestImm8(x, 0x81) }, "test %s,0x81", name(1, x))
	}
	r.add(func(a *Asm) { a.SignRAX(true) }, "cqo")
	r.add(func(a *Asm) { a.SignRAX(false) }, "cdq")
}

func unary(r *recorder, n string, op Group3) {
	pairs(func(w bool, x, _ Reg) {
		r.add(func(a *Asm) { a.Unary(op, w, x) }, "%s %s", n, name(wide(w), x))
	})
	withMem(func(w bool, _ Reg, m Mem) {
	})
}

func moves(r *recorder) {
	pairs(func(w bool, x, y Reg) {
		r.add(func(a *Asm) { a.Mov(w, x, y) }, "mov %s,%s", name(wide(w), x), name(wide(w), y))
	})
	for _, x := range someRegs {
		for _, v := range []int64{0, 1, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
			r.add(func(a *Asm) { a.MovImm(x, v) }, "mov %s,%#x", name(4, x), v)
		}
		for _, v := range []int64{-1, -1 << 31} {
			r.add(func(a *Asm) { a.MovImm(x, v) }, "mov %s,%#x", name(8, x), uint64(v))
		}
		for _, v := range []int64{1 << 32, -1<<31 - 1, -1 << 63} {
			r.add(func(a *Asm) { a.MovImm(x, v) }, "movabs %s,%#x", name(8, x), uint64(v))
		}
		r.add(func(a *Asm) { a.Push(x) }, "push %s", name(8, x))
	}
	withMem(func(w bool, x Reg, m Mem) {
		s := wide(w)
		r.add(func(a *Asm) { a.Load(w, x, m) }, "mov %s,%s", name(s, x), memory(s, m))
		r.add(func(a *Asm) { a.Lea(w, x, m) }, "lea %s,%s", name(s, x), address(m))
		for _, s := range []int{1, 2, 4, 8} {
			r.add(func(a *Asm) { a.Store(s, m, x) }, "mov %s,%s", memory(s, m), name(s, x))
			r.add(func(a *Asm) { a.StoreImm(s, m, -2) }, "mov %s,%s", memory(s, m), hexImm(s, -2))
		}
	})
	for i, x := range someRegs {
		y := someRegs[(i+5)%len(someRegs)]
		if y == RSP {
			y = RDI
		}
		for _, scale := range []uint8{1, 2, 4, 8} {
			r.add(func(a *Asm) { a.LeaIndex(i%2 == 0, x, y, scale, -16) }, "lea %s,[%s*%d-0x10]", name(wide(i%2 == 0), x), name(8, y), scale)
		}
	}
	for e, n := range []struct {
		name     string
		dst, src int
	}{{"movzx", 4, 1}, {"movzx", 4, 2}, {"movsx", 8, 1}, {"movsx", 8, 2}, {"movsxd", 8, 4}} {
		e := Extend(e)
		pairs(func(_ bool, x, y Reg) {
			r.add(func(a *Asm) { a.MovExtend(e, x, y) }, "%s %s,%s", n.name, name(n.dst, x), name(n.src, y))
		})
		withMem(func(_ bool, x Reg, m Mem) {
			r.add(func(a *Asm) { a.LoadExtend(e, x, m) }, "%s %s,%s", n.name, name(n.dst, x), memory(n.src, m))
		})
	}
}

func shifts(r *recorder) {
	for i, op := range []Shift{ROL, ROR, SHL, SHR, SAR} {
		n := strings.Fields("rol ror shl shr sar")[i]
		pairs(func(w bool, x, _ Reg) {
			s := name(wide(w), x)
			r.add(func(a *Asm) { a.ShiftImm(op, w, x, 1) }, "%s %s,1", n, s)
			r.add(func(a *Asm) { a.ShiftImm(op, w, x, 31) }, "%s %s,0x1f", n, s)
		})
		if op < SHL {
			continue
		}
		pairs(func(w bool, x, y Reg) {
			s := wide(w)
			r.add(func(a *Asm) { a.Shiftx(op, w, x, y, R9) }, "%sx %s,%s,%s", n, name(s, x), name(s, y), name(s, R9))
			r.add(func(a *Asm) { a.Shiftx(op, w, R10, x, y) }, "%sx %s,%s,%s", n, name(s, R10), name(s, x), name(s, y))
		})
		withMem(func(w bool, x Reg, m Mem) {
			s := wide(w)
			r.add(func(a *Asm) { a.ShiftxLoad(op, w, x, m, RBX) }, "%sx %s,%s,%s", n, name(s, x), memory(s, m), name(s, RBX))
		})
	}
	pairs(func(w bool, x, y Reg) {
		s := wide(w)
		r.add(func(a *Asm) { a.Rorx(w, x, y, 13) }, "rorx %s,%s,0xd", name(s, x), name(s, y))
		r.add(func(a *Asm) { a.Andn(w, x, y, R11) }, "andn %s,%s,%s", name(s, x), name(s, y), name(s, R11))
		r.add(func(a *Asm) { a.Andn(w, RDX, x, y) }, "andn %s,%s,%s", name(s, RDX), name(s, x), name(s, y))
	})
}

func bits(r *recorder) {
	for i, op := range []Count{LZCNT, TZCNT, POPCNT} {
		n := strings.Fields("lzcnt tzcnt popcnt")[i]
		pairs(func(w bool, x, y Reg) {
			r.add(func(a *Asm) { a.Count(op, w, x, y) }, "%s %s,%s", n, name(wide(w), x), name(wide(w), y))
		})
	}
	for i, n := range strings.Fields("bt bts btr btc") {
		op := BT + Bit(i)
		pairs(func(w bool, x, y Reg) {
			r.add(func(a *Asm) { a.BitReg(op, w, x, y) }, "%s %s,%s", n, name(wide(w), x), name(wide(w), y))
			r.add(func(a *Asm) { a.BitImm(op, w, x, 31) }, "%s %s,0x1f", n, name(wide(w), x))
		})
	}
	pairs(func(w bool, x, _ Reg) {
		r.add(func(a *Asm) { a.Bswap(w, x) }, "bswap %s", name(wide(w), x))
	})
	for i, n := range conds {
		c := Cond(i)
		x := someRegs[i%len(someRegs)]
		y := someRegs[(i+i/8)%len(someRegs)]
		m := someMems[i%len(someMems)]
		w := i%3 != 0
		s := wide(w)
		r.add(func(a *Asm) { a.Set(c, x) }, "set%s %s", n, name(1, x))
		r.add(func(a *Asm) { a.Cmov(c, w, x, y) }, "cmov%s %s,%s", n, name(s, x), name(s, y))
		r.add(func(a *Asm) { a.CmovLoad(c, w, x, m) }, "cmov%s %s,%s", n, name(s, x), memory(s, m))
		r.add(func(a *Asm) { a.Patch(a.Jcc(c), 1000) }, "j%s +1000", n)
		r.add(func(a *Asm) { a.Patch(a.Jcc(c.Not()), -1000) }, "j%s -1000", conds[i^1])
		r.add(func(a *Asm) { a.JccTo(c, 0) }, "j%s +0", n)
		r.add(func(a *Asm) { a.JccTo(c, -126) }, "j%s -126", n)
		r.add(func(a *Asm) { a.JccTo(c, -127) }, "j%s -127", n)
	}
}

func jumps(r *recorder) {
	r.add(func(a *Asm) { a.Patch(a.Jmp(), 1<<20) }, "jmp +1048576")
	r.add(func(a *Asm) { a.Patch(a.Call(), -5) }, "call -5")
	r.add(func(a *Asm) { a.JmpTo(0) }, "jmp +0")
	r.add(func(a *Asm) { a.JmpTo(-126) }, "jmp -126")
	r.add(func(a *Asm) { a.JmpTo(-127) }, "jmp -127")
	r.add(func(a *Asm) { a.JmpTo(2) }, "jmp +2")
	for i, short := range []func(*Asm) int{(*Asm).JmpShort, func(a *Asm) int { return a.JccShort(NE) }} {
		r.add(func(a *Asm) {
			at := short(a)
			a.Nop()
			a.PatchShort(at)
		}, "%s +3; nop", []string{"jmp", "jne"}[i])
	}
	for _, x := range someRegs {
		r.add(func(a *Asm) { a.JmpReg(x) }, "jmp %s", name(8, x))
		r.add(func(a *Asm) { a.CallReg(x) }, "call %s", name(8, x))
		r.add(func(a *Asm) { a.LeaRel(x, 4096) }, "lea %s,[rip+%#x] # +4096", name(8, x), 4096-7)
	}
	for _, m := range someMems {
		r.add(func(a *Asm) { a.JmpMem(m) }, "jmp %s", memory(8, m))
	}
	r.add(func(a *Asm) { a.JmpRel(4096) }, "jmp QWORD PTR [rip+0xffa] # +4096")
	r.add(func(a *Asm) { a.CallRel(4096) }, "call QWORD PTR [rip+0xffa] # +4096")
	r.add(func(a *Asm) { a.Ret() }, "ret")
	r.add(func(a *Asm) { a.PushImm(-128) }, "push 0xffffffffffffff80")
	r.add(func(a *Asm) { a.PushImm(127) }, "push 0x7f")
	r.add(func(a *Asm) { a.PushImm(128) }, "push 0x80")
	r.add(func(a *Asm) { a.PushImm(-1 << 31) }, "push 0xffffffff80000000")
	nops := []string{
		"nop", "xchg ax,ax", "nop DWORD PTR [rax]", "nop DWORD PTR [rax+0x0]", "nop DWORD PTR [rax+rax*1+0x0]", "nop WORD PTR [rax+rax*1+0x0]",
		"nop DWORD PTR [rax+0x0]", "nop DWORD PTR [rax+rax*1+0x0]", "nop WORD PTR [rax+rax*1+0x0]", "nop WORD PTR [rax+rax*1+0x0]; nop",
	}
	for i, n := range nops {
		before := 15 - i
		r.add(func(a *Asm) {
			a.Out = make([]byte, before)
			a.Align(16)
			a.Out = a.Out[before:]
		}, "%s", n)
	}
}

func vectors(r *recorder) {
	three := []struct {
		name string
		size int
		op   Vec
	}{
		{"vaddss", 4, AddS}, {"vaddsd", 8, AddD}, {"vsubss", 4, SubS}, {"vsubsd", 8, SubD}, {"vmulss", 4, MulS}, {"vmulsd", 8, MulD},
		{"vdivss", 4, DivS}, {"vdivsd", 8, DivD}, {"vsqrtss", 4, SqrtS}, {"vsqrtsd", 8, SqrtD},
		{"vminss", 4, MinS}, {"vminsd", 8, MinD}, {"vmaxss", 4, MaxS}, {"vmaxsd", 8, MaxD},
		{"vfmadd213ss", 4, Fmadd213S}, {"vfmadd213sd", 8, Fmadd213D}, {"vfmsub213ss", 4, Fmsub213S}, {"vfmsub213sd", 8, Fmsub213D},
		{"vfnmadd213ss", 4, Fnmadd213S}, {"vfnmadd213sd", 8, Fnmadd213D}, {"vfnmsub213ss", 4, Fnmsub213S}, {"vfnmsub213sd", 8, Fnmsub213D},
		{"vcvtss2sd", 4, CvtSD}, {"vcvtsd2ss", 8, CvtDS},
		{"vandpd", 16, AndP}, {"vandnpd", 16, AndnP}, {"vorpd", 16, OrP}, {"vxorpd", 16, XorP}, {"vpcmpeqb", 16, CmpEqB}, {"vpcmpeqd", 16, CmpEqD},
	}
	for _, v := range three {
		xmms(func(x, y, z Xmm) {
			r.add(func(a *Asm) { a.Vec(v.op, x, y, z) }, "%s %s,%s,%s", v.name, xmm(x), xmm(y), xmm(z))
		})
		for i, m := range someMems {
			x, y := someXmms[i%5], someXmms[(i+2)%5]
			r.add(func(a *Asm) { a.VecLoad(v.op, x, y, m) }, "%s %s,%s,%s", v.name, xmm(x), xmm(y), memory(v.size, m))
		}
	}
	for i, n := range strings.Fields("vpclmullqlqdq vpclmulhqlqdq") {
		xmms(func(x, y, z Xmm) {
			r.add(func(a *Asm) { a.VecImm(Pclmul, x, y, z, uint8(i)) }, "%s %s,%s,%s", n, xmm(x), xmm(y), xmm(z))
		})
	}
	xmms(func(x, y, _ Xmm) {
		r.add(func(a *Asm) { a.ShiftX(SHL, x, y, 63) }, "vpsllq %s,%s,0x3f", xmm(x), xmm(y))
		r.add(func(a *Asm) { a.ShiftX(SHR, x, y, 32) }, "vpsrlq %s,%s,0x20", xmm(x), xmm(y))
		r.add(func(a *Asm) { a.MovX(x, y) }, "vmovaps %s,%s", xmm(x), xmm(y))
	})
}

func scalars(r *recorder) {
	for _, double := range []bool{false, true} {
		s, size, load := "s", 4, "vmovd"
		if double {
			s, size, load = "d", 8, "vmovq"
		}
		xmms(func(x, y, _ Xmm) {
			r.add(func(a *Asm) { a.Ucomi(double, x, y) }, "vucomis%s %s,%s", s, xmm(x), xmm(y))
			r.add(func(a *Asm) { a.Comi(double, x, y) }, "vcomis%s %s,%s", s, xmm(x), xmm(y))
		})
		for i, m := range someMems {
			x := someXmms[i%5]
			r.add(func(a *Asm) { a.LoadX(double, x, m) }, "%s %s,%s", load, xmm(x), memory(size, m))
			r.add(func(a *Asm) { a.StoreX(double, m, x) }, "%s %s,%s", load, memory(size, m), xmm(x))
		}
		for i, g := range someRegs {
			x, y := someXmms[i%5], someXmms[(i+1)%5]
			r.add(func(a *Asm) { a.XFromReg(double, x, g) }, "%s %s,%s", load, xmm(x), name(size, g))
			r.add(func(a *Asm) { a.RegFromX(double, g, x) }, "%s %s,%s", load, name(size, g), xmm(x))
			for _, w := range []bool{false, true} {
				gn := name(wide(w), g)
				r.add(func(a *Asm) { a.CvtFromInt(double, w, x, y, g) }, "vcvtsi2s%s %s,%s,%s", s, xmm(x), xmm(y), gn)
				r.add(func(a *Asm) { a.CvtToInt(double, false, w, g, x) }, "vcvts%s2si %s,%s", s, gn, xmm(x))
				r.add(func(a *Asm) { a.CvtToInt(double, true, w, g, x) }, "vcvtts%s2si %s,%s", s, gn, xmm(x))
			}
		}
	}
	for i, g := range someRegs {
		x := someXmms[i%5]
		r.add(func(a *Asm) { a.HighFromX(g, x) }, "vpextrq %s,%s,0x1", name(8, g), xmm(x))
	}
	for _, m := range someMems {
		r.add(func(a *Asm) { a.LoadControl(m) }, "ldmxcsr %s", memory(4, m))
		r.add(func(a *Asm) { a.StoreControl(m) }, "stmxcsr %s", memory(4, m))
	}
}
