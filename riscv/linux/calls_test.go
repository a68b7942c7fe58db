package linux

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/riscv"
)

func TestTable(t *testing.T) {
	for i := range calls {
		r := &calls[i]
		if i > 0 && (r.number < calls[i-1].number || r.number == calls[i-1].number && (r.only == 0 || r.only == calls[i-1].only)) {
			t.Errorf("row %d, %s: number %d after %d", i, r.name, r.number, calls[i-1].number)
		}
		if r.serve == nil || r.name == "" || len(strings.Fields(r.args)) > 6 {
			t.Errorf("row %d, %s: incomplete", i, r.name)
		}
		for _, word := range []int{4, 8} {
			if found := lookup(r.number, word); r.only == 0 && found != r || r.only == uint8(8*word) && found != r {
				t.Errorf("%s is not found for %d bytes", r.name, word)
			}
		}
	}
	if lookup(5000, 8) != nil || lookup(98, 4) != nil || lookup(422, 8) != nil {
		t.Error("found what is not there")
	}
}

// TestReference keeps the table of the guide and that of the code the same.
func TestReference(t *testing.T) {
	var b bytes.Buffer
	if err := Reference(&b); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/reference/syscalls.md")
	if err != nil || !strings.Contains(string(text), b.String()) {
		t.Errorf("docs/reference/syscalls.md is not what Reference writes: run make gen (%v)", err)
	}
}

// TestBadPointers gives every call pointers that lead nowhere, in every
// argument, and expects an error instead of a store to what is not there.
func TestBadPointers(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		program := load(t, tiny(xlen, wEcall, wLoop))
		bad := []uint64{8, 0x7fff_0000, 0xffff_f000, 1<<63 + 16, ^uint64(0) - 3}
		for i := range calls {
			r := &calls[i]
			if r.only != 0 && int(r.only) != xlen {
				continue
			}
			for _, addr := range bad {
				for arg := range 6 {
					p := startProgram(t, program, 4<<20, Config{Clock: time.Now, Stdin: strings.NewReader("some input")})
					a := []uint64{0, 1, 8, 8, 0, 0}
					a[arg] = addr
					p.do(r.number, a...)
				}
			}
		}
	}
}

// FuzzCalls does sequences of calls with any arguments. Nothing may panic, no
// page beyond the limit may exist, and the code must stay as it is.
func FuzzCalls(f *testing.F) {
	add := func(calls ...[]uint64) {
		var b []byte
		for _, c := range calls {
			for _, v := range append(c, make([]uint64, 7-len(c))...) {
				b = binary.LittleEndian.AppendUint64(b, v)
			}
		}
		f.Add(false, b)
		f.Add(true, b)
	}
	for i := range calls {
		add([]uint64{calls[i].number, 0, dataAt, 8, dataAt, 8})
	}
	add([]uint64{222, 0, 8192, 3, 0x22}, []uint64{216, 0x3fe000, 8192, 65536, 1}, []uint64{233, 0x3e0000, 4096, 4}, []uint64{215, 0x3e0000, 4096})
	add([]uint64{214, 0x30000}, []uint64{214, 0x21000}, []uint64{226, 0x21000, 4096, 1})
	add([]uint64{134, 11, dataAt, 0, 8}, []uint64{132, dataAt, 0}, []uint64{131, 1000, 1000, 11}, []uint64{139})
	add([]uint64{56, 1<<64 - 100, dataAt, 0}, []uint64{63, 3, dataAt, 100}, []uint64{61, 3, dataAt, 100}, []uint64{23, 3}, []uint64{57, 3})
	root := fstest.MapFS{"a/b": {Data: []byte("content")}}
	programs := map[bool]*riscv.Program{false: load(f, tiny(64, wEcall, wLoop)), true: load(f, tiny(32, wEcall, wLoop))}
	f.Fuzz(func(t *testing.T, narrow bool, b []byte) {
		begin := time.Unix(1e9, 0)
		p := startProgram(t, programs[narrow], 4<<20, Config{Clock: func() time.Time { return begin }, Seed: []byte{1}, Stdin: strings.NewReader("in"), Stdout: io.Discard, Files: root})
		m := p.Machine
		if err := m.Mem.Write(dataAt, []byte("/a/b\x00and more of it, which is no path but may be read as any structure")); err != nil {
			t.Fatal(err)
		}
		for n := 0; len(b) >= 56 && n < 50 && p.ended == nil; n, b = n+1, b[56:] {
			var a [7]uint64
			for i := range a {
				a[i] = binary.LittleEndian.Uint64(b[8*i:])
			}
			p.do(a[0], a[1:]...)
			if m.Mem.Pages() > m.Mem.Limit() {
				t.Fatalf("call %d: %d pages of %d", a[0], m.Mem.Pages(), m.Mem.Limit())
			}
			if w, _ := m.Program().Fetch(codeAt); w != wEcall {
				t.Fatal("the code changed")
			}
			checkSpace(t, p)
		}
	})
}

// checkSpace compares the books of the address space with the memory: what is
// free cannot be stored to, what is mapped for writing can.
func checkSpace(t *testing.T, p *Process) {
	t.Helper()
	s := &p.space
	last := s.HeapEnd()
	probe := func(addr uint64, want bool) {
		if addr < s.HeapEnd() || addr >= s.Stack {
			return
		}
		dirty := p.Machine.Mem.Pages() < p.Machine.Mem.Limit()
		if _, err := p.Machine.Mem.Writable(addr, 1); (err == nil) != want && dirty {
			t.Fatalf("address %#x: writable %v, want %v, with %+v", addr, err == nil, want, s.Maps)
		}
	}
	for _, m := range s.Maps {
		if m.Start < last || m.End <= m.Start || m.End > s.Stack || m.Start%riscv.PageSize != 0 || m.End%riscv.PageSize != 0 {
			t.Fatalf("mappings %+v above %#x, below %#x", s.Maps, s.HeapEnd(), s.Stack)
		}
		if m.Start > last {
			probe(last, false)
			probe(m.Start-1, false)
		}
		probe(m.Start, m.Prot&riscv.Write != 0)
		last = m.End
	}
	if last < s.Stack {
		probe(s.Stack-1, false)
	}
}

