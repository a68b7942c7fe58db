package riscv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fishplate/riscv/memory"
)

// guest is the least of a Linux process around a machine: enough for a static
// glibc program that computes and prints.
type guest struct {
	*Machine
	out  bytes.Buffer
	brk  uint64
	mmap uint64
	code int
}

const stackTop = 0x3000_0000

// newGuest makes a process of p whose arguments are its name and args.
func newGuest(t testing.TB, p *Program, args ...string) *guest {
	t.Helper()
	m, err := NewMachine(p, Options{MemoryLimit: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	g := &guest{Machine: m, brk: p.HeapStart, mmap: 0x3100_0000}
	g.setUp(t, append([]string{"guest"}, args...))
	return g
}

// setUp writes what a Linux program finds on its stack.
func (g *guest) setUp(t testing.TB, args []string) {
	t.Helper()
	var b []byte
	word := func(v ...uint64) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, x)
		}
	}
	const text = stackTop - 512
	word(uint64(len(args)))
	at := uint64(text)
	for _, a := range args {
		if err := g.Mem.Write(at, append([]byte(a), 0)); err != nil {
			t.Fatal(err)
		}
		word(at)
		at += uint64(len(a)) + 1
	}
	p := g.Program()
	word(0, 0) // the ends of argv and envp
	word(6, 4096, 3, p.Phdr, 4, uint64(p.PhEnt), 5, uint64(p.PhNum), 9, p.Entry, 25, stackTop-32, 23, 0, 0, 0)
	g.X[2] = stackTop - 4096
	if err := g.Mem.Write(g.X[2], b); err != nil {
		t.Fatal(err)
	}
}

// run executes until the program exits and returns its output.
func (g *guest) run(t testing.TB, fuel uint64) string {
	t.Helper()
	for {
		e := g.Run(fuel)
		switch e.Kind {
		case Call:
			if g.call(t) {
				return g.out.String()
			}
			g.SkipCall()
		case Budget:
		default:
			name, off := g.Program().Symbol(g.PC)
			text, _ := g.Program().Instruction(g.PC)
			t.Fatalf("exit %d at %#x (%s+%#x: %s): %v", e.Kind, g.PC, name, off, text, e.Fault)
		}
	}
}

// call performs one system call and says whether it was exit.
func (g *guest) call(t testing.TB) bool {
	const nosys = ^uint64(37)
	a := g.X[10:17]
	result := uint64(0)
	switch n := g.X[17]; n {
	case 93, 94:
		g.code = int(int32(a[0]))
		return true
	case 64:
		b, err := g.Mem.View(a[1], a[2])
		if err != nil {
			t.Fatal(err)
		}
		g.out.Write(b)
		result = a[2]
	case 214:
		if a[0] >= g.Program().HeapStart && a[0] < stackTop/2 {
			g.brk = a[0]
		}
		result = g.brk
	case 222:
		if a[0] == 0 {
			a[0] = g.mmap
			g.mmap += (a[1] + 4095) &^ 4095
		}
		if err := g.Mem.Map(a[0], a[1], uint8(a[2])&(memory.Read|memory.Write)); err != nil {
			t.Fatal(err)
		}
		result = a[0]
	case 215:
		if err := g.Mem.Unmap(a[0], a[1]); err != nil {
			t.Fatal(err)
		}
	case 226:
		if err := g.Mem.Protect(a[0], a[1], uint8(a[2])); err != nil {
			t.Fatal(err)
		}
	case 96:
		result = 1
	case 80: // fstat: a pipe
		if err := g.Mem.Write(a[1], make([]byte, 128)); err != nil {
			t.Fatal(err)
		}
		if err := g.Mem.Write(a[1]+16, []byte{0, 0x10, 0, 0}); err != nil {
			t.Fatal(err)
		}
	case 99, 160, 135, 134, 172, 178:
	default:
		result = nosys
	}
	g.X[10] = result
	return false
}

// needTool returns the path of a program, or fails naming its Debian package.
func needTool(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if testing.Short() {
			t.Skipf("%s is missing: install the package %s", name, pkg)
		}
		t.Fatalf("%s is missing: install the package %s, or run with -short", name, pkg)
	}
	return path
}

// build compiles one source file of testdata, or given assembly, to a static
// executable.
func build(t testing.TB, source string, flags ...string) string {
	t.Helper()
	tool, pkg := "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"
	if filepath.Ext(source) == ".cc" {
		tool, pkg = "riscv64-linux-gnu-g++", "g++-riscv64-linux-gnu"
	}
	out := filepath.Join(t.TempDir(), "program")
	args := append([]string{"-static", "-o", out, source}, flags...)
	if msg, err := exec.Command(needTool(t, tool, pkg), append(args, "-lm")...).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", source, err, msg)
	}
	return out
}

func load(t testing.TB, path string) *Program {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := LoadProgram(b)
	if err != nil {
		t.Fatal(fmt.Errorf("load %s: %w", path, err))
	}
	return p
}
