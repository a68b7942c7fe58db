package proxy

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/netio"
	"fishplate/internal/upstream"
)

// A tunnel carries bytes both ways until both sides have ended, or nothing has
// moved for the listener's tunnel timeout. Upgraded connections and connections
// that are passed through by server name come here; nothing else does.
type tunnel struct {
	client, server end
	early          []byte // bytes of the server that arrived with its head
	late           []byte // bytes of the client that arrived with its head
	idle           time.Duration
	wheel          *wheel
	shard          metrics.Shard
	last           atomic.Int64 // instant at which bytes moved
}

// end is one side of a tunnel.
type end struct {
	stream io.ReadWriter
	raw    *netio.Conn
	plain  *netio.Conn // nil when something lies above the socket
	half   func() error
}

// result is what one direction of a tunnel came to.
type result struct {
	bytes int64
	err   error
}

// run returns when both directions have ended. Each direction is one goroutine,
// the caller's being one of them.
func (t *tunnel) run() (up, down result) {
	done := make(chan result, 1)
	t.last.Store(t.wheel.exact())
	go func() {
		r := t.carry(t.server, t.client, t.late)
		if r.err != nil {
			t.cut()
		}
		done <- r
	}()
	down = t.carry(t.client, t.server, t.early)
	if down.err != nil {
		t.cut()
	}
	return <-done, down
}

// cut ends both directions after an error in one.
func (t *tunnel) cut() {
	_ = t.client.raw.SetDeadline(past())
	_ = t.server.raw.SetDeadline(past())
}

// carry moves bytes from src to dst until src ends, and hands the end on.
func (t *tunnel) carry(dst, src end, first []byte) (r result) {
	var w watch
	t.wheel.add(&w, t.shard)
	defer t.wheel.remove(&w)
	if len(first) > 0 {
		if r.err = t.write(&w, dst, first); r.err != nil {
			return r
		}
		r.bytes += int64(len(first))
	}
	for {
		n, err := t.move(&w, dst, src)
		r.bytes += int64(n)
		if isEnd(err) {
			// The other side may have closed both ways already; it has its end then.
			_ = dst.half()
			return r
		}
		if err != nil {
			r.err = err
			return r
		}
	}
}

// move waits for bytes of src, holding no buffer meanwhile, and hands them on.
// A timeout counts only when the other direction was idle as long.
func (t *tunnel) move(w *watch, dst, src end) (n int, err error) {
	var buf *[]byte
	for {
		w.arm(src.raw, nil, t.last.Load()+int64(t.idle))
		if src.plain != nil {
			buf, n, err = src.plain.ReadPooled()
		} else {
			buf = netio.GetBuffer()
			n, err = src.stream.Read(*buf)
		}
		fired := w.disarm()
		if n > 0 {
			break
		}
		netio.PutBuffer(buf)
		if !fired || !isTimeout(err) || t.last.Load()+int64(t.idle) <= t.wheel.exact() {
			return 0, err
		}
	}
	t.last.Store(t.wheel.now())
	err = t.write(w, dst, (*buf)[:n])
	netio.PutBuffer(buf)
	return n, err
}

func (t *tunnel) write(w *watch, dst end, p []byte) error {
	w.arm(nil, dst.raw, t.wheel.now()+int64(t.idle))
	_, err := dst.stream.Write(p)
	w.disarm()
	return err
}

// upgrade answers 101 and leaves the exchange through the tunnel.
func (x *exchange) upgrade() *message.Fault {
	if x.req.Upgrade == nil || !sameProtocol(x.req.Upgrade, x.resp.Upgrade) {
		x.req.Close = true
		return &message.Fault{Side: message.SideOrigin, Step: reply.String(), Status: 502, Cause: "unasked-upgrade"}
	}
	x.endUpload()
	out := http1.AppendResponseHead(x.buffer(&x.out), &x.resp, http1.ReplyOptions{Minor: 1})
	if err := x.flush(out); err != nil {
		return clientGone(err)
	}
	x.rec.Status, x.rec.Tunnel = 101, true
	t := tunnel{
		client: x.s.end(), server: upEnd(x.up),
		early: bytes.Clone(x.origin.Take()), late: bytes.Clone(x.reader.Take()),
		idle: time.Duration(x.s.plan.tunnel), wheel: x.srv.wheel, shard: x.s.shard,
	}
	return x.tunnel(&t)
}

// sameProtocol reports whether the server switched to what the client offered.
func sameProtocol(offered, chosen []byte) bool {
	for _, p := range bytes.Split(offered, []byte{','}) {
		if message.EqualFold(bytes.TrimSpace(p), chosen) {
			return true
		}
	}
	return false
}

// tunnel runs t with the buffers of the exchange given back.
func (x *exchange) tunnel(t *tunnel) *message.Fault {
	s := x.s
	x.req.Close = true
	// The record outlives the buffer that the head lies in: by the tunnel's end that
	// holds somebody else's.
	r := &x.rec
	r.Method, r.Host, r.Path, r.Query = bytes.Clone(r.Method), bytes.Clone(r.Host), bytes.Clone(r.Path), bytes.Clone(r.Query)
	x.release()
	x.reader.Release()
	x.origin.Release()
	s.counters.Add(s.shard, metrics.ListenerTunnels, 1)
	up, down := t.run()
	s.counters.Add(s.shard, metrics.ListenerTunnels, -1)
	x.rec.BytesIn += up.bytes
	x.rec.BytesOut += down.bytes
	_ = s.net.SetDeadline(time.Time{})
	x.lease.Release(false)
	x.leased, x.up = false, nil
	for _, r := range []result{down, up} {
		if r.err != nil && isTimeout(r.err) {
			return &message.Fault{Side: message.SideClient, Cause: "tunnel-idle"}
		}
	}
	return nil
}

func (s *session) end() end {
	e := end{stream: s.stream, raw: s.net, plain: s.plain, half: s.net.CloseWrite}
	if s.tls != nil {
		e.half = s.tls.CloseWrite
	}
	return e
}

func upEnd(up *upstream.UpConn) end {
	e := end{stream: up.Stream, raw: up.Raw, plain: up.Plain, half: up.Raw.CloseWrite}
	if up.TLS != nil {
		e.half = up.TLS.CloseWrite
	}
	return e
}
