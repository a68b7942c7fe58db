package riscv

import (
	"encoding/binary"
	"testing"
)

// FuzzRun executes arbitrary bytes from an arbitrary entry with arbitrary
// registers, on harts of both widths: nothing may panic or go on for ever, and
// all engines must agree at every exit, however the fuel is portioned. What is
// stored outside the arena meets the inaccessible memory around it.
func FuzzRun(f *testing.F) {
	f.Add([]byte{0x13, 0, 0, 0, 0x73, 0, 0, 0}, uint16(0), uint64(1), false)
	f.Add([]byte{0x85, 0x02, 0xfd, 0xbf}, uint16(0), uint64(2), true)              // c.addi; c.j back
	f.Add([]byte{0x6f, 0x00, 0x60, 0x00, 0x01, 0x00}, uint16(2), uint64(3), false) // a jump into the middle
	f.Add([]byte("00'X0$0"), uint16(0), uint64(23), false)                         // a vector store
	for seed := range uint64(20) {
		s := newScenario(seed, 64-32*int(seed%2), 30, false)
		f.Add(s.text, uint16(0), seed, s.xlen == 32)
	}
	f.Fuzz(func(t *testing.T, text []byte, entry uint16, seed uint64, narrow bool) {
		if len(text) < 2 || len(text) > 4096 {
			return
		}
		xlen := 64
		if narrow {
			xlen = 32
		}
		s := arbitrary(text, uint64(entry), seed, xlen)
		p, err := s.program()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range engines() {
			// Again and again, since what has been executed gets translated.
			for _, portions := range []slicing{0, 1, 0, 7, -slicing(1 + seed%1000)} {
				if diff, _ := s.differ(t, p, interpreter, e, portions, 600); diff != "" {
					t.Fatalf("rv%d, interpreter and %s in slices of %d:\n%s", xlen, e.name, portions, diff)
				}
			}
		}
	})
}

// arbitrary is a scenario of any bytes. Most registers point to where memory is
// interesting, the first ones into the code.
func arbitrary(text []byte, entry, seed uint64, xlen int) *scenario {
	g := &gen{Rand: newRand(seed), xlen: xlen, s: &scenario{seed: seed, xlen: xlen}}
	g.state()
	s := g.s
	s.text = text
	s.entry = entry % uint64(len(text)) &^ 1
	for i := 1; i < 32; i++ {
		switch g.IntN(4) {
		case 0:
			s.x[i] = g.address()
		case 1:
			s.x[i] = textBase + uint64(g.IntN(len(text)))
		}
	}
	return s
}

// cutOff reports whether a program's code ends within four bytes of its entry.
func cutOff(p *Program) bool {
	for _, s := range p.segments {
		if at := p.Entry - s.Addr; at < uint64(len(s.Data)) {
			return uint64(len(s.Data))-at < 4
		}
	}
	return false
}

// FuzzLoad loads arbitrary files: each is refused with an error, or runs without
// harm.
func FuzzLoad(f *testing.F) {
	for _, xlen := range []int{64, 32} {
		s := newScenario(1, xlen, 20, false)
		f.Add(writeImage(xlen, textBase, part{textBase, 5, s.text}, part{dataBase, 6, s.data[:64]}))
		f.Add(writeImage(xlen, textBase+2, part{textBase, 5, s.text[:9]}, part{textBase + 0x2000, 4, s.ro[:8]}, part{1 << 30, 6, nil}))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := LoadProgram(file)
		if err != nil {
			if p != nil || err.Error() == "" {
				t.Fatalf("program %v with error %q", p, err)
			}
			return
		}
		name, _ := p.Symbol(p.Entry)
		text, size := p.Instruction(p.Entry)
		if size == 0 && !cutOff(p) {
			t.Fatalf("no instruction at the entry %#x (%s, %q)", p.Entry, name, text)
		}
		for _, e := range engines() {
			o := Options{MemoryLimit: 1 << 20, AddressSpace: 16 << 20}
			e.choose(&o)
			m, err := NewMachine(p, o)
			if err != nil {
				return // it does not fit, which the error says
			}
			for range 20 {
				if exit := m.Run(50); exit.Kind == Faulted {
					break
				}
				m.SkipCall()
			}
			m.Close()
		}
	})
}

// TestEveryEntry begins at every offset of a program with every register at
// the same address, for addresses at the edges of everything.
func TestEveryEntry(t *testing.T) {
	s := newScenario(*seedFlag, 64, 40, false)
	p, err := s.program()
	if err != nil {
		t.Fatal(err)
	}
	for entry := uint64(0); entry < uint64(len(s.text)); entry += 2 {
		s.entry = entry
		at := binary.LittleEndian.Uint64(s.ro[entry%tablesAt&^7:])
		for i := 1; i < 32; i++ {
			s.x[i] = at
		}
		for _, e := range engines() {
			for _, portions := range []slicing{0, 3} {
				if diff, _ := s.differ(t, p, interpreter, e, portions, 500); diff != "" {
					t.Fatalf("entry %#x, registers %#x, %s in slices of %d:\n%s", textBase+entry, at, e.name, portions, diff)
				}
			}
		}
	}
}
