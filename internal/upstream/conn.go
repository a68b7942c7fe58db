package upstream

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/netio"
	"fishplate/internal/upstream/cause"
	"fishplate/internal/upstream/idle"
)

// UpConn is a connection to a server. It belongs to the Lease's holder until
// Release, and to the server's pool after it.
type UpConn struct {
	Stream io.ReadWriter // Raw, or the TLS connection above it
	Raw    *netio.Conn   // always: deadlines and waiting
	Plain  *netio.Conn   // Raw when the stream is not encrypted, for splice; else nil
	TLS    *tls.Conn     // nil without TLS

	stay   idle.Stay
	closed func() // tests only: a connection without a socket
}

// Stay implements idle.Conn.
func (c *UpConn) Stay() *idle.Stay { return &c.stay }

// Close closes the socket. A TLS connection is not told goodbye: its server
// knows message lengths from HTTP, and an idle one must not block us.
func (c *UpConn) Close() {
	if c.closed != nil {
		c.closed()
		return
	}
	_ = c.Raw.Close() // nothing is in flight that an error could speak of
}

// stale reports whether the server has closed the connection, or sent what
// nobody asked for: an idle connection has nothing to read.
func (c *UpConn) stale() bool {
	return c.Raw != nil && (c.Raw.Readable() || c.TLS != nil && c.unread())
}

// unread reports whether a TLS connection holds bytes that left the socket with
// the last answer's: its reader takes as many records as have arrived. Used
// again, the connection would give them out as the answer to the next request.
// A deadline that has passed keeps the read from asking the socket.
func (c *UpConn) unread() bool {
	var one [1]byte
	if c.Raw.SetReadDeadline(time.Unix(1, 0)) != nil {
		return true
	}
	n, err := c.TLS.Read(one[:])
	return n > 0 || !cause.IsTimeout(err) || c.Raw.SetReadDeadline(time.Time{}) != nil
}

// splitAddress tells the network of a server's address.
func splitAddress(address string) (network, rest string) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return "unix", path
	}
	return "tcp", address
}

// dial makes a new connection, TLS included, within the connect timeout.
func (b *Backend) dial(ctx context.Context, s *Server, shard metrics.Shard) (*UpConn, error) {
	limit := b.model.Timeouts.Connect
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	start := time.Now()
	network, address := splitAddress(s.address)
	raw, err := netio.Dial(ctx, network, address, netio.DialOptions{})
	if err != nil {
		return nil, err
	}
	c := &UpConn{Stream: raw, Raw: raw, Plain: raw}
	if b.tls != nil {
		if err := b.secure(ctx, c, s, shard); err != nil {
			_ = raw.Close() // the handshake's error is the one to tell
			return nil, err
		}
	}
	now := time.Now()
	c.stay.Born = now.UnixNano()
	s.counters.Add(shard, ServerConnections, 1)
	s.counters.Add(shard, ServerConnectTime, int64(now.Sub(start)/micros))
	return c, nil
}

// secure makes the TLS handshake on a new connection.
func (b *Backend) secure(ctx context.Context, c *UpConn, s *Server, shard metrics.Shard) error {
	t := tls.Client(c.Raw, b.tls.Of(s.address))
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.Raw.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if err := t.HandshakeContext(ctx); err != nil {
		if ctx.Err() != nil && cause.IsTimeout(err) || ctx.Err() == context.DeadlineExceeded {
			return os.ErrDeadlineExceeded
		}
		return cause.HandshakeError{Err: err}
	}
	if err := c.Raw.SetDeadline(time.Time{}); err != nil {
		return err
	}
	s.counters.Add(shard, ServerTLSHandshakes, 1)
	if t.ConnectionState().DidResume {
		s.counters.Add(shard, ServerTLSResumed, 1)
	}
	c.Stream, c.TLS, c.Plain, c.stay.Print = t, t, nil, b.tls.Print
	return nil
}

// checkDial is how health checks reach a server: as requests do, without
// counting.
func (b *Backend) checkDial(s *Server) func(context.Context) (net.Conn, error) {
	network, address := splitAddress(s.address)
	return func(ctx context.Context) (net.Conn, error) {
		raw, err := netio.Dial(ctx, network, address, netio.DialOptions{})
		if err != nil {
			return nil, err
		}
		if b.tls == nil {
			return raw, nil
		}
		return b.tls.Client(ctx, raw, s.address)
	}
}
