package a64

import (
	"fmt"
	"math/bits"
	"strings"
)

// Operands that exercise every field.
var (
	someRegs = []Reg{0, 1, 7, 15, 16, 27, 30}
	someVs   = []V{0, 3, 8, 17, 31}
	conds    = strings.Fields("eq ne cs cc mi pl vs vc hi ls ge lt gt le")
)

func name(w bool, r Reg) string {
	letter := "w"
	if w {
		letter = "x"
	}
	if r == ZR {
		return letter + "zr"
	}
	return fmt.Sprintf("%s%d", letter, r)
}

// fname is the name of a scalar.
func fname(double bool, v V) string {
	if double {
		return fmt.Sprintf("d%d", v)
	}
	return fmt.Sprintf("s%d", v)
}

// recorder collects encodings.
type recorder struct{ list []encoding }

// add has f write instructions, which mean what the format says.
func (r *recorder) add(f func(*Asm), format string, args ...any) {
	var a Asm
	f(&a)
	r.list = append(r.list, encoding{fmt.Sprintf(format, args...), a.Out})
}

// triples calls f with registers so that each of someRegs is in each place.
func triples(f func(w bool, d, n, m Reg)) {
	k := len(someRegs)
	for i, d := range someRegs {
		n, m := someRegs[(i+2)%k], someRegs[(i+5)%k]
		f(true, d, n, m)
		f(false, m, d, n)
	}
}

// vtriples is triples for vector registers, with both widths.
func vtriples(f func(double bool, d, n, m V)) {
	k := len(someVs)
	for i, d := range someVs {
		n, m := someVs[(i+1)%k], someVs[(i+3)%k]
		f(true, d, n, m)
		f(false, d, n, m)
	}
}

// encodings calls every method of the encoder.
func encodings() []encoding {
	r := new(recorder)
	for _, part := range []func(*recorder){registers, immediates, constants, fields, products, accesses, jumps, scalars, conversions, vectors, systems} {
		part(r)
	}
	return r.list
}

