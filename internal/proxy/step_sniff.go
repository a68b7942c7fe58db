package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"

	"fishplate/internal/cert"
	"fishplate/internal/metrics"
	"fishplate/internal/netio"
)

// stepSniff decides what is spoken: a tunnel by server name leaves here, a TLS
// listener makes its handshake, anything else is HTTP/1. ALPN offers http/1.1
// alone; this is where another codec would be picked.
func stepSniff(x *exchange) step {
	s := x.s
	if s.plan.TLS == nil && !s.plan.Tunnel {
		return read
	}
	s.yield()
	if s.plan.Tunnel {
		return x.passThrough()
	}
	x.begin = x.srv.wheel.exact()
	x.mark = x.begin
	under := netConn{s.net, s.stream, &s.conn.JA4}
	t := tls.Server(under, s.plan.TLS)
	s.watch.arm(s.net, s.net, x.srv.wheel.now()+s.plan.head)
	err := t.HandshakeContext(x.srv.ctx)
	late := s.watch.disarm()
	if err != nil {
		s.counters.Add(s.shard, metrics.ListenerHandshakeFail, 1)
		x.srv.causes.Add(handshakeCause(err, late))
		x.tellPlain(err)
		return finished
	}
	state := t.ConnectionState()
	s.tls, s.stream, s.plain, s.conn.TLS = t, t, nil, &state
	s.counters.Add(s.shard, metrics.ListenerHandshakes, 1)
	if state.DidResume {
		s.counters.Add(s.shard, metrics.ListenerResumed, 1)
	}
	x.reader.Init(s.stream, s.plan.Limits)
	x.clock(sniff)
	x.begin = 0
	return read
}

// tellPlain answers a client that speaks HTTP without TLS to a TLS port.
func (x *exchange) tellPlain(err error) {
	var record tls.RecordHeaderError
	if !errors.As(err, &record) || record.Conn == nil {
		return
	}
	if c := record.RecordHeader[0]; c < 'A' || c > 'Z' {
		return
	}
	x.s.watch.arm(nil, x.s.net, x.srv.wheel.now()+int64(sweepEvery)*20)
	const text = "400 Bad Request\nthis port speaks TLS: use https\n"
	// The client may have gone; then nobody needs telling.
	_, _ = fmt.Fprintf(x.s.net, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"+
		"Content-Length: %d\r\n\r\n%s", len(text), text)
	x.s.watch.disarm()
	x.after = lingers
}

func handshakeCause(err error, late bool) string {
	var record tls.RecordHeaderError
	switch {
	case late:
		return "tls-handshake-timeout"
	case errors.As(err, &record):
		return "not-tls"
	}
	return "tls-handshake"
}

// netConn lets TLS read what was read before it.
type netConn struct {
	*netio.Conn
	in    interface{ Read([]byte) (int, error) }
	print *string // the client's
}

// Greeted implements cert.Greeter.
func (c netConn) Greeted(h *tls.ClientHelloInfo) { *c.print = cert.JA4(h) }

// Read implements net.Conn.
func (c netConn) Read(p []byte) (int, error) { return c.in.Read(p) }
