package vector

import (
	"testing"

	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

// edge is a hart with a0 so that n bytes lie between it and the end of memory.
func edge(t *testing.T, vtype, n uint64) (*State, Hart) {
	s, h := bench(t, vtype)
	h.X[10] = h.Mem.Size() - n
	for i := range n {
		if err := h.Mem.Write(h.X[10]+i, []byte{byte(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	return s, h
}

func TestLoadFaultsBetweenElements(t *testing.T) {
	s, h := edge(t, e32|m1, 10)
	load := Inst{Op: isa.OpVle, Rd: 8, Rs1: 10, Minor: 6, Unmasked: true}
	want := Trap{Load, h.X[10] + 8}
	if trap := s.Execute(&load, &h); trap != want || s.VStart != 2 {
		t.Fatalf("trap %v, vstart %d; want %v, 2", trap, s.VStart, want)
	}
	if s.get(8, 1, 2) != 0x08070605 || s.get(8, 2, 2) != 0 {
		t.Errorf("elements %#x", s.V[8])
	}
	// Once more from elsewhere: only what is missing is loaded.
	h.X[10] -= 8
	if trap := s.Execute(&load, &h); trap.Kind != 0 || s.VStart != 0 {
		t.Fatalf("again: trap %v, vstart %d", trap, s.VStart)
	}
	if s.get(8, 1, 2) != 0x08070605 || s.get(8, 2, 2) != 0x04030201 || s.get(8, 3, 2) != 0x08070605 {
		t.Errorf("elements after the second try: %x", s.V[8])
	}
}

func TestFaultOnlyFirst(t *testing.T) {
	s, h := edge(t, e16|m1, 5)
	load := Inst{Op: isa.OpVleff, Rd: 8, Rs1: 10, Minor: 5, Unmasked: true}
	if trap := s.Execute(&load, &h); trap.Kind != 0 || s.VL != 2 || s.VStart != 0 {
		t.Fatalf("trap %v, vl %d", trap, s.VL)
	}
	if s.get(8, 1, 1) != 0x0403 || s.get(8, 2, 1) != 0 {
		t.Errorf("elements %x", s.V[8])
	}
	h.X[10] += 4
	if trap := s.Execute(&load, &h); trap != (Trap{Load, h.X[10]}) || s.VL != 2 {
		t.Errorf("first element: trap %v, vl %d", trap, s.VL)
	}
	// A segment is reached whole or not at all.
	s, h = edge(t, e8|m1, 5)
	load = Inst{Op: isa.OpVleff, Rd: 8, Rs1: 10, Fields: 1, Unmasked: true}
	if trap := s.Execute(&load, &h); trap.Kind != 0 || s.VL != 2 || s.V[8][2] != 0 || s.V[9][1] != 4 {
		t.Errorf("segments: trap %v, vl %d, %x", trap, s.VL, s.V[8:10])
	}
}

func TestStoreFaults(t *testing.T) {
	s, h := bench(t, e64|m1)
	if err := h.Mem.Map(0x5000, memory.PageSize, memory.Read); err != nil {
		t.Fatal(err)
	}
	s.set(8, 0, 3, 0x1111)
	s.set(8, 1, 3, 0x2222)
	store := Inst{Op: isa.OpVse, Rd: 8, Rs1: 10, Minor: 7, Unmasked: true}
	h.X[10] = 0x4ff8
	if trap := s.Execute(&store, &h); trap != (Trap{Store, 0x5000}) || s.VStart != 1 {
		t.Errorf("read-only page: trap %v, vstart %d", trap, s.VStart)
	}
	if b, err := h.Mem.View(0x4ff8, 2); err != nil || b[0] != 0x11 {
		t.Errorf("the element before: %x, %v", b, err)
	}
	s.VStart = 0
	h.X[10] = 0x4ffc // across the pages: nothing of the element is stored
	if trap := s.Execute(&store, &h); trap != (Trap{Store, 0x5000}) || s.VStart != 0 {
		t.Errorf("element on two pages: trap %v, vstart %d", trap, s.VStart)
	}
	tight, err := memory.New(1<<20, memory.PageSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tight.Close)
	h.Mem, h.X[10] = tight, 0x2ff8
	if trap := s.Execute(&store, &h); trap != (Trap{Limit, 0x3000}) || s.VStart != 1 {
		t.Errorf("page limit: trap %v, vstart %d", trap, s.VStart)
	}
}

func TestMaskedElementsDoNotFault(t *testing.T) {
	s, h := edge(t, e64|m1, 8)
	s.V[0][0] = 1
	if trap := s.Execute(&Inst{Op: isa.OpVle, Rd: 8, Rs1: 10, Minor: 7}, &h); trap.Kind != 0 {
		t.Errorf("load: %v", trap)
	}
	h.X[10] = 0
	s.V[0][0] = 0
	if trap := s.Execute(&Inst{Op: isa.OpVse, Rd: 8, Rs1: 10, Minor: 7}, &h); trap.Kind != 0 {
		t.Errorf("store: %v", trap)
	}
}

// TestAddressesWrap says that RV32 has 32 bits of address, and that a stride can
// be negative, or 0.
func TestAddressesWrap(t *testing.T) {
	s, h := bench(t, e32|m1)
	if err := h.Mem.Write(0x8000, []byte{1, 2, 3, 4, 5, 6, 7, 8}); err != nil {
		t.Fatal(err)
	}
	h.RV32 = true
	h.X[10], h.X[11] = 0xffffffffffff8004, 0x1_0000
	s.VL = 1
	in := Inst{Op: isa.OpVlse, Rd: 8, Rs1: 10, Rs2: 11, Minor: 6, Unmasked: true}
	if trap := s.Execute(&in, &h); trap != (Trap{Load, 0xffff8004}) {
		t.Errorf("beyond the end: %v", trap)
	}
	s.VL, s.VStart = 2, 1
	if trap := s.Execute(&in, &h); trap.Kind != 0 || s.get(8, 1, 2) != 0x08070605 {
		t.Errorf("over the end: %v, %x", trap, s.V[8])
	}
	h.X[10], h.X[11] = 0x8004, ^uint64(3)
	s.VL = 2
	if trap := s.Execute(&in, &h); trap.Kind != 0 || s.get(8, 0, 2) != 0x08070605 || s.get(8, 1, 2) != 0x04030201 {
		t.Errorf("backwards: %v, %x", trap, s.V[8])
	}
}

func TestIndexedSegments(t *testing.T) {
	s, h := bench(t, e16|m1)
	for i := range uint64(256) {
		if err := h.Mem.Write(0x8000+i, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	s.V[4] = [16]byte{200, 10, 0, 7}
	s.VL = 4
	in := Inst{Op: isa.OpVlxei, Rd: 8, Rs1: 10, Rs2: 4, Fields: 2, Unmasked: true}
	if trap := s.Execute(&in, &h); trap.Kind != 0 {
		t.Fatal(trap)
	}
	for i, at := range []uint64{200, 10, 0, 7} {
		for k := range uint8(3) {
			first := at + 2*uint64(k)
			if got, want := s.get(8+k, uint64(i), 1), first|(first+1)<<8; got != want {
				t.Errorf("field %d of element %d: %#x, want %#x", k, i, got, want)
			}
		}
	}
	in.Op, in.Rs1, h.X[11] = isa.OpVsxei, 11, 0x9000
	if trap := s.Execute(&in, &h); trap.Kind != 0 {
		t.Fatal(trap)
	}
	if b, err := h.Mem.View(0x9000+200, 6); err != nil || string(b) != "\xc8\xc9\xca\xcb\xcc\xcd" {
		t.Errorf("stored %x, %v", b, err)
	}
}