func registers(r *recorder) {
	ops := []struct {
		name string
		op   Alu
	}{
		{"add", ADD}, {"adds", ADDS}, {"sub", SUB}, {"subs", SUBS}, {"and", AND}, {"bic", BIC},
		{"orr", ORR}, {"orn", ORN}, {"eor", EOR}, {"eon", EON}, {"ands", ANDS},
	}
	for _, o := range ops {
		triples(func(w bool, d, n, m Reg) {
			text := fmt.Sprintf("%s %s, %s, %s", o.name, name(w, d), name(w, n), name(w, m))
			r.add(func(a *Asm) { a.Alu(o.op, w, d, n, m) }, "%s", text)
			r.add(func(a *Asm) { a.AluShift(o.op, w, d, n, m, LSL, 3) }, "%s, lsl #3", text)
			r.add(func(a *Asm) { a.AluShift(o.op, w, d, n, m, LSR, 31) }, "%s, lsr #31", text)
			r.add(func(a *Asm) { a.AluShift(o.op, w, d, n, m, ASR, 1) }, "%s, asr #1", text)
		})
	}
	triples(func(w bool, d, n, m Reg) {
		r.add(func(a *Asm) { a.Mov(w, d, n) }, "mov %s, %s", name(w, d), name(w, n))
		r.add(func(a *Asm) { a.Alu(SUBS, w, ZR, n, m) }, "cmp %s, %s", name(w, n), name(w, m))
		r.add(func(a *Asm) { a.Alu(SUBS, w, ZR, ZR, m) }, "cmp %s, %s", name(w, ZR), name(w, m))
		r.add(func(a *Asm) { a.Alu(SUB, w, d, ZR, m) }, "neg %s, %s", name(w, d), name(w, m))
		r.add(func(a *Asm) { a.Alu(ORN, w, d, ZR, m) }, "mvn %s, %s", name(w, d), name(w, m))
		r.add(func(a *Asm) { a.AddLow(d, n, m, 0) }, "add %s, %s, %s, uxtw", name(true, d), name(true, n), name(false, m))
		r.add(func(a *Asm) { a.AddLow(d, n, m, 3) }, "add %s, %s, %s, uxtw #3", name(true, d), name(true, n), name(false, m))
		for i, op := range strings.Fields("lsl lsr asr ror") {
			sh := Shift(i)
			r.add(func(a *Asm) { a.ShiftReg(sh, w, d, n, m) }, "%s %s, %s, %s", op, name(w, d), name(w, n), name(w, m))
			r.add(func(a *Asm) { a.ShiftImm(sh, w, d, n, 31) }, "%s %s, %s, #31", op, name(w, d), name(w, n))
			r.add(func(a *Asm) { a.ShiftImm(sh, w, d, n, 1) }, "%s %s, %s, #1", op, name(w, d), name(w, n))
		}
		for i, op := range strings.Fields("rbit clz rev") {
			u := []Unary{RBIT, CLZ, REV}[i]
			r.add(func(a *Asm) { a.Unary(u, w, d, n) }, "%s %s, %s", op, name(w, d), name(w, n))
		}
	})
	for i, cond := range conds {
		c := Cond(i)
		w, d, n, m := i%2 == 0, someRegs[i%7], someRegs[(i+3)%7], someRegs[(i+1)%7]
		r.add(func(a *Asm) { a.Select(CSEL, w, d, n, m, c) }, "csel %s, %s, %s, %s", name(w, d), name(w, n), name(w, m), cond)
		r.add(func(a *Asm) { a.Select(CSINC, w, d, n, m, c) }, "csinc %s, %s, %s, %s", name(w, d), name(w, n), name(w, m), cond)
		r.add(func(a *Asm) { a.Select(CSINV, w, d, n, m, c) }, "csinv %s, %s, %s, %s", name(w, d), name(w, n), name(w, m), cond)
		r.add(func(a *Asm) { a.Set(d, c) }, "cset %s, %s", name(true, d), cond)
	}
}

func immediates(r *recorder) {
	for _, o := range []struct {
		name string
		op   Alu
	}{{"add", ADD}, {"adds", ADDS}, {"sub", SUB}, {"subs", SUBS}} {
		for _, v := range []uint64{1, 0x7ff, 0xfff} {
			triples(func(w bool, d, n, _ Reg) {
				r.add(func(a *Asm) { a.AluImm(o.op, w, d, n, v) }, "%s %s, %s, #%#x", o.name, name(w, d), name(w, n), v)
				r.add(func(a *Asm) { a.AluImm(o.op, w, d, n, v<<12) }, "%s %s, %s, #%#x, lsl #12", o.name, name(w, d), name(w, n), v)
			})
		}
	}
	triples(func(w bool, _, n, _ Reg) {
		r.add(func(a *Asm) { a.AluImm(SUBS, w, ZR, n, 77) }, "cmp %s, #0x4d", name(w, n))
		r.add(func(a *Asm) { a.AluImm(ADDS, w, ZR, n, 77) }, "cmn %s, #0x4d", name(w, n))
	})
	k := 0
	pattern := func(w bool, v uint64) {
		op := []Alu{AND, ORR, EOR, ANDS}[k%4]
		d, n := someRegs[k%7], someRegs[(k+3)%7]
		k++
		r.add(func(a *Asm) { a.LogicImm(op, w, d, n, v) }, "%s %s, %s, #%#x", []string{"and", "orr", "eor", "ands"}[(k-1)%4], name(w, d), name(w, n), v)
	}
	for size := 2; size <= 64; size *= 2 {
		for _, ones := range []int{1, size / 2, size - 1} {
			for _, turn := range []int{0, 1, size - 1} {
				e := uint64(1)<<ones - 1
				e = (e>>turn | e<<(size-turn)) & (^uint64(0) >> (64 - size))
				v := uint64(0)
				for at := 0; at < 64; at += size {
					v |= e << at
				}
				pattern(true, v)
				if size <= 32 {
					pattern(false, v&(1<<32-1))
				}
			}
		}
	}
}

