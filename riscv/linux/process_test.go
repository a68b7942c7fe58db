package linux

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/riscv"
)

// TestLikeQemu runs programs here and under qemu-user: output and status must
// be the same.
func TestLikeQemu(t *testing.T) {
	needTool(t, "qemu-riscv64", "qemu-user")
	for _, tt := range []struct {
		name, source string
		args, flags  []string
	}{
		{"heap", "testdata/heap.c", nil, nil},
		{"heap small", "testdata/heap.c", nil, []string{"-Os", "-march=rv64g"}},
		{"facts", "testdata/facts.c", []string{"one word"}, nil},
		{"signals abort", "testdata/signals.c", nil, nil},
		{"signals kill", "testdata/signals.c", []string{"t"}, nil},
		{"exceptions", "testdata/throw.cc", nil, nil},
		{"classes", "../testdata/programs/classes.cc", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := build(t, tt.source, tt.flags...)
			var out bytes.Buffer
			p := startFile(t, path, 64<<20, Config{Args: append([]string{path}, tt.args...), Env: []string{"FACT=so"}, Stdout: &out})
			status := finish(t, p)
			cmd := exec.Command("qemu-riscv64", append([]string{"-E", "FACT=so", path}, tt.args...)...)
			want, err := cmd.Output()
			if err != nil && cmd.ProcessState == nil {
				t.Fatalf("run under qemu: %v", err)
			}
			if d := cmp.Diff(string(want), out.String()); d != "" {
				t.Errorf("output (-qemu +ours):\n%s", d)
			}
			code := cmd.ProcessState.ExitCode()
			if code < 0 { // qemu ends by the signal itself
				code = status.Code
				if status.Signal == 0 {
					t.Errorf("qemu ended by a signal (%v), ours by %+v", cmd.ProcessState, status)
				}
			}
			if status.Code != code {
				t.Errorf("status %d, qemu %d", status.Code, code)
			}
		})
	}
}

// TestClang runs a program that another compiler and linker made.
func TestClang(t *testing.T) {
	object := compile(t, "clang-14", "clang-14", "--target=riscv64-linux-gnu", "-march=rv64gc", "-nostdlibinc", "-isystem", "/usr/riscv64-linux-gnu/include",
		"-O2", "-w", "-c", "testdata/heap.c")
	path := compile(t, "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu", "-static", object)
	var out, want bytes.Buffer
	finish(t, startFile(t, path, 64<<20, Config{Stdout: &out}))
	finish(t, startFile(t, build(t, "testdata/heap.c"), 64<<20, Config{Stdout: &want}))
	if d := cmp.Diff(want.String(), out.String()); d != "" || out.Len() == 0 {
		t.Errorf("output (-gcc +clang):\n%s", d)
	}
}

// TestNarrow runs a program without a library on RV32 here and under qemu.
func TestNarrow(t *testing.T) {
	needTool(t, "qemu-riscv32", "qemu-user")
	path := compile(t, "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu", "-march=rv32imafdc", "-mabi=ilp32d", "-static", "-nostdlib",
		"-ffreestanding", "-O2", "-fno-stack-protector", "-Wl,--build-id=none", "-Wl,-melf32lriscv", "-I", "testdata/none", "testdata/narrow.c")
	var out bytes.Buffer
	status := finish(t, startFile(t, path, 64<<20, Config{Args: []string{"narrow", "x"}, Stdout: &out}))
	cmd := exec.Command("qemu-riscv32", "-0", "narrow", path, "x")
	want, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		t.Fatalf("run under qemu: %v", err)
	}
	if d := cmp.Diff(string(want), out.String()); d != "" || status.Code != cmd.ProcessState.ExitCode() {
		t.Errorf("status %d, output (-qemu +ours):\n%s", status.Code, d)
	}
}

// TestVectorsInHandlers is not compared with qemu-user, which loses the vector
// registers of what a handler interrupts.
func TestVectorsInHandlers(t *testing.T) {
	var out bytes.Buffer
	p := startFile(t, build(t, "testdata/vectors.c", "-march=rv64gcv"), 64<<20, Config{Stdout: &out})
	finish(t, p)
	if want := "vectors 1\nhandler 5 9\nkept 4: 7 9 11 13\n"; out.String() != want {
		t.Errorf("output %q, want %q", out.String(), want)
	}
	if n := len(p.signals.vectors); n != 0 {
		t.Errorf("%d saved registers are left", n)
	}
}

