package desk

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
)

// TestRemoteWantsItsToken lets in who sends the token first, and nobody else.
func TestRemoteWantsItsToken(t *testing.T) {
	ours, theirs := net.Pipe()
	said := make(chan string, 4)
	pr, pw := io.Pipe()
	go func() {
		lines := bufio.NewScanner(pr)
		for lines.Scan() {
			said <- lines.Text()
		}
	}()
	r := &Remote{
		Dial:   func(context.Context) (io.ReadWriteCloser, error) { return ours, nil },
		Listen: "127.0.0.1:0", Token: "sesame", Stderr: pw,
	}
	done := make(chan error, 1)
	go func() { done <- r.Do(t.Context()) }()
	_, at, _ := strings.Cut(<-said, "--connect ")
	address, _, _ := strings.Cut(at, " ")
	<-said                                  // a request was chosen
	silent, err := net.Dial("tcp", address) // keeps nobody waiting
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	thief, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(thief, "$qSupp#00\n"); err != nil {
		t.Fatal(err)
	}
	if n, err := thief.Read(make([]byte, 1)); err == nil {
		t.Errorf("the thief read %d bytes", n)
	}
	if line := <-said; !strings.Contains(line, "without the token") {
		t.Error(line)
	}
	go func() {
		b := make([]byte, 5)
		_, _ = io.ReadFull(theirs, b)
		_, _ = theirs.Write(bytes.ToUpper(b))
		_ = theirs.Close()
	}()
	var out bytes.Buffer
	in, keep := io.Pipe() // gdb's end stays open
	defer keep.Close()
	go func() { _, _ = io.WriteString(keep, "hello") }()
	if err := ConnectRemote(t.Context(), address, "sesame", in, &out); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || out.String() != "HELLO" {
		t.Errorf("%v %q", err, out.String())
	}
	if err := (&Remote{Listen: "192.0.2.1:1", Token: "x", Stderr: io.Discard}).Do(t.Context()); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("another address: %v", err)
	}
}
