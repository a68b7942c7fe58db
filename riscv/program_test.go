package riscv

import (
	"strings"
	"testing"
)

func TestSymbols(t *testing.T) {
	p := load(t, build(t, "testdata/programs/fib.c", "-O1"))
	main, ok := p.Lookup("main")
	if !ok {
		t.Fatal("no main")
	}
	for _, off := range []uint64{0, 2, 8} {
		if name, o := p.Symbol(main + off); name != "main" || o != off {
			t.Errorf("main+%d is %s+%d", off, name, o)
		}
	}
	if name, _ := p.Symbol(0); name != "" {
		t.Errorf("address 0 is in %q", name)
	}
	if name, _ := p.Symbol(1 << 40); name != "" {
		t.Errorf("a far address is in %q", name)
	}
	if _, ok := p.Lookup("no such symbol"); ok {
		t.Error("found a symbol that is not there")
	}
	if text, size := p.Instruction(main); text == "" || size == 0 || strings.HasPrefix(text, ".") {
		t.Errorf("first instruction of main: %q, %d bytes", text, size)
	}
	if _, size := p.Instruction(0); size != 0 {
		t.Error("an instruction at address 0")
	}
	if p.Entry == 0 || p.HeapStart%4096 != 0 || p.HeapStart < main || p.PhNum == 0 || p.PhEnt != 56 {
		t.Errorf("facts: %+v", p)
	}
}

func TestOptions(t *testing.T) {
	p, err := LoadProgram(writeELF([]uint32{wStop}, make([]byte, 100_000)))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		o    Options
		want string // part of the error, empty for none
	}{
		{Options{}, ""},
		{Options{MemoryLimit: 200_000}, ""},
		{Options{MemoryLimit: 50_000}, "memory limit"},
		{Options{AddressSpace: 1 << 20}, "above the address space"},
		{Options{AddressSpace: 1 << 50}, "exceed"},
	}
	for _, tt := range tests {
		m, err := NewMachine(p, tt.o)
		switch {
		case err == nil:
			m.Close()
			if tt.want != "" {
				t.Errorf("%+v: no error", tt.o)
			}
		case tt.want == "" || !strings.Contains(err.Error(), tt.want):
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		}
	}
}

// TestExecuteOnlyCode reads its own text: there is nothing to see.
func TestExecuteOnlyCode(t *testing.T) {
	b := writeELF([]uint32{encI(wLd, 6, 5, 0), wStop}, make([]byte, 8))
	b[64+4] = 1 // flags of the first segment: X only
	p, err := LoadProgram(b)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.X[5], m.X[6] = textAt, 99
	if e := m.Run(10); e.Kind != Stop || m.X[6] != 0 {
		t.Errorf("exit %+v, read %#x", e, m.X[6])
	}
}
