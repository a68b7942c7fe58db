package vector

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"fishplate/riscv/isa"
)

// TestIntegersLikeIntegers compares integer operations with exact integers of any
// length, cut to the width of the result.
func TestIntegersLikeIntegers(t *testing.T) {
	type exact func(a, b, d *big.Int, w uint) *big.Int
	number := func() *big.Int { return new(big.Int) }
	times := func(a, b, _ *big.Int, _ uint) *big.Int { return number().Mul(a, b) }
	plus := func(a, b, _ *big.Int, _ uint) *big.Int { return number().Add(a, b) }
	minus := func(a, b, _ *big.Int, _ uint) *big.Int { return number().Sub(a, b) }
	high := func(a, b, _ *big.Int, w uint) *big.Int { return number().Rsh(number().Mul(a, b), w) }
	quotient := func(a, b, _ *big.Int, _ uint) *big.Int {
		if b.Sign() == 0 {
			return big.NewInt(-1)
		}
		return number().Quo(a, b)
	}
	rest := func(a, b, _ *big.Int, _ uint) *big.Int {
		if b.Sign() == 0 {
			return a
		}
		return number().Rem(a, b)
	}
	const no, wide = 0, 1 // whether the result is of twice the width
	for _, c := range []struct {
		op     isa.Op
		f      exact
		sa, sb bool
		wide   uint
		name   string
	}{
		{isa.OpVmul, times, true, true, no, "vmul"},
		{isa.OpVmulh, high, true, true, no, "vmulh"},
		{isa.OpVmulhu, high, false, false, no, "vmulhu"},
		{isa.OpVmulhsu, high, true, false, no, "vmulhsu"},
		{isa.OpVdiv, quotient, true, true, no, "vdiv"},
		{isa.OpVdivu, quotient, false, false, no, "vdivu"},
		{isa.OpVrem, rest, true, true, no, "vrem"},
		{isa.OpVremu, rest, false, false, no, "vremu"},
		{isa.OpVwmul, times, true, true, wide, "vwmul"},
		{isa.OpVwmulu, times, false, false, wide, "vwmulu"},
		{isa.OpVwmulsu, times, true, false, wide, "vwmulsu"},
		{isa.OpVwadd, plus, true, true, wide, "vwadd"},
		{isa.OpVwaddu, plus, false, false, wide, "vwaddu"},
		{isa.OpVwsub, minus, true, true, wide, "vwsub"},
		{isa.OpVwsubu, minus, false, false, wide, "vwsubu"},
		{isa.OpVmacc, func(a, b, d *big.Int, _ uint) *big.Int { return number().Add(d, number().Mul(a, b)) }, true, true, no, "vmacc"},
		{isa.OpVnmsac, func(a, b, d *big.Int, _ uint) *big.Int { return number().Sub(d, number().Mul(a, b)) }, true, true, no, "vnmsac"},
		{isa.OpVmadd, func(a, b, d *big.Int, _ uint) *big.Int { return number().Add(a, number().Mul(d, b)) }, true, true, no, "vmadd"},
		{isa.OpVnmsub, func(a, b, d *big.Int, _ uint) *big.Int { return number().Sub(a, number().Mul(d, b)) }, true, true, no, "vnmsub"},
		{isa.OpVwmaccsu, func(a, b, d *big.Int, _ uint) *big.Int { return number().Add(d, number().Mul(a, b)) }, false, true, wide, "vwmaccsu"},
		{isa.OpVwmaccus, func(a, b, d *big.Int, _ uint) *big.Int { return number().Add(d, number().Mul(a, b)) }, true, false, wide, "vwmaccus"},
	} {
		r := rand.New(rand.NewPCG(uint64(c.op), 2))
		for round := range 200 {
			sew := round & 3
			if c.wide == wide && sew == 3 {
				continue
			}
			width, result := uint(8)<<sew, uint(8)<<sew<<c.wide
			s, h := bench(t, uint64(sew)<<3)
			s.randomise(r, false)
			switch r.IntN(8) {
			case 0:
				s.set(16, 0, sew, 0)
			case 1: // the least number by -1
				s.set(24, 0, sew, 1<<(width-1))
				s.set(16, 0, sew, ^uint64(0))
			}
			a, b := number64(s.get(24, 0, sew), width, c.sa), number64(s.get(16, 0, sew), width, c.sb)
			d := number64(s.get(8, 0, sew+int(c.wide)), result, true)
			mask := number().Sub(number().Lsh(big.NewInt(1), result), big.NewInt(1))
			want := number().And(c.f(a, b, d, width), mask).Uint64()
			s.VL = 1
			if trap := s.Execute(&Inst{Op: c.op, Rd: 8, Rs1: 16, Rs2: 24, Minor: isa.MinorMVV, Unmasked: true}, &h); trap.Kind != 0 {
				t.Fatalf("%s: %v", c.name, trap)
			}
			if got := s.get(8, 0, sew+int(c.wide)); got != want {
				t.Fatalf("%s of %v, %v and %v, %d bits: %#x, want %#x", c.name, a, b, d, width, got, want)
			}
		}
	}
}

// TestCarries compares sums, differences and what leaves them with exact integers.
func TestCarries(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		s, h := bench(t, e64|m1)
		s.randomise(r, false)
		s.V[0] = [16]byte{byte(r.IntN(4))}
		for op, f := range map[isa.Op]func(a, b, c *big.Int) *big.Int{
			isa.OpVmadc: func(a, b, c *big.Int) *big.Int { return new(big.Int).Add(new(big.Int).Add(a, b), c) },
			isa.OpVmsbc: func(a, b, c *big.Int) *big.Int { return new(big.Int).Sub(new(big.Int).Sub(a, b), c) },
		} {
			plain := map[isa.Op]isa.Op{isa.OpVmadc: isa.OpVadc, isa.OpVmsbc: isa.OpVsbc}[op]
			for _, in := range []Inst{{Op: op, Rd: 1, Rs1: 16, Rs2: 24}, {Op: op, Rd: 1, Rs1: 16, Rs2: 24, Unmasked: true}, {Op: plain, Rd: 4, Rs1: 16, Rs2: 24}} {
				if trap := s.Execute(&in, &h); trap.Kind != 0 {
					t.Fatal(trap)
				}
				for i := range uint64(2) {
					c := s.bit(0, i)
					if in.Unmasked {
						c = 0
					}
					v := f(number64(s.get(24, i, 3), 64, false), number64(s.get(16, i, 3), 64, false), number64(c, 64, false))
					if out := truth(v.Sign() < 0 || v.BitLen() > 64); in.Rd == 1 && s.bit(1, i) != out {
						t.Fatalf("%+v: carry of element %d is not %d", in, i, out)
					}
					low := new(big.Int).And(v, new(big.Int).SetUint64(^uint64(0))).Uint64()
					if in.Rd == 4 && s.get(4, i, 3) != low {
						t.Fatalf("%+v: element %d is %#x, want %#x", in, i, s.get(4, i, 3), low)
					}
				}
			}
		}
	}
}