func TestThreadsAreRefused(t *testing.T) {
	path := build(t, "testdata/threads.c")
	var out, trace bytes.Buffer
	p := startFile(t, path, 64<<20, Config{Stdout: &out, Trace: &trace})
	finish(t, p)
	if want := "wait: Connection timed out\nthread: Function not implemented\n"; out.String() != want {
		t.Errorf("output %q, want %q", out.String(), want)
	}
	if !strings.Contains(trace.String(), "= -1 ENOSYS (refused: a process has one thread and no children)") {
		t.Errorf("trace:\n%s", trace.String())
	}
	if n := p.Refused(); n["clone"]+n["clone3"] == 0 {
		t.Errorf("refused %v", n)
	}
	// With an argument it locks itself out.
	p = startFile(t, path, 64<<20, Config{Args: []string{"threads", "x"}})
	s, err := p.Run(t.Context(), 0)
	if err != nil || s.Stopped != StoppedFault || !strings.HasPrefix(s.Reason, "deadlock: futex") {
		t.Errorf("stopped %+v, error %v", s, err)
	}
}

// repeatable is a configuration in which nothing comes from the host.
func repeatable(out *bytes.Buffer, args ...string) Config {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return Config{Args: args, Stdout: out, Seed: []byte("seed"), Clock: func() time.Time { return begin }}
}

func TestFixedClockAndSeed(t *testing.T) {
	path := build(t, "testdata/outside.c")
	var first, second, other bytes.Buffer
	p := startFile(t, path, 64<<20, repeatable(&first, "a"))
	q := startFile(t, path, 64<<20, repeatable(&second, "a"))
	c := repeatable(&other, "a")
	c.Seed = []byte("another")
	begun := time.Now()
	finish(t, p)
	finish(t, q)
	finish(t, startFile(t, path, 64<<20, c))
	if first.String() != second.String() || p.Machine.Instret != q.Machine.Instret || p.Machine.X != q.Machine.X {
		t.Errorf("two runs differ: %d and %d instructions,\n%s%s", p.Machine.Instret, q.Machine.Instret, &first, &second)
	}
	if first.String() == other.String() {
		t.Error("another seed changes nothing")
	}
	if !strings.Contains(first.String(), "slept 3600\n") || time.Since(begun) > time.Hour {
		t.Errorf("the clock: %s", first.String())
	}
}

