package riscv

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"fishplate/riscv/isa"
)

// explain reduces a scenario in which engine e differs from the interpreter to
// the instructions that matter, and tells what a person needs to look at it.
func (s *scenario) explain(t testing.TB, e engine, portions slicing, diff string) string {
	r, fuel := s.reduce(t, e, portions)
	p, err := r.program()
	if err != nil {
		return err.Error()
	}
	if d, _ := r.differ(t, p, interpreter, e, portions, fuel); d != "" {
		diff = d
	}
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, rv%d: interpreter and %s (slices %d) differ within %d instructions:\n%s", s.seed, s.xlen, e.name, portions, fuel, diff)
	fmt.Fprintf(&b, "reproduce: go test -run 'TestEngines/rv%d' -seed %d -programs 1\nreduced program:\n", s.xlen, s.seed)
	r.list(&b)
	return b.String()
}

// fails says whether the engines still differ.
func (s *scenario) fails(t testing.TB, e engine, portions slicing, fuel uint64) bool {
	p, err := s.program()
	if err != nil {
		return false
	}
	// The second run meets code that the first one may have made hot.
	for range 2 {
		if diff, _ := s.differ(t, p, interpreter, e, portions, fuel); diff != "" {
			return true
		}
	}
	return false
}

// reduce finds the least fuel with which the engines differ, then blanks out as
// many instructions and as much of the initial state as it can.
func (s *scenario) reduce(t testing.TB, e engine, portions slicing) (*scenario, uint64) {
	fails := func(c *scenario, fuel uint64) bool { return c.fails(t, e, portions, fuel) }
	return s.shrink(fails)
}

// shrink reduces a scenario for which fails holds with scenarioFuel.
func (s *scenario) shrink(fails func(c *scenario, fuel uint64) bool) (*scenario, uint64) {
	least := func(c *scenario, high uint64) uint64 {
		for low := uint64(0); low+1 < high; {
			if mid := (low + high) / 2; fails(c, mid) {
				high = mid
			} else {
				low = mid
			}
		}
		return high
	}
	fuel := least(s, scenarioFuel)
	c := s.clone()
	for size := len(c.marks); size > 0; size /= 2 {
		for i := 0; i < len(c.marks); i += size {
			try := c.clone()
			for _, m := range try.marks[i:min(i+size, len(try.marks))] {
				try.blank(m)
			}
			if fails(try, fuel) {
				c = try
			}
		}
	}
	for i := range c.x {
		for _, set := range [2]func(*scenario){func(c *scenario) { c.x[i] = 0 }, func(c *scenario) { c.f[i] = 0 }} {
			try := c.clone()
			set(try)
			if fails(try, fuel) {
				c = try
			}
		}
	}
	return c, least(c, fuel)
}

func (s *scenario) clone() *scenario {
	c := *s
	c.text = append([]byte(nil), s.text...)
	return &c
}

// blank replaces the instruction at an offset by one of its size that does
// nothing. The final ebreak stays.
func (s *scenario) blank(at int) {
	if textBase+uint64(at) == s.end {
		return
	}
	b := s.text[at:]
	if b[0]&3 == 3 {
		binary.LittleEndian.PutUint32(b, wNop)
	} else {
		binary.LittleEndian.PutUint16(b, wThinNop)
	}
}

// list writes the state that is not 0 and the instructions that are not blank.
func (s *scenario) list(b *strings.Builder) {
	for i, v := range s.x {
		if v != 0 {
			fmt.Fprintf(b, "  %s = %#x", isa.RegisterName(uint8(i)), v)
		}
	}
	for i, v := range s.f {
		if v != 0 {
			fmt.Fprintf(b, "  %s = %#x", isa.FloatName(uint8(i)), v)
		}
	}
	fmt.Fprintf(b, "  fcsr = %#x\n", s.fcsr)
	shown := 0
	for _, m := range s.marks {
		w := uint32(binary.LittleEndian.Uint16(s.text[m:]))
		if w&3 == 3 {
			w = binary.LittleEndian.Uint32(s.text[m:])
		}
		if w == wNop || w == wThinNop {
			continue
		}
		if shown++; shown > 60 {
			fmt.Fprintf(b, "  and more: it could not be reduced\n")
			return
		}
		fmt.Fprintf(b, "  %#x: %8x  %s\n", textBase+m, w, strings.ReplaceAll(isa.DisasmFor(s.xlen, w, textBase+uint64(m)), "\t", " "))
	}
}

// TestShrink reduces a program by a made-up failure, that a remainder is computed
// after some store: two instructions, and what makes them reachable, must remain.
func TestShrink(t *testing.T) {
	fails := func(c *scenario, fuel uint64) bool {
		p, err := c.program()
		if err != nil {
			t.Fatal(err)
		}
		r := c.start(t, p, interpreter)
		defer r.Close()
		for stored := false; r.Instret < fuel && !r.done; r.advance(1) {
			at := r.PC - textBase
			if at+4 > uint64(len(c.text)) {
				continue
			}
			switch in := decodeFor(c.xlen, binary.LittleEndian.Uint32(c.text[at:])); in.Op {
			case isa.OpSw:
				stored = true
			case isa.OpRemu:
				if stored {
					return true
				}
			}
		}
		return false
	}
	s := newScenario(1, 64, 150, false)
	for !fails(s, scenarioFuel) {
		s = newScenario(s.seed+1, 64, 150, false)
	}
	c, fuel := s.shrink(fails)
	var b strings.Builder
	c.list(&b)
	if n := strings.Count(b.String(), "\n"); n > 12 || fuel > 2000 {
		t.Errorf("%d lines and %d instructions remain:\n%s", n, fuel, &b)
	}
	t.Logf("%d of %d instructions remain:\n%s", strings.Count(b.String(), "\n")-1, len(s.marks), &b)
}
