package debug

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/riscv"
)

// crash runs crash.c to its end and returns the machine there.
func crash(t *testing.T, xlen int, flags ...string) (*riscv.Machine, *Lines) {
	t.Helper()
	program, lines := load(t, build(t, xlen, "crash.c", flags...))
	p := start(t, program, new(strings.Builder))
	status, err := p.Run(t.Context(), 1e6)
	if err != nil || status.Stopped != "fault" {
		t.Fatalf("stopped by %q, error %v", status.Stopped, err)
	}
	return p.Machine, lines
}

// shape is a backtrace without addresses.
func shape(frames []Frame, withLines bool) string {
	var b strings.Builder
	for _, f := range frames {
		b.WriteString(f.Func)
		if withLines {
			fmt.Fprintf(&b, " %s:%d", filepath.Base(f.File), f.Line)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestBacktrace(t *testing.T) {
	const withLines = `weigh crash.c:8
leaf crash.c:13
descend crash.c:19
descend crash.c:19
descend crash.c:19
descend crash.c:19
main crash.c:25
_start start.S:18
`
	const names = "leaf\ndescend\ndescend\ndescend\ndescend\nmain\n_start\n"
	bare := []string{"-fno-asynchronous-unwind-tables", "-fno-unwind-tables"}
	tests := []struct {
		name  string
		flags []string
		want  string
	}{
		{"plain", []string{"-g", "-O0"}, withLines},
		{"optimized", []string{"-g", "-O1"}, withLines},
		{"frame information of the debugger", append([]string{"-g", "-O1"}, bare...), withLines},
		{"DWARF 4", []string{"-gdwarf-4", "-O1"}, withLines},
		{"compressed", []string{"-g", "-gz", "-O1"}, withLines},
		{"unwind tables alone", []string{"-O1", "-fasynchronous-unwind-tables"}, names},
		{"prologues", append([]string{"-O1"}, bare...), names},
		{"prologues with a frame pointer", append([]string{"-O1", "-fno-omit-frame-pointer"}, bare...), names},
		{"frame pointers without symbols", append([]string{"-O1", "-s", "-fno-omit-frame-pointer"}, bare...), "\n\n\n\n\n\n\n"},
		{"nothing", append([]string{"-O1", "-s", "-fomit-frame-pointer"}, bare...), "\n\n"},
	}
	for _, xlen := range []int{64, 32} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("RV%d/%s", xlen, tt.name), func(t *testing.T) {
				m, lines := crash(t, xlen, tt.flags...)
				frames := Backtrace(m, lines)
				got := shape(frames, tt.want == withLines)
				if got != tt.want {
					var b strings.Builder
					_ = Print(&b, frames)
					t.Errorf("got\n%s\nwant\n%s", b.String(), tt.want)
				}
			})
		}
	}
}

// TestBacktraceOfHandlers walks out of a signal handler, and out of a call to
// nowhere.
func TestBacktraceOfHandlers(t *testing.T) {
	program, lines := load(t, buildStatic(t, "handler.c", "-g", "-O1"))
	for arg, want := range map[string]string{
		"handler": "on_signal raise deep deep main",
		"nowhere": " call_nowhere main",
	} {
		p := start(t, program, new(strings.Builder), arg)
		if status, err := p.Run(t.Context(), 0); err != nil || status.Stopped != "fault" {
			t.Fatalf("%s: %+v, %v", arg, status, err)
		}
		var names []string
		for _, f := range Backtrace(p.Machine, lines) {
			if !strings.Contains(f.Func, "pthread_kill") {
				names = append(names, f.Func)
			}
		}
		if got := strings.Join(names, " "); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "_start") {
			t.Errorf("%s: got %q, want %q", arg, got, want)
		}
	}
}

