//go:build unix

package handover

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestChild: both kinds of child are seen to end, and can be killed; that beside
// this process has the same parent.
func TestChild(t *testing.T) {
	parents := map[bool]int{false: os.Getpid(), true: os.Getpid()}
	if canBeside() {
		parents[true] = os.Getppid()
	}
	for beside, parent := range parents {
		out, theirs := pipe(t)
		in, ours := pipe(t)
		c, err := Start(&exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", "echo $PPID; read wait"}, Stdin: in, Stdout: theirs}, nil, beside)
		if err != nil {
			t.Fatal(err)
		}
		if how, ended := c.Ended(0); ended {
			t.Errorf("beside %v: it has ended: %v", beside, how)
		}
		theirs.Close()
		b := make([]byte, 100)
		n, err := out.Read(b)
		if got := strings.TrimSpace(string(b[:n])); err != nil || got != strconv.Itoa(parent) {
			t.Errorf("beside %v: its parent is %q (%v), want %d", beside, got, err, parent)
		}
		c.Kill(time.Minute)
		if how, ended := c.Ended(time.Minute); !ended || how == nil {
			t.Errorf("beside %v: ended %v, %v after it was killed", beside, ended, how)
		}
		ours.Close()
		c, err = Start(&exec.Cmd{Path: "/bin/true"}, nil, beside)
		if err != nil {
			t.Fatal(err)
		}
		if _, ended := c.Ended(time.Minute); !ended {
			t.Errorf("beside %v: its end was not seen", beside)
		}
		if _, err := Start(&exec.Cmd{Path: "/nowhere"}, nil, beside); err == nil {
			t.Errorf("beside %v: started what is not there", beside)
		}
	}
}

// TestLineStaysOpen: the other process sees no end before there is one, however much
// memory is collected meanwhile.
func TestLineStaysOpen(t *testing.T) {
	line, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	in, ours := pipe(t)
	c, err := Start(&exec.Cmd{Path: "/bin/cat", Stdin: in}, line, false)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		runtime.GC()
		if err := other.Until(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := other.Receive(func(string) any { return nil }); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the line says %v while both processes live", err)
		}
	}
	ours.Close()
	if _, ended := c.Ended(time.Minute); !ended {
		t.Error("the end was not seen")
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() }) // where they are open still
	return r, w
}