// TestReplay records a run with real time, randomness and input, and plays it
// without any of them.
func TestReplay(t *testing.T) {
	path := build(t, "testdata/outside.c")
	var out, tape bytes.Buffer
	p := startFile(t, path, 64<<20, Config{Args: []string{"a", "quick"}, Stdin: strings.NewReader("two\nlines\n"), Stdout: &out, Record: &tape})
	finish(t, p)
	var again bytes.Buffer
	q := startFile(t, path, 64<<20, Config{Args: []string{"a", "quick"}, Stdout: &again, Replay: bytes.NewReader(tape.Bytes())})
	finish(t, q)
	if d := cmp.Diff(out.String(), again.String()); d != "" || p.Machine.Instret != q.Machine.Instret || p.Machine.X != q.Machine.X {
		t.Errorf("%d and %d instructions, output (-recorded +played):\n%s", p.Machine.Instret, q.Machine.Instret, d)
	}
	if !strings.Contains(out.String(), "line lines") {
		t.Errorf("output %s", out.String())
	}

	// A recording that is cut, damaged or of something else is an error.
	for _, tt := range []struct {
		name, want string
		tape       []byte
		args       []string
	}{
		{"cut", "it ends here", tape.Bytes()[:tape.Len()-40], []string{"a", "quick"}},
		{"empty", "this is none", nil, []string{"a", "quick"}},
		{"other arguments", "other arguments", tape.Bytes(), []string{"a", "slow"}},
		{"other calls", "the recording has", append(bytes.Clone(tape.Bytes()[:45]), bytes.Repeat([]byte{7, 0, 0, 0, 0}, 100)...), []string{"a", "quick"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := startFile(t, path, 64<<20, Config{}).Machine
			fresh, err := riscv.NewMachine(m.Program(), MachineOptions(64<<20))
			if err != nil {
				t.Fatal(err)
			}
			defer fresh.Close()
			r, err := New(fresh, Config{Args: tt.args, Replay: bytes.NewReader(tt.tape)})
			if err == nil {
				_, err = r.Run(t.Context(), 0)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	path := build(t, "testdata/files.c")
	var out bytes.Buffer
	root := fstest.MapFS{
		"etc/motd":      {Data: []byte("hello\nworld\n")},
		"etc/deep/more": {Data: bytes.Repeat([]byte("x"), 100_000)},
	}
	finish(t, startFile(t, path, 64<<20, Config{Stdout: &out, Files: root}))
	want := `line hello
line world
size 100000
at 99999: x
name deep
name motd
write: Read-only file system
directory: Is a directory
not one: Not a directory
inside: 6
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}

func TestMemoryLimit(t *testing.T) {
	path := build(t, "testdata/hog.c")
	for _, tt := range []struct {
		arg  string
		want Stopped
		code int
	}{
		{"malloc", StoppedExit, 3}, // it is told that there is no more
		{"touch", StoppedMemory, 0},
		{"recurse", StoppedFault, 0},
	} {
		p := startFile(t, path, 8<<20, Config{Args: []string{"hog", tt.arg}})
		s, err := p.Run(t.Context(), 0)
		if err != nil || s.Stopped != tt.want || s.Code != tt.code {
			t.Errorf("%s: %+v, error %v", tt.arg, s, err)
		}
		if tt.arg == "recurse" && (s.Exit.Fault == nil || !p.InStackGuard(s.Exit.Fault.Addr)) {
			t.Errorf("%s: fault %v is not below the stack", tt.arg, s.Exit.Fault)
		}
		if n := p.Machine.Mem.Pages(); n > 2048 {
			t.Errorf("%s: %d pages", tt.arg, n)
		}
	}
}

func TestRunInPieces(t *testing.T) {
	path := build(t, "testdata/heap.c")
	var whole, pieces bytes.Buffer
	p := startFile(t, path, 64<<20, Config{Args: []string{"a"}, Stdout: &whole, Seed: []byte{}})
	finish(t, p)
	q := startFile(t, path, 64<<20, Config{Args: []string{"a"}, Stdout: &pieces, Seed: []byte{}})
	for n := 0; ; n++ {
		before := q.Machine.Instret
		s, err := q.Run(t.Context(), 99_991)
		if err != nil {
			t.Fatal(err)
		}
		if s.Exited {
			break
		}
		if s.Stopped != StoppedBudget || q.Machine.Instret < before+99_991 {
			t.Fatalf("piece %d: %+v after %d instructions", n, s, q.Machine.Instret-before)
		}
	}
	if d := cmp.Diff(whole.String(), pieces.String()); d != "" || p.Machine.Instret != q.Machine.Instret {
		t.Errorf("%d and %d instructions, output (-whole +pieces):\n%s", p.Machine.Instret, q.Machine.Instret, d)
	}
}

func TestContextStops(t *testing.T) {
	t.Run("loop", func(t *testing.T) {
		p := start(t, tiny(64, wLoop), 4<<20, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if s, err := p.Run(ctx, 0); !errors.Is(err, context.DeadlineExceeded) || s.Stopped != "" {
			t.Errorf("%+v, error %v", s, err)
		}
	})
	t.Run("sleep", func(t *testing.T) {
		// addi a7,x0,101; lui a0,0x20; addi a1,x0,0; ecall: nanosleep of what lies in the data
		p := start(t, tiny(64, 0x06500893, 0x00020537, 0x00000593, wEcall, wLoop), 4<<20, Config{})
		if err := p.Machine.Mem.Write(dataAt, []byte{0, 0, 0, 0, 1, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := p.Run(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestFaultsStop(t *testing.T) {
	for _, tt := range []struct {
		name string
		code []uint32
		kind riscv.ExitKind
		word string
	}{
		{"illegal", []uint32{0xffffffff}, riscv.Faulted, "illegal instruction"},
		{"breakpoint", []uint32{wEbreak}, riscv.Break, "ebreak"},
		{"wild jump", []uint32{0x00000067}, riscv.Faulted, "fetch access"}, // jr zero
		{"wild store", []uint32{0x10000537, 0x00a52023}, riscv.Faulted, "store access"},
		{"wait for interrupt", []uint32{0x10500073}, riscv.Stop, "stop instruction"},
		{"custom", []uint32{0x0000005b}, riscv.Custom, "custom instruction"},
	} {
		file := tiny(64, tt.code...)
		p := start(t, file, 4<<20, Config{})
		s, err := p.Run(t.Context(), 100)
		if err != nil || s.Stopped != StoppedFault || s.Exit.Kind != tt.kind || !strings.Contains(s.Reason, tt.word) {
			t.Errorf("%s: %+v, error %v", tt.name, s, err)
		}
		if !p.Handle(s.Exit) || p.Status() != s {
			t.Errorf("%s: it goes on", tt.name)
		}

		// Of a program that Load loaded, only faults and breakpoints are left.
		program, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err = startProgram(t, program, 4<<20, Config{}).Run(t.Context(), 100)
		if err != nil || s.Stopped != StoppedFault || s.Exit.Kind != riscv.Faulted && s.Exit.Kind != riscv.Break {
			t.Errorf("%s, loaded for Linux: %+v, error %v", tt.name, s, err)
		}
	}
}
