package netio

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestOpenFrom: a number that nobody can have passed costs what is open, not what it says.
func TestOpenFrom(t *testing.T) {
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n := openFrom(int(f.Fd()), 1); n != 1 {
		t.Errorf("%d of one that is open", n)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	if n := openFrom(0, 1<<40); n > len(open) {
		t.Errorf("%d open of %d", n, len(open))
	}
	if n := openFrom(0, -1); n != 0 {
		t.Errorf("%d of fewer than none", n)
	}
}

// TestPassedTwice: of sockets with one name none is lost, and the first has it.
func TestPassedTwice(t *testing.T) {
	if os.Getenv("LISTEN_FDNAMES") != "" { // as started below
		passed := Passed(func(string) bool { return false })
		for _, name := range slices.Sorted(maps.Keys(passed)) {
			l, err := Adopt("fd:"+name, []*os.File{passed[name]}, nil)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("passed", name, l.Addr())
			l.Close()
		}
		return
	}
	var files []*os.File
	var want string
	for _, name := range []string{"web", "1", "other"} {
		l := listen(t, "127.0.0.1:0", ListenOptions{})
		list, err := l.Files()
		if err != nil {
			t.Fatal(err)
		}
		defer list[0].Close()
		files = append(files, list...)
		want += fmt.Sprintln("passed", name, l.Addr())
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPassedTwice$", "-test.v")
	cmd.ExtraFiles, cmd.Env = files, append(os.Environ(), "LISTEN_FDS=3", "LISTEN_FDNAMES=web:web:other")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(string(out), line) {
			t.Errorf("%q is missing in\n%s", line, out)
		}
	}
}