// TestStartOfProcess reads the stack that a program finds.
func TestStartOfProcess(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		p := idle(t, xlen, Config{Args: []string{"name", "one", ""}, Env: []string{"A=b"}, Seed: []byte("s")})
		m := p.Machine
		sp := m.X[2]
		if sp%16 != 0 || sp >= m.Mem.Size() {
			t.Fatalf("sp %#x", sp)
		}
		next := func() uint64 {
			v, e := p.loadWord(sp)
			if e != 0 {
				t.Fatalf("read stack at %#x: %v", sp, e)
			}
			sp += uint64(p.word)
			return v
		}
		var got []string
		count := next()
		for range 2 {
			for a := next(); a != 0; a = next() {
				s, _ := p.path(a)
				got = append(got, s)
			}
		}
		if d := cmp.Diff([]string{"name", "one", "", "A=b"}, got); d != "" || count != 3 {
			t.Errorf("RV%d: argc %d, strings %s", xlen, count, d)
		}
		vector := map[uint64]uint64{}
		for k := next(); k != atNull; k = next() {
			vector[k] = next()
		}
		name, _ := p.path(vector[atExecfn])
		platform, _ := p.path(vector[atPlatform])
		phdr, e := p.load(vector[atPhdr], vector[atPhent]*vector[atPhnum])
		if name != "name" || platform != "riscv"+decimal(uint64(xlen)) || vector[atPagesz] != 4096 || vector[atEntry] != codeAt ||
			e != 0 || !bytes.Equal(phdr, m.Program().Phdrs) || vector[atRandom] == 0 {
			t.Errorf("RV%d: auxiliary vector %v, %q %q %v", xlen, vector, name, platform, e)
		}
	}
	program, err := riscv.LoadProgram(tiny(64, wLoop))
	if err != nil {
		t.Fatal(err)
	}
	m, err := riscv.NewMachine(program, MachineOptions(4<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := New(m, Config{Args: []string{strings.Repeat("x", 200_000)}}); err == nil {
		t.Error("200 KB of arguments were accepted")
	}
	if _, err := New(m, Config{StackSize: 1 << 40}); err == nil {
		t.Error("a stack of 1 TiB was accepted")
	}
}

// TestTrace holds the lines that a trace writes.
func TestTrace(t *testing.T) {
	var trace, out bytes.Buffer
	p := idle(t, 64, Config{Trace: &trace, Stdout: &out, Stdin: strings.NewReader("abc"), Seed: []byte{}})
	if err := p.Machine.Mem.Write(dataAt, []byte("hello\n\x00/dev/null\x00")); err != nil {
		t.Fatal(err)
	}
	p.do(64, 1, dataAt, 6)
	p.do(64, 1, 8, 6)
	p.do(63, 0, dataAt+100, 50)
	p.do(56, 1<<64-100, dataAt+7, 0, 0)
	p.do(222, 0, 4096, 3, 0x22, 1<<64-1, 0)
	p.do(220, 17)
	p.do(5000, 1, 2)
	p.do(131, 1000, 1000, 17)
	p.do(94, 300)
	want := `write(1, "hello\n", 6) = 6
write(1, 0x8, 6) = -1 EFAULT
read(0, "abc", 50) = 3
openat(AT_FDCWD, "/dev/null", 0, 0) = 3
mmap(0, 4096, 0x3, 0x22, -1, 0) = 0x3fe6f000
clone(0x11, 0, 0, 0, 0) = -1 ENOSYS (refused: a process has one thread and no children)
call 5000(0x1, 0x2, 0x0, 0x0, 0x0, 0x0) = -1 ENOSYS (unknown)
tgkill(1000, 1000, 17) = 0
exit_group(300) = ?
+++ exited with 44 +++
`
	if d := cmp.Diff(want, trace.String()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int{"clone": 1, "call 5000": 1}, p.Refused()); d != "" {
		t.Error(d)
	}
}

func TestHwprobe(t *testing.T) {
	p := idle(t, 64, Config{})
	pairs := make([]byte, 48)
	for i, key := range []uint64{probeBase, probeIMA, 77} {
		binary.LittleEndian.PutUint64(pairs[16*i:], key)
	}
	if err := p.Machine.Mem.Write(dataAt, pairs); err != nil {
		t.Fatal(err)
	}
	if r := p.do(258, dataAt, 3, 0, 0, 0); r != 0 {
		t.Fatalf("result %d", r)
	}
	b, err := p.Machine.Mem.View(dataAt, 48)
	if err != nil {
		t.Fatal(err)
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	if word(1) != 1 || word(3)&(probeFD|probeZba) != probeFD|probeZba || word(4) != ^uint64(0) {
		t.Errorf("pairs % x", b)
	}
}

// TestWaits finds what would never end.
func TestWaits(t *testing.T) {
	for _, tt := range []struct {
		name string
		call []uint64
	}{
		{"ppoll", []uint64{73, dataAt, 0, 0}},
		{"sigsuspend", []uint64{133, dataAt, 8}},
		{"futex", []uint64{98, dataAt, 0, 0, 0}},
	} {
		p := idle(t, 64, Config{})
		p.do(tt.call[0], tt.call[1:]...)
		if s := p.Status(); s.Stopped != StoppedFault || !strings.HasPrefix(s.Reason, "deadlock: "+tt.name) {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
}
