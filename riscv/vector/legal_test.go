package vector

import (
	"testing"

	"fishplate/riscv/isa"
)

// TestReserved has what the specification reserves, and next to it what it allows.
func TestReserved(t *testing.T) {
	const V, X, I, F = isa.MinorIVV, isa.MinorIVX, isa.MinorIVI, isa.MinorFVV
	for _, c := range []struct {
		what  string
		vtype uint64
		in    Inst
		ok    bool
	}{
		{"no width chosen", vill, Inst{Op: isa.OpVadd, Rd: 1, Unmasked: true}, false},
		{"no width, whole load", vill, Inst{Op: isa.OpVlr, Rd: 8, Rs1: 10, Fields: 7, Unmasked: true}, true},
		{"no width, whole move", vill, Inst{Op: isa.OpVmvr, Rd: 8, Rs2: 16, Unmasked: true}, false},
		{"group at an odd register", e8 | m2, Inst{Op: isa.OpVadd, Rd: 3, Rs1: 4, Rs2: 6, Unmasked: true}, false},
		{"source at an odd register", e8 | m2, Inst{Op: isa.OpVadd, Rd: 2, Rs1: 5, Rs2: 6, Unmasked: true}, false},
		{"fraction at an odd register", e8 | mf2, Inst{Op: isa.OpVadd, Rd: 3, Rs1: 5, Rs2: 7, Unmasked: true}, true},
		{"immediate of odd value", e8 | m2, Inst{Op: isa.OpVadd, Rd: 2, Rs1: 5, Rs2: 6, Minor: I, Unmasked: true}, true},
		{"mask written over", e8 | m1, Inst{Op: isa.OpVadd, Rd: 0, Rs1: 4, Rs2: 6}, false},
		{"comparison into the mask", e8 | m1, Inst{Op: isa.OpVmseq, Rd: 0, Rs1: 4, Rs2: 6}, true},
		{"reduction into the mask", e8 | m1, Inst{Op: isa.OpVredsum, Rd: 0, Rs1: 4, Rs2: 6, Minor: isa.MinorMVV}, true},
		{"comparison into a group's second register", e8 | m2, Inst{Op: isa.OpVmseq, Rd: 5, Rs1: 4, Rs2: 6, Unmasked: true}, false},
		{"comparison into a group's first register", e8 | m2, Inst{Op: isa.OpVmseq, Rd: 4, Rs1: 4, Rs2: 6, Unmasked: true}, true},
		{"sum into the mask", e8 | m1, Inst{Op: isa.OpVadc, Rd: 0, Rs1: 4, Rs2: 6}, false},
		{"wide result of eight", e8 | m8, Inst{Op: isa.OpVwadd, Rd: 8, Rs1: 16, Rs2: 24, Unmasked: true}, false},
		{"wide result of 64 bits", e64 | m1, Inst{Op: isa.OpVwadd, Rd: 8, Rs1: 16, Rs2: 24, Unmasked: true}, false},
		{"wide result, source in its first half", e8 | m1, Inst{Op: isa.OpVwadd, Rd: 8, Rs1: 16, Rs2: 8, Unmasked: true}, false},
		{"wide result, source in its second half", e8 | m1, Inst{Op: isa.OpVwadd, Rd: 8, Rs1: 16, Rs2: 9, Unmasked: true}, true},
		{"wide result over a fraction", e8 | mf2, Inst{Op: isa.OpVwadd, Rd: 8, Rs1: 16, Rs2: 8, Unmasked: true}, false},
		{"narrow result in the first half", e8 | m1, Inst{Op: isa.OpVnsrl, Rd: 8, Rs1: 16, Rs2: 8, Unmasked: true}, true},
		{"narrow result in the second half", e8 | m1, Inst{Op: isa.OpVnsrl, Rd: 9, Rs1: 16, Rs2: 8, Unmasked: true}, false},
		{"extension from less than 8 bits", e8 | m1, Inst{Op: isa.OpVzextVf2, Rd: 8, Rs2: 16, Unmasked: true}, false},
		{"extension from less than an eighth", e64 | mf2, Inst{Op: isa.OpVzextVf8, Rd: 8, Rs2: 16, Unmasked: true}, false},
		{"slide up in place", e8 | m1, Inst{Op: isa.OpVslideup, Rd: 8, Rs2: 8, Minor: X, Unmasked: true}, false},
		{"slide down in place", e8 | m1, Inst{Op: isa.OpVslidedown, Rd: 8, Rs2: 8, Minor: X, Unmasked: true}, true},
		{"gather over the numbers", e8 | m1, Inst{Op: isa.OpVrgather, Rd: 8, Rs1: 8, Rs2: 9, Unmasked: true}, false},
		{"gather with numbers of 16 groups", e8 | m8, Inst{Op: isa.OpVrgatherei16, Rd: 8, Rs1: 16, Rs2: 24, Unmasked: true}, false},
		{"compress over the mask", e8 | m2, Inst{Op: isa.OpVcompress, Rd: 8, Rs1: 9, Rs2: 10, Unmasked: true}, false},
		{"first set into its source", e8 | m1, Inst{Op: isa.OpVmsbf, Rd: 8, Rs2: 8, Unmasked: true}, false},
		{"ranks over their source", e8 | m2, Inst{Op: isa.OpViota, Rd: 8, Rs2: 9, Unmasked: true}, false},
		{"whole move at odd registers", e8 | m1, Inst{Op: isa.OpVmvr, Rd: 8, Rs1: 1, Rs2: 17, Unmasked: true}, false},
		{"floating point of 8 bits", e8 | m1, Inst{Op: isa.OpVfadd, Rd: 8, Rs1: 9, Rs2: 10, Minor: F, Unmasked: true}, false},
		{"floating point of 16 bits", e16 | m1, Inst{Op: isa.OpVfadd, Rd: 8, Rs1: 9, Rs2: 10, Minor: F, Unmasked: true}, false},
		{"binary16 widened", e16 | m1, Inst{Op: isa.OpVfwcvtFF, Rd: 8, Rs2: 10, Minor: F, Unmasked: true}, false},
		{"16 bits to binary32", e16 | m1, Inst{Op: isa.OpVfwcvtFX, Rd: 8, Rs2: 10, Minor: F, Unmasked: true}, true},
		{"binary32 to 16 bits", e16 | m1, Inst{Op: isa.OpVfncvtXF, Rd: 8, Rs2: 10, Minor: F, Unmasked: true}, true},
		{"8 bits to binary16", e8 | m1, Inst{Op: isa.OpVfwcvtFX, Rd: 8, Rs2: 10, Minor: F, Unmasked: true}, false},
		{"element group too large", e8 | m8, Inst{Op: isa.OpVle, Rd: 8, Rs1: 10, Minor: 5, Unmasked: true}, false},
		{"element group too small", e64 | m1, Inst{Op: isa.OpVle, Rd: 8, Rs1: 10, Unmasked: true}, true},
		{"element group far too small", e32 | mf2, Inst{Op: isa.OpVle, Rd: 8, Rs1: 10, Unmasked: true}, true},
		{"fields beyond eight registers", e8 | m4, Inst{Op: isa.OpVle, Rd: 8, Rs1: 10, Fields: 2, Unmasked: true}, false},
		{"fields beyond the last register", e8 | m1, Inst{Op: isa.OpVse, Rd: 30, Rs1: 10, Fields: 2, Unmasked: true}, false},
		{"load over the mask", e8 | m1, Inst{Op: isa.OpVle, Rd: 0, Rs1: 10}, false},
		{"store of the mask", e8 | m1, Inst{Op: isa.OpVse, Rd: 0, Rs1: 10}, true},
		{"segments over their offsets", e8 | m1, Inst{Op: isa.OpVlxei, Rd: 8, Rs1: 10, Rs2: 9, Fields: 1, Unmasked: true}, false},
		{"elements over their offsets", e8 | m1, Inst{Op: isa.OpVlxei, Rd: 9, Rs1: 10, Rs2: 9, Unmasked: true}, true},
		{"whole load at an odd register", e8 | m1, Inst{Op: isa.OpVlr, Rd: 9, Rs1: 10, Fields: 1, Unmasked: true}, false},
	} {
		s, h := bench(t, c.vtype)
		before := s.V
		trap := s.Execute(&c.in, &h)
		if (trap.Kind == 0) != c.ok || !c.ok && (trap.Kind != Illegal || s.V != before) {
			t.Errorf("%s: trap %v, allowed %v", c.what, trap, c.ok)
		}
	}
}

