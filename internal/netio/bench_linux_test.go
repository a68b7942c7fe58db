package netio

import (
	"context"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// BenchmarkRoundTrip compares a request-answer round with package net's.
func BenchmarkRoundTrip(b *testing.B) {
	echo := func(b *testing.B, client, server net.Conn) {
		go func() {
			p := make([]byte, 256)
			for {
				n, err := server.Read(p)
				if err != nil {
					return
				}
				if _, err := server.Write(p[:n]); err != nil {
					return
				}
			}
		}()
		p := make([]byte, 128)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.Write(p); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(client, p); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("netio", func(b *testing.B) {
		client, server := pair(b)
		echo(b, client, server)
	})
	b.Run("net", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		server, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		defer server.Close()
		echo(b, client, server)
	})
}

// BenchmarkShort is a connection with one request, both ends of it: as it is
// answered, and with the end of the stream in a packet of its own.
func BenchmarkShort(b *testing.B) {
	for _, c := range []struct {
		name string
		mark func(*Conn)
	}{{"last", (*Conn).Last}, {"apart", func(*Conn) {}}} {
		b.Run(c.name, func(b *testing.B) {
			l := listen(b, "127.0.0.1:0", ListenOptions{})
			a, client := l.Acceptor(0), shortClient(b, l)
			answer := func() { serveShort(b, a, c.mark) }
			b.ReportAllocs()
			for b.Loop() {
				client(answer)
			}
		})
	}
}

func BenchmarkDial(b *testing.B) {
	l := listen(b, "127.0.0.1:0", ListenOptions{})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		c, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{Timeout: time.Second})
		if err != nil {
			b.Fatal(err)
		}
		_ = c.Close()
	}
}

// BenchmarkSplice moves 1 MiB per round from one connection to another.
func BenchmarkSplice(b *testing.B) {
	from, in := pair(b)
	out, to := pair(b)
	const size = 1 << 20
	go func() {
		p := make([]byte, size)
		for {
			if _, err := from.Write(p); err != nil {
				return
			}
		}
	}()
	go func() { _, _ = io.Copy(io.Discard, onlyReads{to}) }()
	b.SetBytes(size)
	for b.Loop() {
		if _, err := Splice(out, in, size); err != nil {
			b.Fatal(err)
		}
	}
	_ = in.Close()
}

type onlyReads struct{ io.Reader }

// TestBytesPerParked measures what a parked connection holds in this process,
// its kernel buffers apart, the runtime's poll descriptor included.
func TestBytesPerParked(t *testing.T) {
	p, _, _ := parker(t)
	ready := func(*Conn, bool) {}
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	const n = 400
	var clients, servers []*Conn
	defer func() {
		for _, c := range append(clients, servers...) {
			_ = c.Close()
		}
	}()
	for range n {
		c, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	used := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse + m.OtherSys + m.MSpanInuse)
	}
	servers = make([]*Conn, 0, n)
	before := used()
	for range n {
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
		p.Park(s, time.Time{}, ready)
	}
	per := (used() - before) / n
	t.Logf("%d bytes per parked connection", per)
	// About 980, and twice that with a collector or race detector at work.
	if per > 4<<10 {
		t.Errorf("%d bytes per parked connection", per)
	}
}
