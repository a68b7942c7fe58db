package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/upstream"
)

// helloMax bounds the first flight of a client on a listener that passes
// connections through: one TLS record (RFC 8446 §5.1).
const helloMax = 5 + 16384

// passThrough leads a connection of a protocols = ["tcp"] listener to the
// backend that its server name, if it has one, chooses. No byte is changed.
func (x *exchange) passThrough() step {
	s := x.s
	x.begin = x.srv.wheel.exact()
	x.mark = x.begin
	x.srv.process.Add(s.shard, metrics.ProcessExchanges, 1)
	x.gen = x.srv.generationFor(s.conn.Client.Addr())
	x.gen.pin(s.shard)
	s.refresh(x.gen)
	x.rec.Generation, x.rec.Tunnel = x.gen.ID, true
	x.req.Close = true
	var first []byte
	name, err := "", error(nil)
	if x.gen.Router.Sniffs() { // else the server may speak first
		first, name, err = x.hello()
	}
	if err != nil {
		return x.fail(sniff, &message.Fault{Side: message.SideClient, Cause: "no-first-bytes", Err: err})
	}
	x.rec.Host = []byte(name)
	vh := x.gen.Router.MatchSNI(name)
	if vh == nil || len(vh.Routes) == 0 {
		return x.fail(sniff, &message.Fault{Side: message.SideClient, Cause: "no-vhost"})
	}
	x.plan = x.planOf(vh)
	if x.plan == nil || x.plan.backend == nil {
		return x.fail(sniff, &message.Fault{Side: message.SideSelf, Cause: "no-backend"})
	}
	return x.tunnelTo(first)
}

// planOf returns the plan of a virtual host's last route, which matches all.
func (x *exchange) planOf(vh *model.VHost) (found *RoutePlan) {
	for _, rt := range x.gen.Router.Routes() {
		if rt.VHost == vh {
			found, x.match = x.gen.Routes[rt.ID], rt
		}
	}
	return found
}

// tunnelTo connects to the route's backend and carries bytes both ways.
func (x *exchange) tunnelTo(first []byte) step {
	s := x.s
	x.rec.VHost, x.rec.Route = x.plan.VHost, x.plan.Name
	x.routeCounters, x.vhostCounters = x.plan.Counters, x.plan.VHostCounters
	x.req.Conn, x.req.ClientIP = &s.conn, s.conn.Client.Addr()
	x.env = predicate.Env{Req: &x.req, Scratch: x.env.Scratch}
	x.backend = x.home(x.plan.backend)
	x.rec.Backend = x.backend.Name()
	x.pick.Reset(&x.env, s.shard)
	x.pick.Fresh = true
	lease, f := x.backend.Acquire(x.srv.ctx, &x.pick)
	if f != nil {
		f.Status = 0
		return x.fail(sniff, f)
	}
	x.lease, x.leased, x.up = lease, true, lease.Conn
	x.rec.Server = lease.Server.Name()
	x.lease.Report(upstream.Outcome{Status: 200}, 0)
	x.unpin()
	t := tunnel{
		client: s.end(), server: upEnd(x.up), late: first,
		idle: time.Duration(s.plan.tunnel), wheel: x.srv.wheel, shard: s.shard,
	}
	if f := x.tunnel(&t); f != nil {
		return x.fail(sniff, f)
	}
	return reply
}

// hello reads the first bytes of the client and finds the server name in them;
// bytes that are no ClientHello have none.
func (x *exchange) hello() (first []byte, name string, err error) {
	s := x.s
	s.watch.arm(s.net, nil, x.srv.wheel.now()+s.plan.head)
	defer s.watch.disarm()
	buf := make([]byte, 0, 2048)
	want := 1
	for len(buf) < want {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := s.stream.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return nil, "", err
		}
		buf = buf[:len(buf)+n]
		switch {
		case buf[0] != 22:
			return buf, "", nil
		case len(buf) < 5:
			want = 5
		default:
			want = min(5+(int(buf[3])<<8|int(buf[4])), helloMax)
		}
	}
	return buf, serverName(buf), nil
}

// serverName parses a ClientHello with crypto/tls, on a connection that ends
// after it.
func serverName(hello []byte) (name string) {
	stop := errors.New("enough")
	_ = tls.Server(scripted{Reader: bytes.NewReader(hello)}, &tls.Config{
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			name = h.ServerName
			return nil, stop
		},
	}).Handshake() // always fails: nothing follows
	return name
}

// scripted is a connection of which only reading means anything.
type scripted struct{ io.Reader }

func (scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (scripted) Close() error                     { return nil }
func (scripted) LocalAddr() net.Addr              { return nil }
func (scripted) RemoteAddr() net.Addr             { return nil }
func (scripted) SetDeadline(time.Time) error      { return nil }
func (scripted) SetReadDeadline(time.Time) error  { return nil }
func (scripted) SetWriteDeadline(time.Time) error { return nil }

var _ net.Conn = scripted{}