// TestReservedStates has what depends on more than vtype.
func TestReservedStates(t *testing.T) {
	add := Inst{Op: isa.OpVfadd, Rd: 8, Rs1: 9, Rs2: 10, Minor: isa.MinorFVV, Unmasked: true}
	s, h := bench(t, e32|m1)
	h.FRM = 5
	if trap := s.Execute(&add, &h); trap.Kind != Illegal {
		t.Errorf("rounding mode 5: %v", trap)
	}
	for _, op := range []isa.Op{isa.OpVredsum, isa.OpVcpop, isa.OpVfirst, isa.OpVmsbf, isa.OpViota, isa.OpVcompress} {
		s, h := bench(t, e32|m1)
		in := Inst{Op: op, Rd: 8, Rs1: 9, Rs2: 10, Minor: isa.MinorMVV, Unmasked: true}
		s.VStart = 1
		if trap := s.Execute(&in, &h); trap.Kind != Illegal || s.VStart != 1 {
			t.Errorf("operation %d at element 1: %v, vstart %d", op, trap, s.VStart)
		}
		s.VStart = 0
		if trap := s.Execute(&in, &h); trap.Kind != 0 {
			t.Errorf("operation %d: %v", op, trap)
		}
	}
	s, h = bench(t, e64|m1)
	in := Inst{Op: isa.OpVlxei, Rd: 8, Rs1: 10, Rs2: 9, Minor: 7, Unmasked: true}
	if trap := s.Execute(&in, &h); trap.Kind != 0 {
		t.Errorf("offsets of 64 bits: %v", trap)
	}
	h.RV32 = true
	if trap := s.Execute(&in, &h); trap.Kind != Illegal {
		t.Errorf("offsets of 64 bits in RV32: %v", trap)
	}
}
