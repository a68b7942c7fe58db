package vector

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"fishplate/riscv/float"
	"fishplate/riscv/isa"
)

// randomise fills the registers; with floats, mostly with ordinary numbers.
func (s *State) randomise(r *rand.Rand, floats bool) {
	for i := range s.bytes() {
		s.bytes()[i] = byte(r.Uint32() >> (8 * r.IntN(2)))
	}
	if !floats {
		return
	}
	for i := uint64(0); i < uint64(len(s.bytes()))>>s.sew; i++ {
		if r.IntN(8) != 0 {
			var flags uint8
			v := uint64(r.Int64()>>r.IntN(60)) ^ r.Uint64()&7
			if s.sew == 2 {
				s.set(0, i, 2, uint64(float.FromInt32(v, false, 0, &flags)))
			} else {
				s.set(0, i, 3, float.FromInt64(v, false, 0, &flags))
			}
		}
	}
}

// TestLoopsLikeFunctions compares the loops of common operations with the
// functions of their rules, element by element.
func TestLoopsLikeFunctions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range rules {
		op, rule := isa.OpVector+isa.Op(i), &rules[i]
		if op >= isa.OpVfredusum {
			break // reductions and moves
		}
		for round := range 64 {
			vtype := uint64(round&3)<<3 | uint64(r.IntN(4))
			if !rule.float && loops[i][round&3] == nil || rule.float && (rule.widths != floats || rule.wide != 0 || round&3 < 2) || rule.fn == nil {
				continue
			}
			s, h := bench(t, vtype)
			s.sew = round & 3
			s.randomise(r, rule.float)
			s.VL = uint64(r.IntN(int(s.VL) + 1))
			h.X[5], h.F[5] = r.Uint64(), boxed|uint64(s.get(3, 1, 2))
			minor := []uint8{isa.MinorIVV, isa.MinorIVX, isa.MinorIVI}[r.IntN(3)]
			if rule.float {
				minor = []uint8{isa.MinorFVV, isa.MinorFVF}[r.IntN(2)]
			}
			in := Inst{Op: op, Rd: 8, Rs1: 16, Rs2: 24, Minor: minor, Imm: int32(r.IntN(32) - 16), Unmasked: r.IntN(2) == 0}
			if !in.vectors() {
				in.Rs1 = 5
			}
			slow := s.Copy()
			want, flags := slow.byElement(rule, in, h)
			if trap := s.Execute(&in, &h); trap.Kind != 0 {
				continue
			}
			if s.V != want || h.Flags != flags {
				t.Fatalf("operation %d, vtype %#x, vl %d, %+v:\n%x, flags %x\nwant\n%x, flags %x", i, vtype, s.VL, in, s.V[8:16], h.Flags, want[8:16], flags)
			}
		}
	}
}

// byElement computes what Execute should.
func (s *State) byElement(r *rule, in Inst, h Hart) ([32][VLENB]byte, uint8) {
	s.in, s.h = &in, &h
	s.configure(s.VType, s.VL)
	s.wd, s.w2 = s.sew, s.sew
	out := s.Copy()
	b := s.second(r)
	for i := range s.VL {
		if !s.active(i) {
			continue
		}
		if in.vectors() {
			b = s.operand(in.Rs1, i, s.sew, r.signed&sb)
		}
		v := r.fn(s, s.operand(in.Rs2, i, s.sew, r.signed&sa), b, s.get(in.Rd, i, s.sew))
		if isTest(in.Op) {
			out.setBit(in.Rd, i, v)
		} else {
			out.set(in.Rd, i, s.sew, v)
		}
	}
	return out.V, s.h.Flags
}

func isTest(op isa.Op) bool {
	return op >= isa.OpVmseq && op <= isa.OpVmsgt || op >= isa.OpVmfeq && op <= isa.OpVmfge
}