// constants writes each constant and spells out how many instructions of which
// kind it takes.
func constants(r *recorder) {
	r.add(func(a *Asm) { a.MovImm(1, 0) }, "mov x1, #0x0")
	r.add(func(a *Asm) { a.MovImm(2, -1) }, "mov x2, #0xffffffffffffffff")
	r.add(func(a *Asm) { a.MovImm(3, 0xffff) }, "mov x3, #0xffff")
	r.add(func(a *Asm) { a.MovImm(4, 0x10000) }, "mov x4, #0x10000")
	r.add(func(a *Asm) { a.MovImm(5, -2048) }, "mov x5, #0xfffffffffffff800")
	r.add(func(a *Asm) { a.MovImm(6, 0x12345678) }, "mov x6, #0x5678; movk x6, #0x1234, lsl #16")
	r.add(func(a *Asm) { a.MovImm(7, -0x12345678) }, "mov x7, #0xffffffffffffa988; movk x7, #0xedcb, lsl #16")
	r.add(func(a *Asm) { a.MovImm(8, 0x7ff0<<48) }, "mov x8, #0x7ff0000000000000")
	r.add(func(a *Asm) { a.MovImm(9, -1<<31) }, "mov x9, #0xffffffff80000000")
	r.add(func(a *Asm) { a.MovImm(10, 1<<31-1) }, "mov x10, #0x7fffffff")
	r.add(func(a *Asm) { a.MovImm(11, 0x0001_0002_0003_0004) }, "mov x11, #0x4; movk x11, #0x3, lsl #16; movk x11, #0x2, lsl #32; movk x11, #0x1, lsl #48")
	r.add(func(a *Asm) { a.MovImm(12, -1<<63) }, "mov x12, #0x8000000000000000")
	r.add(func(a *Asm) { a.MovImm(13, -1>>1&^0xffff|0x1234) }, "mov x13, #0xffffffffffff1234")
	r.add(func(a *Asm) { a.MovImm(14, 1<<63-1) }, "mov x14, #0x7fffffffffffffff")
}

func fields(r *recorder) {
	triples(func(w bool, d, n, m Reg) {
		x, y := name(w, d), name(w, n)
		r.add(func(a *Asm) { a.Field(false, w, d, n, 5, 7) }, "ubfx %s, %s, #5, #7", x, y)
		r.add(func(a *Asm) { a.Field(true, w, d, n, 5, 7) }, "sbfx %s, %s, #5, #7", x, y)
		r.add(func(a *Asm) { a.Insert(false, w, d, n, 5, 7) }, "ubfiz %s, %s, #5, #7", x, y)
		r.add(func(a *Asm) { a.Insert(true, w, d, n, 5, 7) }, "sbfiz %s, %s, #5, #7", x, y)
		r.add(func(a *Asm) { a.Insert(false, true, d, n, 63, 1) }, "lsl %s, %s, #63", name(true, d), name(true, n))
		r.add(func(a *Asm) { a.Insert(true, true, d, n, 1, 31) }, "sbfiz %s, %s, #1, #31", name(true, d), name(true, n))
		r.add(func(a *Asm) { a.SignWord(d, n) }, "sxtw %s, %s", name(true, d), name(false, n))
		r.add(func(a *Asm) { a.Field(true, true, d, n, 0, 8) }, "sxtb %s, %s", name(true, d), name(false, n))
		r.add(func(a *Asm) { a.Field(true, true, d, n, 0, 16) }, "sxth %s, %s", name(true, d), name(false, n))
		r.add(func(a *Asm) { a.Field(false, false, d, n, 0, 16) }, "uxth %s, %s", name(false, d), name(false, n))
		r.add(func(a *Asm) { a.Extract(w, d, n, m, 31) }, "extr %s, %s, %s, #31", x, y, name(w, m))
	})
}

