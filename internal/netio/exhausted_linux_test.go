package netio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const fewDescriptors = "NETIO_TEST_DESCRIPTORS"

// TestFewDescriptors gives 500 clients to a process that may have 64 files: each is
// served or let go, ten files can be opened still, accept fails no oftener than clients are let go, whatever the
// time that the process stays without descriptors, and it recovers.
func TestFewDescriptors(t *testing.T) {
	if os.Getenv(fewDescriptors) != "" {
		serveWithFew(t)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFewDescriptors$", "-test.v=false")
	child.Env = append(os.Environ(), fewDescriptors+"=1")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Wait() }()
	defer in.Close()
	lines := bufio.NewReader(out)
	addr, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr = strings.TrimSpace(addr)

	var served, closed atomic.Int64
	ask := func() net.Conn {
		c, err := net.DialTimeout("tcp", addr, time.Minute)
		if err != nil {
			t.Error(err)
			return nil
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, err = c.Read(make([]byte, 1))
		var late net.Error
		switch {
		case err == nil:
			served.Add(1)
			return c
		case errors.As(err, &late) && late.Timeout():
			t.Error("a client was left waiting")
		default:
			closed.Add(1)
		}
		c.Close()
		return nil
	}
	const clients = 500
	var all sync.WaitGroup
	held := make(chan net.Conn, clients)
	for range clients {
		all.Go(func() {
			if c := ask(); c != nil {
				held <- c
			}
		})
	}
	all.Wait()
	if served.Load() == 0 || closed.Load() == 0 {
		t.Errorf("%d served, %d let go", served.Load(), closed.Load())
	}
	// Besides the clients there is room for what is no client.
	fmt.Fprintln(in, "open")
	var opened int
	if _, err := fmt.Fscan(lines, &opened); err != nil {
		t.Fatal(err)
	}
	if opened < 10 {
		t.Errorf("only %d files could be opened beside clients", opened)
	}
	close(held)
	for c := range held {
		_ = c.Close()
	}
	for c := ask(); ; c = ask() { // until the process has seen that they left
		if c != nil {
			_ = c.Close()
			break
		}
		if t.Failed() {
			return
		}
	}
	_ = in.Close()
	var failures, shed int64
	if _, err := fmt.Fscan(lines, &failures, &shed); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d served, %d let go; accept failed %d times", served.Load(), shed, failures)
	if shed != closed.Load() || failures != shed {
		t.Errorf("%d failures, %d let go, %d clients saw it", failures, shed, closed.Load())
	}
}

// serveWithFew is the child: it answers each connection with a byte, and holds it
// until its client closes it. It tells its address, and its counts at the end.
func serveWithFew(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	var failures atomic.Int64
	l.OnExhausted(func() { failures.Add(1) })
	var most unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &most); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: most.Max}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = c.Write([]byte("x"))
				_, _ = c.Read(make([]byte, 1))
				_ = c.Close()
			}()
		}
	}()
	fmt.Println(l.Addr())
	_, _ = os.Stdin.Read(make([]byte, 8))
	fmt.Println(filesLeft())
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println(failures.Load(), l.Shed())
}

// filesLeft is how many files the process could open now, of 10.
func filesLeft() (n int) {
	for ; n < 10; n++ {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		defer f.Close()
	}
	return n
}
