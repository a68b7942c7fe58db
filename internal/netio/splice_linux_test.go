package netio

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"fishplate/internal/netio/pipes"

	"golang.org/x/sys/unix"
)

const noDescriptors = "NETIO_TEST_NO_DESCRIPTORS"

// TestNoDescriptors runs, in a process of its own that has no descriptor left, what
// must do without.
func TestNoDescriptors(t *testing.T) {
	if what := os.Getenv(noDescriptors); what != "" {
		withoutDescriptors(t, what)
		return
	}
	for _, what := range []string{"splice", "dial", "exhausted"} {
		t.Run(what, func(t *testing.T) {
			child := exec.Command(os.Args[0], "-test.run=^TestNoDescriptors$")
			child.Env = append(os.Environ(), noDescriptors+"="+what)
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func withoutDescriptors(t *testing.T, what string) {
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	a, b := pair(t)
	c, d := pair(t)
	var idle []*pipes.Pipe
	for range 2 {
		idle = append(idle, pipes.Take())
	}
	if what == "dial" { // those that nobody uses give way
		for _, p := range idle {
			pipes.Give(p, true)
		}
	}
	takeAll(t)
	switch what {
	case "splice":
		want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		for _, n := range []int64{int64(len(want)), -1} {
			var written sync.WaitGroup
			written.Go(func() {
				_, _ = a.Write(want)
				if n < 0 {
					_ = a.CloseWrite()
				}
			})
			got := make(chan []byte)
			go func() {
				p := make([]byte, len(want))
				_, _ = io.ReadFull(d, p)
				got <- p
			}()
			if moved, err := Splice(c, b, n); moved != int64(len(want)) || err != nil {
				t.Fatalf("%d of %d bytes were moved: %v", moved, len(want), err)
			}
			written.Wait()
			if !bytes.Equal(<-got, want) {
				t.Fatal("other bytes came")
			}
		}
		if n, err := Splice(c, b, 1); n != 0 || err != io.ErrUnexpectedEOF {
			t.Errorf("at the end: %d bytes, %v", n, err)
		}
	case "dial":
		e, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_ = e.Close()
	case "exhausted":
		for network, address := range map[string]string{"tcp": l.Addr().String(), "unix": "/nowhere"} {
			if _, err := Dial(context.Background(), network, address, DialOptions{}); !Exhausted(err) {
				t.Errorf("dial %s: %v", address, err)
			}
		}
		if Exhausted(fmt.Errorf("dial: %w", unix.ECONNREFUSED)) || Exhausted(nil) {
			t.Error("a refusal is no want of descriptors")
		}
	}
}

// takeAll opens files until there can be no more.
func takeAll(t *testing.T) {
	var most unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &most); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: most.Max}); err != nil {
		t.Fatal(err)
	}
	for {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
}