func products(r *recorder) {
	triples(func(w bool, d, n, m Reg) {
		r.add(func(a *Asm) { a.Product(MUL, w, d, n, m) }, "mul %s, %s, %s", name(w, d), name(w, n), name(w, m))
		r.add(func(a *Asm) { a.Product(UDIV, w, d, n, m) }, "udiv %s, %s, %s", name(w, d), name(w, n), name(w, m))
		r.add(func(a *Asm) { a.Product(SDIV, w, d, n, m) }, "sdiv %s, %s, %s", name(w, d), name(w, n), name(w, m))
		r.add(func(a *Asm) { a.Product(SMULL, true, d, n, m) }, "smull %s, %s, %s", name(true, d), name(false, n), name(false, m))
		r.add(func(a *Asm) { a.Product(UMULL, true, d, n, m) }, "umull %s, %s, %s", name(true, d), name(false, n), name(false, m))
		r.add(func(a *Asm) { a.Product(SMULH, true, d, n, m) }, "smulh %s, %s, %s", name(true, d), name(true, n), name(true, m))
		r.add(func(a *Asm) { a.Product(UMULH, true, d, n, m) }, "umulh %s, %s, %s", name(true, d), name(true, n), name(true, m))
		r.add(func(a *Asm) { a.MulSub(w, d, n, m, 9) }, "msub %s, %s, %s, %s", name(w, d), name(w, n), name(w, m), name(w, 9))
	})
}

func accesses(r *recorder) {
	list := []struct {
		name   string
		x      Access
		letter string
	}{
		{"ldrb", LDRB, "w"}, {"ldrsb", LDRSB, "x"}, {"ldrh", LDRH, "w"}, {"ldrsh", LDRSH, "x"}, {"ldr", LDRW, "w"}, {"ldrsw", LDRSW, "x"}, {"ldr", LDR, "x"},
		{"strb", STRB, "w"}, {"strh", STRH, "w"}, {"str", STRW, "w"}, {"str", STR, "x"},
		{"ldr", LDRFS, "s"}, {"ldr", LDRFD, "d"}, {"str", STRFS, "s"}, {"str", STRFD, "d"},
	}
	for _, o := range list {
		size := 1 << o.x.scale
		unscaled := o.name[:2] + "u" + o.name[2:]
		for i, off := range []int{0, size, 4095 * size, -1, -256, 255, 256} {
			t, base := someRegs[i], someRegs[(i+4)%7]
			op, text := o.name, fmt.Sprintf(", #%d", off)
			if off < 0 || off%size != 0 {
				op = unscaled
			}
			if off == 0 {
				text = ""
			}
			if !o.x.Reaches(off) {
				continue
			}
			v := V(t)
			r.add(func(a *Asm) { a.Access(o.x, t, base, off) }, "%s %s%d, [x%d%s]", op, o.letter, t, base, text)
			if o.letter == "s" || o.letter == "d" {
				r.add(func(a *Asm) { a.AccessV(o.x, v, base, off) }, "%s %s%d, [x%d%s]", op, o.letter, t, base, text)
			}
			r.add(func(a *Asm) { a.AccessIndexed(o.x, t, base, 9) }, "%s %s%d, [x%d, x9]", o.name, o.letter, t, base)
		}
	}
	triples(func(_ bool, t, base, u Reg) {
		if t == u {
			return
		}
		r.add(func(a *Asm) { a.Pair(LDP, t, u, base, -512) }, "ldp x%d, x%d, [x%d, #-512]", t, u, base)
		r.add(func(a *Asm) { a.Pair(STP, t, u, base, 504) }, "stp x%d, x%d, [x%d, #504]", t, u, base)
		r.add(func(a *Asm) { a.Pair(LDPF, t, u, base, 504) }, "ldp d%d, d%d, [x%d, #504]", t, u, base)
		r.add(func(a *Asm) { a.Pair(STPF, t, u, base, -8) }, "stp d%d, d%d, [x%d, #-8]", t, u, base)
		r.add(func(a *Asm) { a.Pair(PUSH, t, u, base, -16) }, "stp x%d, x%d, [x%d, #-16]!", t, u, base)
		r.add(func(a *Asm) { a.Pair(POP, t, u, base, 16) }, "ldp x%d, x%d, [x%d], #16", t, u, base)
	})
}

