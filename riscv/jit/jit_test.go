//go:build linux && (amd64 || arm64)

package jit

import (
	le "encoding/binary"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"fishplate/riscv/interp"
	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

const at = 0x10000

// Instruction words of the tests.
const (
	wAddi  = 0x00150513 // addi a0,a0,1
	wLoop  = 0xfeb51ee3 // bne a0,a1,-4
	wBreak = 0x00100073 // ebreak
	wCall  = 0x010000ef // jal ra,+16
	wRet   = 0x00008067 // ret
	wNop   = 0x00000013
)

// code returns a cache and the interpreter's code for words at the address at.
func code(t *testing.T, limit int, words ...uint32) (*Cache, *interp.Code) {
	t.Helper()
	var b []byte
	for _, w := range words {
		b = le.LittleEndian.AppendUint32(b, w)
	}
	regions := []interp.Region{{Addr: at, Bytes: b}}
	c, err := New(regions, false, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, interp.Compile(64, regions)
}

// TestLayout holds what generated code takes for granted of a hart.
func TestLayout(t *testing.T) {
	var s interp.State
	if o := unsafe.Offsetof(s.X); o != 0 {
		t.Errorf("integer registers at %d, want 0", o)
	}
	if o := unsafe.Offsetof(s.F); o != 256 {
		t.Errorf("floating-point registers at %d, want 256", o)
	}
	if n := unsafe.Sizeof(s.N.Calls); n%16 != 0 {
		t.Errorf("stack of calls of %d bytes, want whole pairs", n)
	}
	if memory.AttrsBelow > 1<<31 {
		t.Errorf("attributes %d below the arena do not fit a displacement", memory.AttrsBelow)
	}
}

// TestNoMappingWritesAndExecutes looks at the process's own mappings.
func TestNoMappingWritesAndExecutes(t *testing.T) {
	code(t, DefaultLimit, wBreak)
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(maps)) {
		if !strings.Contains(line, "riscv-code") {
			continue
		}
		found++
		if mode := strings.Fields(line)[1]; strings.Contains(mode, "w") && strings.Contains(mode, "x") {
			t.Errorf("mapping is writable and executable: %s", line)
		}
	}
	if found < 2 {
		t.Errorf("%d mappings of the code, want one to write and one to execute", found)
	}
}

// run executes until an exit other than the end of a slice.
func run(t *testing.T, c *Cache, code *interp.Code, s *interp.State, slice uint64) interp.Exit {
	t.Helper()
	mem, err := memory.New(1<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mem.Close)
	for range 1 << 20 {
		if e := c.Run(s, code, mem, slice); e.Kind != interp.Budget {
			return e
		}
	}
	t.Fatal("the program does not end")
	return interp.Exit{}
}

// TestHotLoop checks that a loop is translated, and counted exactly whatever the
// slices are.
func TestHotLoop(t *testing.T) {
	for _, slice := range []uint64{1, 3, 1000, 1 << 40} {
		c, program := code(t, DefaultLimit, wNop, wAddi, wLoop, wBreak)
		s := new(interp.State)
		s.PC, s.X[11] = at, 50_000
		if e := run(t, c, program, s, slice); e.Kind != interp.Break || s.PC != at+12 {
			t.Fatalf("slices of %d: %v at %#x", slice, e.Kind, s.PC)
		}
		if want := uint64(1 + 2*50_000 + 1); s.Instret != want || s.X[10] != 50_000 {
			t.Errorf("slices of %d: %d instructions, a0 = %d; want %d, 50000", slice, s.Instret, s.X[10], want)
		}
		if n := c.Stats().Regions; n == 0 && slice > 1 {
			t.Errorf("slices of %d: nothing was translated", slice)
		}
	}
}

// TestLimit checks that a full cache leaves the rest to the interpreter.
func TestLimit(t *testing.T) {
	c, program := code(t, room, wNop, wAddi, wLoop, wBreak)
	s := new(interp.State)
	s.PC, s.X[11] = at, 1000
	if e := run(t, c, program, s, 100); e.Kind != interp.Break || s.X[10] != 1000 {
		t.Fatalf("%v with a0 = %d", e.Kind, s.X[10])
	}
	if st := c.Stats(); !st.Full || st.Regions != 0 {
		t.Errorf("stats %+v, want a full cache without code", st)
	}
}

// TestTurns checks that addresses which are asked for in turn do not keep each
// other from being translated, however far apart they are.
func TestTurns(t *testing.T) {
	c, _ := code(t, DefaultLimit, slices.Repeat([]uint32{wRet}, 8<<10)...)
	for n := range hotVisits {
		for off := uint64(0); off < 32<<10; off += 4 << 10 {
			if got := c.entry(at+off) != 0; got != (n == hotVisits-1) {
				t.Fatalf("visit %d of +%#x: translated %v", n+1, off, got)
			}
		}
	}
}

// TestSmallSpace checks that a load behind the end of the smallest address space
// faults, when it is used often, too.
func TestSmallSpace(t *testing.T) {
	const wLui, wLoad = 0x00002537, 0x7f853583 // lui a0,2; ld a1,2040(a0)
	c, program := code(t, DefaultLimit, wLui, wLoad, wBreak)
	mem, err := memory.New(2*memory.PageSize, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mem.Close)
	for range 4 * hotVisits {
		s := &interp.State{PC: at}
		if e := c.Run(s, program, mem, 10); e.Kind != interp.Faulted || s.PC != at+4 || s.Instret != 1 {
			t.Fatalf("%v at %#x after %d instructions, want a fault at %#x after 1", e.Kind, s.PC, s.Instret, at+4)
		}
	}
}

// TestUnsupported checks what is refused, with the reason.
func TestUnsupported(t *testing.T) {
	for name, r := range map[string][]interp.Region{
		"no code":     nil,
		"above 2 GiB": {{Addr: 1 << 31, Bytes: make([]byte, 4)}},
		"far apart":   {{Addr: at, Bytes: make([]byte, 4)}, {Addr: 1 << 30, Bytes: make([]byte, 4)}},
	} {
		if c, err := New(r, false, DefaultLimit); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

// TestRegions checks what belongs together: a loop without calls stands alone in
// code that has calls.
func TestRegions(t *testing.T) {
	words := []uint32{
		wNop,         // +0
		wCall,        // +4, to +20
		wAddi, wLoop, // +8, a loop
		wRet,            // +16
		wNop, wBreak, 0, // +20
	}
	tests := []struct {
		name  string
		entry uint64
		heads []uint64
	}{
		{"function", at, []uint64{at, at + 16}},
		{"loop and what follows", at + 8, []uint64{at + 8, at + 16}},
		{"callee", at + 20, []uint64{at + 20, at + 28}},
	}
	c, _ := code(t, DefaultLimit, words...)
	for _, tt := range tests {
		var heads []uint64
		for _, b := range new(finder).find(tt.entry, c.read).blocks {
			heads = append(heads, b.pc)
		}
		if !slices.Equal(heads, tt.heads) {
			t.Errorf("%s: blocks at %#x, want %#x", tt.name, heads, tt.heads)
		}
	}
}

// TestCoverage names the operations that only the interpreter knows, so that a
// template that gets lost is noticed.
func TestCoverage(t *testing.T) {
	missing := map[string]bool{}
	for _, row := range isa.Table() {
		if !Covers(row.Op) && row.Ext != "V" && row.Ext != "Zfa" {
			missing[row.Name] = true
		}
	}
	for _, name := range []string{"ecall", "ebreak", "wfi", "stop", "custom"} {
		if !missing[name] {
			t.Errorf("%s has a template; it must leave to the embedder", name)
		}
	}
	for _, name := range []string{"add", "ld", "sd", "jalr", "amoadd.w", "lr.d", "fmadd.d", "fcvt.w.d", "clmul", "czero.eqz"} {
		if missing[name] {
			t.Errorf("%s has no template", name)
		}
	}
}

// Encodings of what the next test needs.
func addi(rd, rs uint32, imm int32) uint32 { return uint32(imm)<<20 | rs<<15 | rd<<7 | 0x13 }
func ld(rd, rs, imm uint32) uint32         { return imm<<20 | rs<<15 | 3<<12 | rd<<7 | 3 }
func sd(rs2, rs1 uint32) uint32            { return rs2<<20 | rs1<<15 | 3<<12 | 0x23 }
func bne(a, b uint32, back int32) uint32 {
	v := uint32(-back)
	return v>>12&1<<31 | v>>5&0x3f<<25 | b<<20 | a<<15 | 1<<12 | v>>1&15<<8 | v>>11&1<<7 | 0x63
}

// TestTouchKeepsBase has a store meet a new page in each round, between two loads
// through a base register that lives in memory, since the others are used more.
func TestTouchKeepsBase(t *testing.T) {
	const base, moving, rounds = 30, 12, 60 // t5, a2
	var words []uint32
	for range 3 {
		for _, r := range []uint32{5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20} {
			words = append(words, addi(r, r, 1))
		}
	}
	words = append(words, ld(28, base, 0), sd(10, moving), ld(29, base, 8),
		addi(moving, moving, 2047), addi(moving, moving, 2047), addi(moving, moving, 2), addi(31, 31, -1))
	words = append(words, bne(31, 0, int32(4*len(words))), wBreak)
	var ends []interp.Registers
	for _, native := range []bool{false, true} {
		c, program := code(t, DefaultLimit, words...)
		mem, err := memory.New(1<<20, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(mem.Close)
		s := new(interp.State)
		s.PC, s.X[base], s.X[moving], s.X[31] = at, 0x30000, 0x40000, rounds
		if err := mem.Write(0x30000, []byte("0123456789abcdef")); err != nil {
			t.Fatal(err)
		}
		for e := (interp.Exit{Kind: interp.Budget}); e.Kind == interp.Budget; {
			if native {
				e = c.Run(s, program, mem, 1000)
			} else {
				e = s.Run(program, mem, 1000)
			}
		}
		if s.X[29] == 0 || s.X[31] != 0 {
			t.Fatalf("native %v: ended with t4 = %#x in round %d", native, s.X[29], s.X[31])
		}
		ends = append(ends, s.Save())
	}
	if !reflect.DeepEqual(ends[0], ends[1]) {
		t.Errorf("interpreter and translation differ:\n%v\n%v", ends[0], ends[1])
	}
}