// TestFixedPointLikeIntegers compares fixed-point operations with exact integers
// of any length, rounded and clamped afterwards.
func TestFixedPointLikeIntegers(t *testing.T) {
	type exact func(a, b *big.Int, width uint) (v *big.Int, shift uint)
	plus := func(a, b *big.Int, _ uint) (*big.Int, uint) { return new(big.Int).Add(a, b), 0 }
	minus := func(a, b *big.Int, _ uint) (*big.Int, uint) { return new(big.Int).Sub(a, b), 0 }
	half := func(f exact) exact {
		return func(a, b *big.Int, w uint) (*big.Int, uint) {
			v, _ := f(a, b, w)
			return v, 1
		}
	}
	amount := func(a, b *big.Int, w uint) (*big.Int, uint) {
		return a, uint(new(big.Int).And(b, big.NewInt(int64(w-1))).Uint64())
	}
	for _, c := range []struct {
		op     isa.Op
		f      exact
		signed bool
		clamps bool
	}{
		{isa.OpVsaddu, plus, false, true},
		{isa.OpVsadd, plus, true, true},
		{isa.OpVssubu, minus, false, true},
		{isa.OpVssub, minus, true, true},
		{isa.OpVaaddu, half(plus), false, false},
		{isa.OpVaadd, half(plus), true, false},
		{isa.OpVasubu, half(minus), false, false},
		{isa.OpVasub, half(minus), true, false},
		{isa.OpVsmul, func(a, b *big.Int, w uint) (*big.Int, uint) { return new(big.Int).Mul(a, b), w - 1 }, true, true},
		{isa.OpVssrl, amount, false, false},
		{isa.OpVssra, amount, true, false},
	} {
		r := rand.New(rand.NewPCG(uint64(c.op), 1))
		for round := range 400 {
			sew := uint64(round & 3)
			width := uint(8) << sew
			s, h := bench(t, sew<<3)
			s.sew, s.VXRM = int(sew), uint8(r.IntN(4))
			s.randomise(r, false)
			if r.IntN(3) == 0 {
				s.set(16, 0, int(sew), 1<<(width-1))
				s.set(24, 0, int(sew), 1<<(width-1))
			}
			a, b := number64(s.get(24, 0, int(sew)), width, c.signed), number64(s.get(16, 0, int(sew)), width, c.signed)
			v, shift := c.f(a, b, width)
			v = rounded(v, shift, s.VXRM)
			s.VL = 1
			in := Inst{Op: c.op, Rd: 8, Rs1: 16, Rs2: 24, Unmasked: true}
			if trap := s.Execute(&in, &h); trap.Kind != 0 {
				t.Fatal(trap)
			}
			want, saturated := clamp(v, width, c.signed)
			if !c.clamps {
				want, saturated = v, false
			}
			low := new(big.Int).And(want, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), width), big.NewInt(1))).Uint64()
			if got := s.get(8, 0, int(sew)); got != low || s.VXSat != uint8(truth(saturated)) {
				t.Fatalf("operation %d of %v and %v, %d bits, vxrm %d: %#x, vxsat %d; want %#x, %v", c.op, a, b, width, s.VXRM, got, s.VXSat, low, saturated)
			}
		}
	}
}

func number64(v uint64, width uint, signed bool) *big.Int {
	if signed {
		return big.NewInt(int64(v<<(64-width)) >> (64 - width))
	}
	return new(big.Int).SetUint64(v)
}

// rounded divides by 1<<n in a fixed-point rounding mode.
func rounded(v *big.Int, n uint, mode uint8) *big.Int {
	if n == 0 {
		return v
	}
	one := big.NewInt(1)
	q := new(big.Int).Rsh(v, n) // towards minus infinity
	rest := new(big.Int).Sub(v, new(big.Int).Lsh(q, n))
	half := new(big.Int).Lsh(one, n-1)
	up := false
	switch mode {
	case nearestUp:
		up = rest.Cmp(half) >= 0
	case nearestEven:
		up = rest.Cmp(half) > 0 || rest.Cmp(half) == 0 && q.Bit(0) == 1
	case toOdd:
		up = rest.Sign() != 0 && q.Bit(0) == 0
	}
	if up {
		q.Add(q, one)
	}
	return q
}

func clamp(v *big.Int, width uint, signed bool) (*big.Int, bool) {
	low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), width)
	if signed {
		high.Rsh(high, 1)
		low.Neg(high)
	}
	high.Sub(high, big.NewInt(1))
	switch {
	case v.Cmp(low) < 0:
		return low, true
	case v.Cmp(high) > 0:
		return high, true
	}
	return v, false
}
