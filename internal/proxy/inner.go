package proxy

import (
	"bytes"
	"context"
	"io"
	"net/netip"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// A sink takes the answer of an inner exchange: its head once, then its body in
// pieces. An error of Write ends the exchange like a client that left.
type sink interface {
	head(resp *message.Response)
	Write(p []byte) (int, error)
}

// discard is the sink of who wants no answer.
type discard struct{}

func (discard) head(*message.Response)      {}
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// sinkStream makes a stream of a sink, from which nothing comes.
type sinkStream struct{ sink }

func (sinkStream) Read([]byte) (int, error) { return 0, io.EOF }

// inner returns an exchange without a client connection, for requests that the
// proxy makes itself: refreshes, slices and includes. It has a copy of the
// parent's request, without its body, and is given back by endInner.
func (x *exchange) inner(to sink) *exchange { return x.innerUnder(x.s.ctx, to) }

// innerUnder is inner for an exchange that is given up when ctx ends.
func (x *exchange) innerUnder(ctx context.Context, to sink) *exchange {
	p := x.s
	s := &session{
		srv: p.srv, plan: p.plan, planID: p.planID, counters: p.counters, stream: sinkStream{to}, sink: to,
		conn: p.conn, client: netip.Addr{}, shard: metrics.NewShard(), served: 1, ctx: ctx,
	}
	if ctx != nil {
		s.stay = context.AfterFunc(ctx, s.watch.sever)
	}
	y := x.srv.attach(s)
	copyRequest(&y.req, &x.req)
	y.req.Conn = &s.conn
	y.body = y.reader.Body(message.NoBody, 0)
	y.begin = x.srv.wheel.exact()
	y.mark = y.begin
	x.srv.wheel.add(&s.watch, s.shard)
	x.srv.process.Add(s.shard, metrics.ProcessExchanges, 1)
	return y
}

// endInner gives an inner exchange back. Its steps have ended.
func (s *Server) endInner(y *exchange) {
	y.abandon()
	y.unpin()
	if y.s.stay != nil {
		y.s.stay()
	}
	s.wheel.remove(&y.s.watch)
	s.process.Add(y.s.shard, metrics.ProcessExchanges, -1)
	s.detach(y)
}

// copyRequest makes dst a copy of src, without its body, that depends on no
// buffer of src.
func copyRequest(dst, src *message.Request) {
	h := dst.Header
	h.CopyFrom(&src.Header)
	*dst = message.Request{
		Header: h, Method: bytes.Clone(src.Method), Target: bytes.Clone(src.Target), Scheme: src.Scheme,
		Host: bytes.Clone(src.Host), Port: src.Port, Path: bytes.Clone(src.Path), Query: bytes.Clone(src.Query),
		HasQuery: src.HasQuery, Minor: 1, ClientIP: src.ClientIP,
	}
}

var _ http1.Stream = sinkStream{}
