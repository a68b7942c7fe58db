package vector

import (
	"reflect"
	"testing"

	"fishplate/riscv/isa"
)

// Parts of vtype.
const (
	m1, m2, m4, m8, mf8, mf4, mf2 = 0, 1, 2, 3, 5, 6, 7
	e8, e16, e32, e64             = 0 << 3, 1 << 3, 2 << 3, 3 << 3
	ta, ma                        = 1 << 6, 1 << 7
)

func TestConfigure(t *testing.T) {
	for _, c := range []struct {
		vtype, wanted, vl uint64
		ok                bool
	}{
		{e8 | m1, 100, 16, true},
		{e8 | m8 | ta | ma, 1000, 128, true},
		{e64 | m1, 1, 1, true},
		{e64 | m8, ^uint64(0), 16, true},
		{e32 | m2, 0, 0, true},
		{e8 | mf8, 9, 2, true},
		{e8 | mf4, 9, 4, true},
		{e16 | mf4, 9, 2, true},
		{e32 | mf2, 9, 2, true},
		{e16 | mf8, 9, 0, false},
		{e32 | mf4, 9, 0, false},
		{e64 | mf2, 9, 0, false},
		{e8 | 4, 9, 0, false},
		{4 << 3, 9, 0, false},
		{1 << 8, 9, 0, false},
		{1 << 63, 9, 0, false},
	} {
		s := New()
		s.configure(c.vtype, c.wanted)
		if s.VL != c.vl || (s.VType == c.vtype) != c.ok && c.vtype != vill || !c.ok && s.VType != vill {
			t.Errorf("vtype %#x, %d wanted: vl %d, vtype %#x", c.vtype, c.wanted, s.VL, s.VType)
		}
	}
}

func TestSetInstructions(t *testing.T) {
	s, h := bench(t, e8|m1)
	h.X[5], h.X[6], h.X[7] = 11, e16|m2, 1<<40
	for _, c := range []struct {
		in    Inst
		vl, x uint64
	}{
		{Inst{Op: isa.OpVsetvli, Rd: 10, Rs1: 5, Imm: e32 | m8}, 11, 11},
		{Inst{Op: isa.OpVsetvli, Rd: 10, Imm: e32 | m8}, 32, 32},
		{Inst{Op: isa.OpVsetivli, Rd: 10, Rs1: 7, Imm: e32 | m8}, 7, 7},
		{Inst{Op: isa.OpVsetvli, Imm: e64 | m1}, 2, 7}, // keeps vl as far as it fits; a0 stays
		{Inst{Op: isa.OpVsetvl, Rd: 10, Rs1: 7, Rs2: 6}, 16, 16},
		{Inst{Op: isa.OpVsetvl, Rd: 10, Rs1: 5, Rs2: 7}, 0, 0},
	} {
		if trap := s.Execute(&c.in, &h); trap.Kind != 0 || s.VL != c.vl || h.X[10] != c.x {
			t.Errorf("%+v: trap %v, vl %d, a0 %d; want %d, %d", c.in, trap, s.VL, h.X[10], c.vl, c.x)
		}
	}
}

func TestCSRs(t *testing.T) {
	s := New()
	if v, w := s.ReadCSR(csrVType, false), s.ReadCSR(csrVType, true); v != 1<<63 || w != 0xffffffff80000000 {
		t.Errorf("illegal vtype %#x, in RV32 %#x", v, w)
	}
	s.configure(e32|m4|ta, 5)
	s.WriteCSR(csrVCSR, 0xff)
	s.WriteCSR(csrVStart, 1<<40|200)
	for n, want := range map[uint32]uint64{
		csrVStart: 72, csrVXSat: 1, csrVXRM: 3, csrVCSR: 7, csrVL: 5, csrVType: e32 | m4 | ta, csrVLENB: 16,
	} {
		if got := s.ReadCSR(n, false); got != want || !IsCSR(n) {
			t.Errorf("CSR %#x = %d, want %d", n, got, want)
		}
	}
	s.WriteCSR(csrVXSat, 2)
	s.WriteCSR(csrVXRM, 5)
	if s.VXSat != 0 || s.VXRM != 1 || IsCSR(0x003) {
		t.Errorf("vxsat %d, vxrm %d", s.VXSat, s.VXRM)
	}
}

func TestCopiesKeepNothingElse(t *testing.T) {
	s, h := bench(t, e32|m1)
	for i := range s.bytes() {
		s.bytes()[i] = byte(i)
	}
	s.VXSat, s.VXRM, s.VStart = 1, 2, 1
	kept := s.Copy()
	s.Execute(&Inst{Op: isa.OpVle, Rd: 8, Rs1: 10, Minor: 6, Unmasked: true}, &h)
	if kept.V[8][0] != 128 || kept.h != nil || kept.VStart != 1 {
		t.Error("a copy changed with its original")
	}
	s.Set(kept)
	if !reflect.DeepEqual(s, kept) {
		t.Errorf("set to a copy: %+v\nwant %+v", s, kept)
	}
	s.Set(nil)
	if !reflect.DeepEqual(s, New()) {
		t.Errorf("set to the beginning: %+v", s)
	}
}

func TestEveryOperationHasARule(t *testing.T) {
	for _, r := range isa.Table() {
		if r.Op.IsVector() && rules[r.Op-isa.OpVector].run == nil {
			t.Errorf("%s has no rule", r.Name)
		}
	}
}
