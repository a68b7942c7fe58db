package debug

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// withGDB serves the program to gdb, which executes the commands, and returns
// what gdb printed and what the program did.
func withGDB(t *testing.T, path string, args []string, commands ...string) (said, printed string) {
	t.Helper()
	gdb := needTool(t, "gdb-multiarch", "gdb-multiarch")
	program, lines := load(t, path)
	var out strings.Builder
	guest := Linux(start(t, program, &out, args...))
	guest.File = path
	guest.Restart = func(again []string) (Guest, error) { return Linux(start(t, program, &out, again...)), nil }
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, err = ServeGDB(t.Context(), conn, &guest, lines)
		}
		served <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a gdb that hangs must not hang the tests
	defer cancel()
	argv := []string{"-nx", "-batch", "-ex", "set width 0", "-ex", "set style enabled off", "-ex", "directory " + filepath.Dir(path),
		"-ex", fmt.Sprintf("target extended-remote %s", listener.Addr())}
	for _, c := range commands {
		argv = append(argv, "-ex", "echo >> "+c+"\\n", "-ex", c)
	}
	text, err := exec.CommandContext(ctx, gdb, append(argv, path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("gdb: %v\n%s", err, text)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v\n%s", err, text)
	}
	return string(text), out.String()
}

// sections splits gdb's output at the commands.
func sections(said string) map[string]string {
	list := map[string]string{}
	for i, part := range strings.Split(said, ">> ") {
		if i > 0 {
			head, body, _ := strings.Cut(part, "\n")
			list[head] += body
		}
	}
	return list
}

func TestWithGDB(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		t.Run(fmt.Sprintf("RV%d", xlen), func(t *testing.T) {
			path := build(t, xlen, "shop.c", "-g", "-O0")
			said, printed := withGDB(t, path, nil,
				"break sum", "continue", "bt", "info args", "watch total", "continue", "continue", "print total", "delete 2",
				"break cost if i->price == 5", "continue", "print *i", "info registers pc", "x/i $pc", "info registers a0", "finish",
				"delete", "finish", "next", "step", "print share", "x/s greeting", "print sum(list, 2)", "print $fcsr", "set var $v7.w[1] = 258", "print $v7.b",
				"set var total = 77", "print total", "rwatch greeting", "continue", "info auxv", "monitor instret", "monitor backtrace",
				"info threads", "continue")
			got := sections(said)
			want := []struct{ command, text string }{
				{"break sum", `Breakpoint 1 at 0x[0-9a-f]+: file shop.c, line \d+`},
				{"continue", `(?s)Breakpoint 1, sum \(list=0x[0-9a-f]+, n=3\) at .*shop.c:\d+.*int r = 0;`},
				{"bt", `(?s)#0  sum \(list=0x[0-9a-f]+, n=3\).*#1  0x[0-9a-f]+ in main \(argc=1, argv=0x[0-9a-f]+\) at .*shop.c:\d+`},
				{"watch total", `Hardware watchpoint 2: total`},
				{"continue", `(?s)Old value = 20\nNew value = 320\n.*sum \(list=.*, n=3\)`},
				{"print total", `^\$\d+ = 320\n`},
				{"continue", `Breakpoint 3, cost \(i=0x[0-9a-f]+\)`},
				{"print *i", `= {price = 5, count = 1000}`},
				{"x/i $pc", `=> 0x[0-9a-f]+ <cost\+\d+>:\tl[wd]\ta5,`},
				{"finish", `(?s)Value returned is \$\d+ = 5000.*in main .*Value returned is \$\d+ = 5320`},
				{"step", `print\(greeting\);`},
				{"print share", `= 665\n`},
				{"x/s greeting", `0x[0-9a-f]+.*:\t"hello, debugger"`},
				{"print sum(list, 2)", `= 320\n`},
				{"print total", `= 77\n$`},
				{"print $v7.b", `= \{0, 0, 0, 0, 2, 1, 0, 0,`},
				{"rwatch greeting", `Hardware read watchpoint \d+: greeting`},
				{"continue", `(?s)Hardware read watchpoint \d+: greeting.*Value = 0x[0-9a-f]+.* "hello, debugger"`},
				{"info auxv", `AT_PAGESZ +System page size +4096`},
				{"monitor instret", `^\d+\n`},
				{"monitor backtrace", `#0  0x[0-9a-f]+ in main\+0x[0-9a-f]+ at .*shop.c:\d+\n#1  0x[0-9a-f]+ in _start\+0x`},
				{"info threads", `\* 1 +Thread 1 \(the only hart\) 0x[0-9a-f]+ in main \(argc=1`},
				{"continue", `\[Inferior 1 \(Remote target\) exited with code 0310\]`},
			}
			for _, w := range want {
				if !regexp.MustCompile(w.text).MatchString(got[w.command]) {
					t.Errorf("%s: got\n%s\nwant %s", w.command, got[w.command], w.text)
				}
			}
			if printed != "hello, debugger\n" {
				t.Errorf("the program printed %q", printed)
			}
			if t.Failed() {
				t.Logf("all that gdb said:\n%s", said)
			}
		})
	}
}

// TestWithGDBRuns tries what happens around a run: an ebreak, the budget, a
// fault, code that cannot be changed, and running again.
func TestWithGDBRuns(t *testing.T) {
	path := build(t, 64, "shop.c", "-g", "-O1")
	said, printed := withGDB(t, path, []string{"stop"},
		"continue", "bt", "set var *(int*)$pc = 0", "monitor budget 30", "run again", "print $instret", "monitor budget 0",
		"handle SIGXCPU nopass", "continue", "continue")
	got := sections(said)
	for command, text := range map[string]string{
		"bt":                     `#0 +main \(argc=.* at .*shop.c:\d+`,
		"set var *(int*)$pc = 0": `Cannot access memory at address`,
		"run again":              `(?s)the budget of 30 instructions is used up.*SIGXCPU`,
		"print $instret":         `= 30\n`,
		"continue":               `(?s)SIGTRAP.*SIGTRAP.*exited with code 0310`,
	} {
		if !regexp.MustCompile(text).MatchString(got[command]) {
			t.Errorf("%s: got\n%s\nwant %s", command, got[command], text)
		}
	}
	if printed != "hello, debugger\nhello, debugger\n" {
		t.Errorf("the program printed %q", printed)
	}
	if t.Failed() {
		t.Logf("all that gdb said:\n%s", said)
	}
}

func TestWithGDBFault(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		said, _ := withGDB(t, build(t, xlen, "crash.c", "-g", "-O1"), nil, "continue", "bt", "continue")
		got := sections(said)
		if want := `(?s)load access fault at 0x8.*Program received signal SIGSEGV.*terminated with signal SIGSEGV`; !regexp.MustCompile(want).MatchString(got["continue"]) {
			t.Errorf("RV%d: got\n%s\nwant %s", xlen, said, want)
		}
		if n := strings.Count(got["bt"], "descend ("); n != 4 || !strings.Contains(got["bt"], filepath.Base("crash.c")) {
			t.Errorf("RV%d: %d frames of descend:\n%s", xlen, n, got["bt"])
		}
	}
}