// TestBacktraceOfMovedProgram finds names and frames where a position-independent
// program has been put.
func TestBacktraceOfMovedProgram(t *testing.T) {
	path := buildMovable(t, "crash.c")
	program, lines := load(t, path)
	if program.Bias == 0 {
		t.Fatal("the program was not moved")
	}
	p := start(t, program, new(strings.Builder))
	if status, err := p.Run(t.Context(), 1e6); err != nil || status.Stopped != "fault" {
		t.Fatalf("%+v, %v", status, err)
	}
	frames := Backtrace(p.Machine, lines)
	if got := shape(frames, true); !strings.HasPrefix(got, "weigh crash.c:8\nleaf crash.c:13\n") || !strings.HasSuffix(got, "main crash.c:25\n_start start.S:18\n") {
		t.Errorf("got\n%s", got)
	}
	if entry, _ := program.Lookup("leaf"); frames[1].PC-frames[1].Off != entry {
		t.Errorf("leaf begins at %#x: %v", entry, frames[1])
	}
	said, _ := withGDB(t, path, nil, "break descend", "continue", "bt", "print nowhere")
	got := sections(said)
	if !strings.Contains(got["bt"], "#0  descend (up=") || !strings.Contains(got["bt"], "in main (argc=") || !strings.Contains(got["print nowhere"], "0x8") {
		t.Errorf("gdb:\n%s", said)
	}
	var b bytes.Buffer
	if err := record(t, path, 0).WritePprof(&b); err != nil {
		t.Fatal(err)
	}
}

func TestFrameString(t *testing.T) {
	for want, f := range map[string]Frame{
		"0x00010204 in f+0x4 at /src/f.c:7":       {0x10204, "f", 4, "/src/f.c", 7, false},
		"0x00010204 in g at /src/f.c:3 (inlined)": {0x10204, "g", 4, "/src/f.c", 3, true},
		"0x00010204 in f+0x0":                     {0x10204, "f", 0, "", 0, false},
		"0x00000000 in ??":                        {},
	} {
		if got := f.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	var b strings.Builder
	if err := Print(&b, make([]Frame, MaxFrames)); err != nil || !strings.HasSuffix(b.String(), "more frames are not shown)\n") {
		t.Errorf("%v, %q", err, b.String())
	}
}

// FuzzBacktrace walks stacks and registers full of anything.
func FuzzBacktrace(f *testing.F) {
	type guest struct {
		m     *riscv.Machine
		lines *Lines
	}
	var guests []guest
	for _, xlen := range []int{64, 32} {
		for _, flags := range [][]string{{"-g", "-O1"}, {"-O0", "-fno-asynchronous-unwind-tables"}} {
			program, lines := load(f, build(f, xlen, "crash.c", flags...))
			m := start(f, program, new(strings.Builder)).Machine
			guests = append(guests, guest{m, lines}, guest{m, nil})
		}
	}
	f.Add(uint64(0x10100), uint64(0x2000), []byte{0, 1, 1, 0, 0, 0, 0, 0})
	f.Add(uint64(0x10114), uint64(0x3fff0000), []byte{0x26, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0x3f})
	f.Add(^uint64(0), ^uint64(7), []byte{255})
	f.Fuzz(func(t *testing.T, pc, stack uint64, words []byte) {
		for _, g := range guests {
			if len(words) > 0 {
				room, err := g.m.Mem.Writable(0x3ff00000, 4096)
				if err != nil {
					t.Fatal(err)
				}
				for i := range room {
					room[i] = words[i%len(words)]
				}
				for i := 1; i < 32; i++ {
					g.m.X[i] = stack + uint64(words[i%len(words)])
				}
			}
			g.m.PC, g.m.X[sp] = pc, stack
			before := g.m.X
			if frames := Backtrace(g.m, g.lines); len(frames) == 0 || len(frames) > MaxFrames {
				t.Fatalf("%d frames", len(frames))
			}
			if g.m.X != before || g.m.PC != pc {
				t.Fatal("the machine was changed")
			}
		}
	})
}
