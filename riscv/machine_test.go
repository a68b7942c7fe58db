package riscv

import (
	"errors"
	"sync"
	"testing"

	"fishplate/riscv/memory"
)

// machine makes a machine that runs the given words with the given data.
func machine(t testing.TB, code []uint32, data []byte) *Machine {
	t.Helper()
	p, err := LoadProgram(writeELF(code, data))
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(p, Options{MemoryLimit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// fork is machine, frozen before its first instruction and forked.
func fork(t testing.TB, code []uint32, data []byte) *Machine {
	t.Helper()
	im, err := machine(t, code, data).Freeze()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(im.Close)
	m, err := im.Fork()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestFaultsArePrecise(t *testing.T) {
	const nop = wAddi
	tests := []struct {
		name  string
		code  []uint32
		x5    uint64
		setup func(*Machine)
		kind  FaultKind
		pc    int64 // offset in the code
		addr  uint64
		torn  bool // use tornMachine
	}{
		{"illegal word", []uint32{nop, 0xffffffff}, 0, nil, Illegal, 4, textAt + 4, false},
		{"illegal zero halfword", []uint32{nop, 0, nop}, 0, nil, Illegal, 4, textAt + 4, false},
		{"unimp", []uint32{0xc0001073}, 0, nil, Illegal, 0, textAt, false},
		{"write to read-only CSR", []uint32{nop, 0xc0229073}, 0, nil, Illegal, 4, textAt + 4, false},
		{"reserved rounding mode", []uint32{0x00005053 | 2<<25}, 0, nil, Illegal, 0, textAt, false},
		{"dynamic mode not valid", []uint32{nop, 0x02007053}, 0, func(m *Machine) { m.SetFCSR(5 << 5) }, Illegal, 4, textAt + 4, false},
		{"load from null", []uint32{nop, nop, encI(wLd, 6, 5, 8)}, 0, nil, LoadAccess, 8, 8, false},
		{"load just below the guard's end", []uint32{encI(wLd, 6, 5, 0)}, 4095, nil, LoadAccess, 0, 4095, false},
		{"load above the space", []uint32{encI(wLd, 6, 5, -4)}, 1 << 30, nil, LoadAccess, 0, 1<<30 - 4, false},
		{"load far above", []uint32{encI(wLw, 0, 5, 0)}, 1 << 63, nil, LoadAccess, 0, 1 << 63, false},
		{"load wraps", []uint32{encI(wLd, 6, 5, 0)}, ^uint64(3), nil, LoadAccess, 0, ^uint64(3), false},
		{"store to null", []uint32{encS(wSd, 5, 6, 0)}, 0, nil, StoreAccess, 0, 0, false},
		{"store to code", []uint32{nop, encS(wSd, 5, 6, 0), nop}, textAt, nil, StoreAccess, 4, textAt, false},
		{"store crossing into code", []uint32{encS(wSd, 5, 6, 0)}, textAt - 4, nil, StoreAccess, 0, textAt, false},
		{"store wraps", []uint32{encS(wSd, 5, 6, 0)}, ^uint64(3), nil, StoreAccess, 0, ^uint64(3), false},
		{"store above the space", []uint32{encS(wSd, 5, 6, 0)}, 1<<30 - 4, nil, StoreAccess, 0, 1 << 30, false},
		{"atomic misaligned", []uint32{0x0062b02f}, dataAt + 4, nil, AtomicMisaligned, 0, dataAt + 4, false},
		{"atomic on code", []uint32{0x0062b02f}, textAt, nil, StoreAccess, 0, textAt, false},
		{"reserve null", []uint32{0x1002a32f}, 0, nil, LoadAccess, 0, 0, false},
		{"jump to nowhere", []uint32{encI(wJalr, 1, 5, 0)}, 0x5000, nil, FetchAccess, 0x5000 - textAt, 0x5000, false},
		{"jump into data", []uint32{encI(wJalr, 0, 5, 0)}, dataAt, nil, FetchAccess, dataAt - textAt, dataAt, false},
		{"run off the end", []uint32{nop}, 0, nil, FetchAccess, 4, textAt + 4, false},
		{"odd pc", []uint32{nop}, 0, func(m *Machine) { m.PC++ }, FetchMisaligned, 1, textAt + 1, false},
		{"half an instruction", []uint32{nop}, 0, nil, FetchAccess, 6, textAt + 8, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, fuel := range []uint64{1000, 1} {
				m := machine(t, tt.code, make([]byte, 4096))
				if tt.torn {
					m = tornMachine(t)
				}
				m.X[5], m.X[6] = tt.x5, 0x1234
				if tt.setup != nil {
					tt.setup(m)
				}
				before, steps := m.X, uint64(0)
				var e Exit
				for e = m.Run(fuel); e.Kind == Budget; e = m.Run(fuel) {
					steps++
				}
				if e.Kind != Faulted {
					t.Fatalf("exit %d, want a fault", e.Kind)
				}
				if want := (Fault{Kind: tt.kind, PC: uint64(textAt + tt.pc), Addr: tt.addr}); *e.Fault != want {
					t.Errorf("fault %+v (%v), want %+v", *e.Fault, e.Fault, want)
				}
				if m.PC != e.Fault.PC {
					t.Errorf("PC %#x, fault at %#x", m.PC, e.Fault.PC)
				}
				before[1] = m.X[1] // a jump to nowhere has linked already
				if m.X != before {
					t.Error("registers changed")
				}
				if fuel == 1 && m.Instret != steps {
					t.Errorf("counted %d instructions in %d steps", m.Instret, steps)
				}
			}
		})
	}
}

// tornMachine has a segment that ends in the middle of a wide instruction.
func tornMachine(t *testing.T) *Machine {
	p, err := LoadProgram(writeSegments([]byte{0x13, 0, 0, 0, 1, 0, 0x13, 0}, make([]byte, 16)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestLimitIsAFault(t *testing.T) {
	// sd x6,0(x5); add x5,x5,x7; j back
	m := machine(t, []uint32{encS(wSd, 5, 6, 0), 0x007282b3, 0xff9ff06f}, make([]byte, 4096))
	m.X[5], m.X[7] = 0x400000, 4096
	e := m.Run(1 << 30)
	if e.Kind != Faulted || e.Fault.Kind != MemoryLimit || e.Fault.PC != textAt {
		t.Fatalf("exit %+v %v", e, e.Fault)
	}
	if m.Mem.Pages() != 256 {
		t.Errorf("%d pages, want 256", m.Mem.Pages())
	}
	if want := uint64(0x400000 + (256-2)*4096); e.Fault.Addr != want {
		t.Errorf("stopped at %#x, want %#x", e.Fault.Addr, want)
	}
	if m.Instret != 254*3 {
		t.Errorf("%d instructions, want %d", m.Instret, 254*3)
	}
}

func TestExits(t *testing.T) {
	tests := []struct {
		name string
		word uint32
		want Exit
		next uint64 // PC after SkipCall
	}{
		{"ecall", wCall, Exit{Kind: Call}, 4},
		{"ebreak", 0x00100073, Exit{Kind: Break}, 4},
		{"c.ebreak", 0x9002, Exit{Kind: Break}, 2},
		{"custom 32", 0x0200005b, Exit{Kind: Custom, Imm: 32}, 4},
		{"custom 4095, other funct3", 0xfff0705b, Exit{Kind: Custom, Imm: 4095}, 4},
		{"stop", wStop, Exit{Kind: Stop}, 4},
		{"stop with registers", 0x7ff50573, Exit{Kind: Stop}, 4},
		{"wfi", 0x10500073, Exit{Kind: Stop}, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := machine(t, []uint32{wAddi, tt.word, wAddi, wAddi}, nil10())
			e := m.Run(100)
			e.Word = 0 // see package interp
			if e != tt.want {
				t.Fatalf("exit %+v, want %+v", e, tt.want)
			}
			if e.Kind != Stop {
				if m.PC != textAt+4 {
					t.Errorf("PC %#x, want %#x", m.PC, textAt+4)
				}
				m.SkipCall()
			}
			if m.PC != textAt+4+tt.next {
				t.Errorf("next PC %#x, want %#x", m.PC, textAt+4+tt.next)
			}
			if m.Instret != 2 {
				t.Errorf("%d instructions, want 2", m.Instret)
			}
			if e := m.Run(1); e.Kind != Budget || m.PC != textAt+8+tt.next {
				t.Errorf("then exit %+v at %#x", e, m.PC)
			}
		})
	}
}

func nil10() []byte { return make([]byte, 10) }

// TestBudgetIsExact stops a loop after every possible number of instructions.
func TestBudgetIsExact(t *testing.T) {
	// loop: addi x5,x5,1; c.nop; rdinstret x6; csrrwi frm; bne x5,x7,loop; stop
	code := []uint32{encI(wAddi, 5, 5, 1), 1, 0xc0202373, 0x00205073, encB(0x1063, 5, 7, -14), wStop}
	reference := machine(t, code, nil10())
	reference.X[7] = 5
	for n := uint64(0); ; n++ {
		m := machine(t, code, nil10())
		m.X[7] = 5
		one, all := reference.Run(1), m.Run(n+1)
		if m.Instret != n+1 || reference.Instret != n+1 {
			t.Fatalf("after %d: counted %d at once, %d in steps", n+1, m.Instret, reference.Instret)
		}
		if one.Kind != all.Kind || m.PC != reference.PC || m.X != reference.X {
			t.Fatalf("after %d: %+v %#x %v\nin steps: %+v %#x %v", n+1, all, m.PC, m.X, one, reference.PC, reference.X)
		}
		if all.Kind == Stop {
			if n != 25 {
				t.Errorf("stopped after %d instructions, want 26", n+1)
			}
			return
		}
	}
}

func TestForksAreApart(t *testing.T) {
	a := fork(t, []uint32{wStop}, make([]byte, 4096))
	b, err := a.image.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := a.Mem.Write(dataAt, []byte("mine")); err != nil {
		t.Fatal(err)
	}
	if s, err := b.Mem.CString(dataAt, 10); err != nil || s != "" {
		t.Errorf("the other fork reads %q, %v", s, err)
	}
	// A fork can be frozen too, and carries its changes on.
	im, err := a.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	c, err := im.Fork()
	if err != nil {
		t.Fatal(err)
	}
	im.Close()
	defer c.Close()
	if s, _ := c.Mem.CString(dataAt, 10); s != "mine" {
		t.Errorf("a fork of the frozen fork reads %q", s)
	}
	if _, err := im.Fork(); err == nil {
		t.Error("a closed image was forked")
	}
}

func TestCounters(t *testing.T) {
	// rdcycle x5; rdtime x6; rdinstret x7; csrr x8,mimpid; csrr x9,0x7c0 (unknown)
	m := machine(t, []uint32{0xc00022f3, 0xc0102373, 0xc02023f3, 0xf1302473, 0x7c0024f3, wStop}, nil10())
	m.Time = func() uint64 { return 77 }
	m.X[9] = 5
	m.Charge(1000)
	m.Run(100)
	if got, want := [5]uint64(m.X[5:10]), [5]uint64{1000, 77, 1002, 1, 5}; got != want {
		t.Errorf("read %v, want %v", got, want)
	}
	if m.Instret != 1006 {
		t.Errorf("%d instructions, want 1006", m.Instret)
	}
}

func TestClosedImage(t *testing.T) {
	im, err := machine(t, []uint32{wStop}, nil10()).Freeze()
	if err != nil {
		t.Fatal(err)
	}
	im.Close()
	var e *memory.Error
	if _, err := im.Fork(); !errors.As(err, &e) || e.Kind != memory.Closed {
		t.Errorf("fork of a closed image: %v", err)
	}
}

// TestClosedMachine runs machines without memory, which must not reach the
// host's.
func TestClosedMachine(t *testing.T) {
	for _, m := range []*Machine{
		machine(t, []uint32{encS(wSd, 5, 6, 0), encI(wLd, 6, 5, 0), wStop}, nil10()),
		fork(t, []uint32{encS(wSd, 5, 6, 0), encI(wLd, 6, 5, 0), wStop}, nil10()),
	} {
		m.Close()
		for range 100 { // often enough to be translated
			m.X[5] = dataAt
			if e := m.Run(100); e.Kind != Faulted || e.Fault.Kind != FetchAccess {
				t.Fatalf("exit %+v", e)
			}
		}
		m.Park()
		m.Reset()
		m.Close()
		if err := m.Mem.Wake(); err == nil || m.Mem.Size() != 0 {
			t.Errorf("wake: %v, %d bytes", err, m.Mem.Size())
		}
	}
}

// TestPooledForkAllocatesNothing uses a fork as a request does.
func TestPooledForkAllocatesNothing(t *testing.T) {
	m := fork(t, []uint32{encS(wSd, 5, 6, 0), wCall, wStop}, make([]byte, 4096))
	n := testing.AllocsPerRun(100, func() {
		m.X[5] = dataAt
		if e := m.Run(100); e.Kind != Call {
			t.Fatalf("exit %+v", e)
		}
		m.SkipCall()
		m.Run(100)
		m.Reset()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestForksConcurrently forks, runs, steps and closes on several goroutines, for
// the race detector: program and image are shared and must not change.
func TestForksConcurrently(t *testing.T) {
	first := fork(t, []uint32{encI(wAddi, 5, 5, 1), encS(wSd, 6, 5, 0), encB(0x1063, 5, 7, -8), wStop}, make([]byte, 4096))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for n := range uint64(50) {
				m, err := first.image.Fork()
				if err != nil {
					t.Error(err)
					return
				}
				for range 2 {
					m.X[6], m.X[7] = dataAt, n+1
					for m.Run(n%7+1).Kind == Budget {
					}
					b, _ := m.Mem.View(dataAt, 1)
					if b[0] != byte(n+1) || m.Instret != 3*(n+1)+1 {
						t.Errorf("counted to %d in %d instructions, want %d", b[0], m.Instret, n+1)
					}
					m.Reset()
				}
				m.Close()
			}
		})
	}
	group.Wait()
}
