package netio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// askPair returns a connection of ours to a peer that serve owns.
func askPair(t *testing.T, serve func(net.Conn)) *Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			serve(c)
			c.Close()
		}
	}()
	c, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); l.Close(); <-done })
	return c
}

func TestAskSmallAndLarge(t *testing.T) {
	for _, size := range []int{1, 1000, 32 << 20} {
		c := askPair(t, func(peer net.Conn) {
			n, _ := io.CopyN(io.Discard, peer, int64(size))
			if n == int64(size) {
				peer.Write([]byte("thanks"))
			}
		})
		b, n, sent, err := c.Ask(make([]byte, size))
		if err != nil || !sent || !bytes.Equal((*b)[:n], []byte("thanks")) {
			t.Fatalf("%d bytes: sent %v, %v", size, sent, err)
		}
		PutBuffer(b)
	}
}

func TestAskErrors(t *testing.T) {
	c := askPair(t, func(peer net.Conn) { peer.Read(make([]byte, 10)) })
	if _, _, sent, err := c.Ask([]byte("x")); !sent || err != io.EOF {
		t.Errorf("an end: sent %v, %v", sent, err)
	}
	c = askPair(t, func(peer net.Conn) { io.Copy(io.Discard, peer) })
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, _, sent, err := c.Ask([]byte("x")); !sent || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("silence: sent %v, %v", sent, err)
	}
	if _, _, sent, err := c.Ask([]byte("x")); sent || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline that has passed: sent %v, %v", sent, err)
	}
}