func jumps(r *recorder) {
	for _, to := range []int{0, 4, -4, 1<<20 - 4, -1 << 20} {
		r.add(func(a *Asm) { a.JmpTo(to) }, "b %+d", to)
		r.add(func(a *Asm) { a.Patch(a.Call(), to) }, "bl %+d", to)
		r.add(func(a *Asm) { a.Patch(a.Bzero(true, true, 3), to) }, "cbz x3, %+d", to)
		r.add(func(a *Asm) { a.Patch(a.Bzero(false, false, 30), to) }, "cbnz w30, %+d", to)
		r.add(func(a *Asm) { a.Patch(a.Adr(17), to|3) }, "adr x17, %+d", to|3)
	}
	for _, to := range []int{1<<27 - 4, -1 << 27} {
		r.add(func(a *Asm) { a.JmpTo(to) }, "b %+d", to)
		r.add(func(a *Asm) { a.Patch(a.Call(), to) }, "bl %+d", to)
	}
	for _, page := range []int{0, 1, -1, 7, 4095, -4096} {
		r.add(func(a *Asm) { a.AdrPage(17, page<<12+8) }, "adrp x17, %+d", page<<12)
	}
	for i, c := range conds {
		r.add(func(a *Asm) { a.JccTo(Cond(i), 1<<20-4) }, "b.%s %+d", c, 1<<20-4)
		r.add(func(a *Asm) { a.Patch(a.Jcc(Cond(i).Not()), -1<<20) }, "b.%s %+d", conds[i^1], -1<<20)
	}
	for _, x := range someRegs {
		r.add(func(a *Asm) { a.Br(x) }, "br x%d", x)
		r.add(func(a *Asm) { a.Blr(x) }, "blr x%d", x)
	}
	r.add(func(a *Asm) { a.Ret() }, "ret")
	r.add(func(a *Asm) { a.Nop(); a.Align(16) }, "nop; nop; nop; nop")
}

func scalars(r *recorder) {
	for _, o := range []struct {
		name string
		op   Scalar
	}{{"fmul", FMUL}, {"fdiv", FDIV}, {"fadd", FADD}, {"fsub", FSUB}, {"fmaxnm", FMAXNM}, {"fminnm", FMINNM}} {
		vtriples(func(double bool, d, n, m V) {
			r.add(func(a *Asm) { a.Scalar(o.op, double, d, n, m) }, "%s %s, %s, %s", o.name, fname(double, d), fname(double, n), fname(double, m))
		})
	}
	for _, o := range []struct {
		name string
		op   Scalar
	}{{"fmov", FMOV}, {"fabs", FABS}, {"fneg", FNEG}, {"fsqrt", FSQRT}} {
		vtriples(func(double bool, d, n, _ V) {
			r.add(func(a *Asm) { a.Scalar(o.op, double, d, n, 0) }, "%s %s, %s", o.name, fname(double, d), fname(double, n))
		})
	}
	for _, o := range []struct {
		name string
		op   Scalar
	}{{"fmadd", FMADD}, {"fmsub", FMSUB}, {"fnmadd", FNMADD}, {"fnmsub", FNMSUB}} {
		vtriples(func(double bool, d, n, m V) {
			r.add(func(a *Asm) { a.Fused(o.op, double, d, n, m, 29) }, "%s %s, %s, %s, %s", o.name, fname(double, d), fname(double, n), fname(double, m), fname(double, 29))
		})
	}
	vtriples(func(double bool, d, n, _ V) {
		r.add(func(a *Asm) { a.Compare(double, d, n) }, "fcmp %s, %s", fname(double, d), fname(double, n))
		r.add(func(a *Asm) { a.CompareE(double, d, n) }, "fcmpe %s, %s", fname(double, d), fname(double, n))
		r.add(func(a *Asm) { a.Widen(d, n) }, "fcvt d%d, s%d", d, n)
		r.add(func(a *Asm) { a.Shorten(d, n) }, "fcvt s%d, d%d", d, n)
	})
}

