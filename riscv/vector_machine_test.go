package riscv

import (
	"testing"

	"fishplate/riscv/vector"
)

// vectorCode sets v8 to sixteen times a0 and stops; then it reads a1 from v8 and
// stops again.
func vectorCode() []uint32 {
	return []uint32{
		0xc0007057 | 16<<15,        // vsetivli zero,16,e8,m1,tu,mu
		0x5e004057 | 10<<15 | 8<<7, // vmv.v.x v8,a0
		wStop,
		0x42002057 | 8<<20 | 11<<7, // vmv.x.s a1,v8
		wStop,
	}
}

func mustStop(t *testing.T, m *Machine) {
	t.Helper()
	if e := m.Run(100); e.Kind != Stop {
		t.Fatalf("exit %v, fault %v", e.Kind, e.Fault)
	}
}

// TestForksKeepVectors says that an image keeps vector registers and that a reset
// brings them back.
func TestForksKeepVectors(t *testing.T) {
	m := machine(t, vectorCode(), nil10())
	m.X[10] = 0x41
	mustStop(t, m)
	im, err := m.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	f, err := im.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 2 {
		mustStop(t, f)
		if f.X[11] != 0x41 {
			t.Fatalf("a1 = %#x", f.X[11])
		}
		f.PC, f.X[10] = textAt, 0x55
		mustStop(t, f)
		mustStop(t, f)
		if f.X[11] != 0x55 {
			t.Fatalf("a1 = %#x after a change", f.X[11])
		}
		f.Reset()
	}
	if n := testing.AllocsPerRun(100, func() { mustStop(t, f); f.Reset() }); n != 0 {
		t.Errorf("%g allocations per run and reset", n)
	}
}

// TestVectorsDoNotLeak says that a fork whose image has no vector registers finds
// those of its predecessor gone.
func TestVectorsDoNotLeak(t *testing.T) {
	f := fork(t, vectorCode(), nil10())
	if f.V != nil {
		t.Fatal("vector registers before the first use")
	}
	f.X[10] = 0x77
	mustStop(t, f)
	if f.V.V[8][15] != 0x77 {
		t.Fatalf("v8 = %x", f.V.V[8])
	}
	f.V.VXSat, f.V.VXRM, f.V.VStart = 1, 3, 5
	f.Reset()
	if fresh := vector.New(); f.V != nil && (f.V.V != fresh.V || f.V.VL != 0 || f.V.VType != fresh.VType || f.V.VXSat|f.V.VXRM != 0 || f.V.VStart != 0) {
		t.Errorf("after a reset: %+v", f.V)
	}
	f.PC = textAt + 12
	if e := f.Run(10); e.Kind != Faulted || e.Fault.Kind != Illegal || e.Fault.PC != textAt+12 {
		t.Errorf("without vtype: %v, %v", e.Kind, e.Fault)
	}
}

// TestVectorFaultsArePrecise says that a vector load that faults leaves pc, count
// and the reason as a scalar one does, and can be executed again.
func TestVectorFaultsArePrecise(t *testing.T) {
	m := machine(t, []uint32{
		0xc1807057 | 2<<15,         // vsetivli zero,2,e64,m1,tu,mu
		0x02057407,                 // vle64.v v8,(a0)
		0x42002057 | 8<<20 | 11<<7, // vmv.x.s a1,v8
		wStop,
	}, nil10())
	m.X[10] = m.Mem.Size() - 8
	if err := m.Mem.Write(m.X[10], []byte{9, 8, 7}); err != nil {
		t.Fatal(err)
	}
	e := m.Run(100)
	if e.Kind != Faulted || *e.Fault != (Fault{Kind: LoadAccess, PC: textAt + 4, Addr: m.Mem.Size()}) || m.Instret != 1 || m.V.VStart != 1 {
		t.Fatalf("exit %v, fault %v, %d instructions, vstart %d", e.Kind, e.Fault, m.Instret, m.V.VStart)
	}
	m.X[10] -= 8
	mustStop(t, m)
	if m.X[11] != 0x070809 || m.Instret != 4 || m.V.V[8][8] != 9 {
		t.Errorf("a1 %#x, %d instructions, v8 %x", m.X[11], m.Instret, m.V.V[8])
	}
}
