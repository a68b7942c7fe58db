package debug

import (
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
