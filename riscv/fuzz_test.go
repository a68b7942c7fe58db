package riscv

import (
	"bytes"
	"testing"
)

// FuzzRun executes arbitrary bytes, once in large slices and once instruction by
// instruction: nothing may panic, and both must agree at every exit.
func FuzzRun(f *testing.F) {
	f.Add([]byte{0x13, 0, 0, 0, 0x73, 0, 0, 0})
	f.Add([]byte{0x85, 0x02, 0xfd, 0xbf})             // c.addi; c.j back
	f.Add([]byte{0x6f, 0x00, 0x60, 0x00, 0x01, 0x00}) // a jump into the middle
	for seed := range uint64(20) {
		f.Add(newScenario(seed, 64, 30, false).text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 2 || len(text) > 4096 {
			return
		}
		p, err := LoadProgram(writeSegments(text, make([]byte, 4096)))
		if err != nil {
			t.Fatal(err)
		}
		var ends [2]*Machine
		for i, slice := range []uint64{500, 1} {
			m, err := NewMachine(p, Options{MemoryLimit: 1 << 16, AddressSpace: 1 << 22})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for r := range m.X[1:] {
				m.X[1+r] = dataAt + uint64(r)*8
			}
			m.X[1] = textAt
			for left := uint64(500); left > 0; {
				before := m.Instret
				e := m.Run(min(slice, left))
				ran := m.Instret - before
				left -= ran
				if e.Kind == Budget && ran != min(slice, left+ran) {
					t.Fatalf("%d instructions for a budget of %d", ran, slice)
				}
				if e.Kind == Faulted || e.Kind == Stop {
					break
				}
				m.SkipCall()
			}
			if m.X[0] != 0 {
				t.Fatal("x0 was written")
			}
			ends[i] = m
		}
		a, b := ends[0], ends[1]
		if a.PC != b.PC || a.X != b.X || a.F != b.F || a.Instret != b.Instret || a.FCSR() != b.FCSR() {
			t.Fatalf("in slices: pc %#x after %d; in steps: pc %#x after %d", a.PC, a.Instret, b.PC, b.Instret)
		}
		x, _ := a.Mem.View(4096, a.Mem.Size()-4096)
		y, _ := b.Mem.View(4096, b.Mem.Size()-4096)
		if !bytes.Equal(x, y) {
			t.Fatal("memory differs")
		}
	})
}
