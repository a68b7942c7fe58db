//go:build !linux

package netio

import (
	"context"
	"net"
	"net/netip"
	"os"
	"time"

	"fishplate/internal/netio/spin"
	"fishplate/internal/netio/spread"
)

// Conn wraps package net's connection. Try-first system calls, Readable,
// Mark, splice and parking are absent on this system.
type Conn struct {
	net.Conn
	back []byte // bytes that WaitRead had to read
}

// FD returns -1: the descriptor is package net's.
func (c *Conn) FD() int { return -1 }

// Read implements io.Reader.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.back) > 0 && len(p) > 0 {
		n := copy(p, c.back)
		c.back = c.back[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// ReadPooled reads into a buffer of the pool, taken once a byte is there.
func (c *Conn) ReadPooled() (*[]byte, int, error) {
	if err := c.WaitRead(); err != nil {
		return nil, 0, err
	}
	b := GetBuffer()
	n, err := c.Read(*b)
	if err != nil {
		PutBuffer(b)
		return nil, 0, err
	}
	return b, n, nil
}

// Ask writes p and then waits as ReadPooled does.
func (c *Conn) Ask(p []byte) (b *[]byte, n int, sent bool, err error) {
	if _, err := c.Write(p); err != nil {
		return nil, 0, false, err
	}
	b, n, err = c.ReadPooled()
	return b, n, true, err
}

// WaitRead waits for a byte by reading one.
func (c *Conn) WaitRead() error {
	if len(c.back) > 0 {
		return nil
	}
	b := make([]byte, 1)
	n, err := c.Conn.Read(b)
	c.back = b[:n]
	return err
}

// Readable cannot be told here without waiting; an idle connection is then
// found stale by its first use.
func (c *Conn) Readable() bool { return len(c.back) > 0 }

// Writev writes the buffers in order.
func (c *Conn) Writev(bufs ...[]byte) (int64, error) {
	b := net.Buffers(append([][]byte(nil), bufs...))
	return b.WriteTo(c.Conn)
}

// Last changes nothing here.
func (c *Conn) Last() {}

// CloseWrite sends the end of our stream.
func (c *Conn) CloseWrite() error {
	if h, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return ErrUnsupported
}

// Abort makes Close tell the peer by a reset that its stream was broken off;
// what it has not received yet may be lost.
func (c *Conn) Abort() {
	if r, ok := c.Conn.(interface{ SetLinger(sec int) error }); ok {
		_ = r.SetLinger(0)
	}
}

// AddrPorts returns both ends, invalid ones on a Unix socket.
func (c *Conn) AddrPorts() (local, remote netip.AddrPort) {
	return addrPortOf(c.LocalAddr()), addrPortOf(c.RemoteAddr())
}

func addrPortOf(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Mark returns 0: firewall marks are Linux's.
func (c *Conn) Mark() uint32 { return 0 }

func dialTCP(ctx context.Context, ap netip.AddrPort, o DialOptions) (*Conn, error) {
	return dialNet(ctx, "tcp", ap.String(), o)
}

func dialUnix(ctx context.Context, path string, o DialOptions) (*Conn, error) {
	return dialNet(ctx, "unix", path, o)
}

func dialNet(ctx context.Context, network, address string, o DialOptions) (*Conn, error) {
	if o.Mark != 0 {
		return nil, ErrUnsupported
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c}, nil
}

// Listener wraps package net's listener: one shard, no deferred accept, no
// reserve descriptor, and Drain closes at once.
type Listener struct {
	exhausted func() // unused, as quota: package net waits for descriptors itself
	quota     *Quota
	key       string
	inner     net.Listener
	shards    [1]struct{}
	counters  *Tally
}

// Listen opens "host:port" or "unix:/path"; socket activation is Linux's.
func Listen(ctx context.Context, address string, o ListenOptions) (*Listener, error) {
	la, err := parseListen(address)
	if err != nil {
		return nil, err
	}
	if la.kind == "fd" {
		_, err := inherited(la.text, os.Getenv)
		if err == nil {
			err = ErrUnsupported
		}
		return nil, err
	}
	var lc net.ListenConfig
	inner, err := lc.Listen(ctx, la.kind, la.text)
	if err != nil {
		return nil, err
	}
	return &Listener{key: address, inner: inner, counters: o.Tallies.Of(address)}, nil
}

// Addr returns the bound address.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// An Acceptor accepts for one goroutine.
type Acceptor struct {
	l      *Listener
	Waited bool // always: nobody can tell
}

// Acceptor returns an acceptor.
func (l *Listener) Acceptor(int) *Acceptor { return &Acceptor{l, true} }

// AcceptShard is Accept of a new acceptor.
func (l *Listener) AcceptShard(i int) (*Conn, error) { return l.Acceptor(i).Accept() }

// Accept waits for a connection.
func (a *Acceptor) Accept() (*Conn, error) {
	c, err := a.l.inner.Accept()
	if err != nil {
		return nil, err
	}
	a.l.counters.Accepted.Add(1)
	return &Conn{Conn: c}, nil
}

// Waiting takes none: package net accepts for all.
func (a *Acceptor) Waiting() *Conn { return nil }

// BeforeWait calls f at once: any call may wait.
func (c *Conn) BeforeWait(f func()) {
	if f != nil {
		f()
	}
}

// Queues is empty: this system does not tell.
func (l *Listener) Queues() []Queue { return nil }

// Drain closes the listener; what is queued is lost on this system.
func (l *Listener) Drain(time.Duration) { l.Close() }

// Spin does nothing.
func (l *Listener) Spin(spin.Rule) {}

// Keep is for service managers that this system has not.
func (l *Listener) Keep(bool) {}

// Share cannot be done on this system.
func (l *Listener) Share(bool) error { return ErrUnsupported }

// Spread changes nothing: there is one socket.
func (l *Listener) Spread(spread.Rule) error { return nil }

// Rule is always "".
func (l *Listener) Rule() spread.Rule { return "" }

// Yield does nothing: nobody else has the address.
func (l *Listener) Yield() {}

// Settle does nothing: there is one socket.
func (l *Listener) Settle() error { return nil }

// Begin does nothing: it listens already.
func (l *Listener) Begin(ListenOptions) error { return nil }

// Close closes the listener.
func (l *Listener) Close() { _ = l.inner.Close() }

// Adjust changes nothing on this system.
func (l *Listener) Adjust(ListenOptions) error { return nil }

// Files cannot hand listeners over on this system.
func (l *Listener) Files() ([]*os.File, error) { return nil, ErrUnsupported }

// Adopt cannot take listeners over on this system.
func Adopt(string, []*os.File, *Tallies) (*Listener, error) { return nil, ErrUnsupported }

// Passed is nothing here: socket activation is Linux's.
func Passed(func(string) bool) map[string]*os.File { return nil }

// Leave closes the listener.
func (l *Listener) Leave() { l.Close() }

// Parker cannot park on this system.
type Parker struct{}

// NewParker returns a parker whose Park always declines.
func NewParker() (*Parker, error) { return &Parker{}, nil }

// Park declines: the connection keeps its goroutine.
func (p *Parker) Park(*Conn, time.Time, func(c *Conn, expired bool)) bool { return false }

// Len returns 0.
func (p *Parker) Len() int { return 0 }

// ExpireAll does nothing.
func (p *Parker) ExpireAll() {}

// Close does nothing.
func (p *Parker) Close() {}

// Gone is always false here: the state of a peer cannot be asked without
// reading.
func (c *Conn) Gone() bool { return false }

// Ended reports whether the peer has ended its stream; it is not known here.
func (c *Conn) Ended() bool { return false }