func conversions(r *recorder) {
	for i, g := range someRegs {
		for _, double := range []bool{false, true} {
			v := someVs[i%5]
			r.add(func(a *Asm) { a.MovToV(double, v, g) }, "fmov %s, %s", fname(double, v), name(double, g))
			r.add(func(a *Asm) { a.MovFromV(double, g, v) }, "fmov %s, %s", name(double, g), fname(double, v))
			for _, w := range []bool{false, true} {
				r.add(func(a *Asm) { a.FromInt(double, w, false, v, g) }, "scvtf %s, %s", fname(double, v), name(w, g))
				r.add(func(a *Asm) { a.FromInt(double, w, true, v, g) }, "ucvtf %s, %s", fname(double, v), name(w, g))
				for k, how := range []Round{ToEven, ToAway, Up, Down, ToZero} {
					letter := "napmz"[k]
					r.add(func(a *Asm) { a.ToInt(how, double, w, false, g, v) }, "fcvt%cs %s, %s", letter, name(w, g), fname(double, v))
					r.add(func(a *Asm) { a.ToInt(how, double, w, true, g, v) }, "fcvt%cu %s, %s", letter, name(w, g), fname(double, v))
				}
			}
		}
		v := someVs[i%5]
		r.add(func(a *Asm) { a.UpperWord(g, v) }, "mov w%d, v%d.s[1]", g, v)
		r.add(func(a *Asm) { a.UpperHalf(g, v) }, "mov x%d, v%d.d[1]", g, v)
	}
}

func vectors(r *recorder) {
	for _, o := range []struct {
		name string
		op   Vec
	}{{"and", VAND}, {"bic", VBIC}, {"orr", VORR}, {"eor", VEOR}, {"bit", VBIT}, {"cmtst", VCMTST}} {
		vtriples(func(_ bool, d, n, m V) {
			r.add(func(a *Asm) { a.Vec(o.op, d, n, m) }, "%s v%d.8b, v%d.8b, v%d.8b", o.name, d, n, m)
		})
	}
	vtriples(func(_ bool, d, n, m V) {
		r.add(func(a *Asm) { a.Vec(VCNT, d, n, 0) }, "cnt v%d.8b, v%d.8b", d, n)
		r.add(func(a *Asm) { a.Vec(VADDV, d, n, 0) }, "addv b%d, v%d.8b", d, n)
		r.add(func(a *Asm) { a.Vec(VPMULL, d, n, m) }, "pmull v%d.1q, v%d.1d, v%d.1d", d, n, m)
	})
	for _, mask := range []uint8{0, 1, 0x80, 0xf0, 0x55, 0xff} {
		v := uint64(0)
		for m := mask; m != 0; m &= m - 1 {
			v |= 0xff << (8 * bits.TrailingZeros8(m))
		}
		r.add(func(a *Asm) { a.MovBytes(V(mask&31), mask) }, "movi d%d, #%#x", mask&31, v)
	}
}

func systems(r *recorder) {
	for _, x := range someRegs {
		r.add(func(a *Asm) { a.SetSystem(FPCR, x) }, "msr fpcr, x%d", x)
		r.add(func(a *Asm) { a.SetSystem(FPSR, x) }, "msr fpsr, x%d", x)
		r.add(func(a *Asm) { a.GetSystem(x, FPCR) }, "mrs x%d, fpcr", x)
		r.add(func(a *Asm) { a.GetSystem(x, FPSR) }, "mrs x%d, fpsr", x)
	}
	r.add(func(a *Asm) { a.SetSystem(FPSR, ZR) }, "msr fpsr, xzr")
}
