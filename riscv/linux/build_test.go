package linux

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fishplate/riscv"
)

// needTool fails, or with -short skips, naming the Debian package of a program
// that is missing.
func needTool(t testing.TB, tool, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err == nil {
		return
	}
	if testing.Short() {
		t.Skipf("%s is missing: install the package %s", tool, pkg)
	}
	t.Fatalf("%s is missing: install the package %s, or run with -short", tool, pkg)
}

// build compiles a C or C++ source for RV64 and returns the executable's path.
func build(t testing.TB, source string, flags ...string) string {
	t.Helper()
	tool, pkg := "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"
	if filepath.Ext(source) == ".cc" {
		tool, pkg = "riscv64-linux-gnu-g++", "g++-riscv64-linux-gnu"
	}
	return compile(t, tool, pkg, append([]string{"-static", "-O2", "-w", source}, append(flags, "-lm")...)...)
}

func compile(t testing.TB, tool, pkg string, args ...string) string {
	t.Helper()
	needTool(t, tool, pkg)
	out := filepath.Join(t.TempDir(), "program")
	if msg, err := exec.Command(tool, append(args, "-o", out)...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", tool, args, err, msg)
	}
	return out
}

// startFile makes a process of the executable at path.
func startFile(t testing.TB, path string, memory uint64, c Config) *Process {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, file, memory, c)
}

func start(t testing.TB, file []byte, memory uint64, c Config) *Process {
	t.Helper()
	return startProgram(t, load(t, file), memory, c)
}

func load(t testing.TB, file []byte) *riscv.Program {
	t.Helper()
	program, err := riscv.LoadProgram(file)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func startProgram(t testing.TB, program *riscv.Program, memory uint64, c Config) *Process {
	t.Helper()
	m, err := riscv.NewMachine(program, MachineOptions(memory))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	p, err := New(m, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// finish runs a process to its end and expects that it ends by itself.
func finish(t testing.TB, p *Process) Status {
	t.Helper()
	s, err := p.Run(t.Context(), 0)
	if err != nil || !s.Exited {
		name, off := p.Machine.Program().Symbol(p.Machine.PC)
		t.Fatalf("stopped at %s+%#x: %+v, error %v", name, off, s, err)
	}
	return s
}

// tiny makes an executable of a few instructions, with a page of data behind
// them at dataAt.
func tiny(xlen int, code ...uint32) []byte {
	le := binary.LittleEndian
	var text bytes.Buffer
	for _, w := range code {
		_ = binary.Write(&text, le, w) // a buffer does not fail
	}
	const head = 0x200
	b := []byte("\x7fELF\x02\x01\x01")
	if xlen == 32 {
		b[4] = 1
	}
	b = append(b, make([]byte, 9)...)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 243)
	b = le.AppendUint32(b, 1)
	word := func(v uint64) {
		if xlen == 32 {
			b = le.AppendUint32(b, uint32(v))
			return
		}
		b = le.AppendUint64(b, v)
	}
	headSize, phSize := uint16(64), uint16(56)
	if xlen == 32 {
		headSize, phSize = 52, 32
	}
	word(codeAt)
	word(uint64(headSize))
	word(0)
	b = le.AppendUint32(b, 5)
	for _, v := range []uint16{headSize, phSize, 2, 0, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	for i, seg := range [][4]uint64{{5, codeAt, head, uint64(text.Len())}, {6, dataAt, 0, 0}} {
		memsize := seg[3]
		if i == 1 {
			memsize = riscv.PageSize
		}
		b = le.AppendUint32(b, 1)
		if xlen == 64 {
			b = le.AppendUint32(b, uint32(seg[0]))
		}
		word(seg[2])
		word(seg[1])
		word(seg[1])
		word(seg[3])
		word(memsize)
		if xlen == 32 {
			b = le.AppendUint32(b, uint32(seg[0]))
		}
		word(riscv.PageSize)
	}
	return append(append(b, make([]byte, head-len(b))...), text.Bytes()...)
}

const (
	codeAt = 0x10000
	dataAt = 0x20000

	wEcall  = 0x00000073
	wEbreak = 0x00100073
	wLoop   = 0x0000006f // j .
)

// idle is a process that has not begun, for calling calls by hand.
func idle(t testing.TB, xlen int, c Config) *Process {
	return start(t, tiny(xlen, wEcall, wLoop), 4<<20, c)
}

// do makes one call and returns its result as the program sees it: below 0 it
// is an error number.
func (p *Process) do(number uint64, a ...uint64) int64 {
	p.Machine.X[17] = number
	for i := range 6 {
		p.Machine.X[10+i] = 0
		if i < len(a) {
			p.Machine.X[10+i] = p.extend(a[i])
		}
	}
	p.Machine.PC = codeAt
	p.Machine.Run(1)
	p.Call()
	return int64(p.Machine.X[10])
}
