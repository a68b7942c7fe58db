package proxy

import (
	"os"
	"sync"

	"fishplate/internal/cache"
	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/upstream"
)

// fillers take bodies from origins into the store, each on a goroutine of its
// own, at the origin's pace: no client slows another down, and none that leaves
// ends the fetch.
type fillers struct {
	tasks sync.WaitGroup
}

// A filler owns the origin's side of an exchange from the head of the answer on.
type filler struct {
	srv     *Server
	into    *cache.Filling
	first   []byte
	origin  *http1.Reader
	in      *http1.Body
	up      *upstream.UpConn
	lease   upstream.Lease
	reuse   bool // the connection may be used again after the body
	idle    int64
	shard   metrics.Shard
	watch   watch
	backend string
}

// start takes the origin's connection from the exchange.
// first are bytes of the body that are not in the object yet.
func (fs *fillers) start(x *exchange, into *cache.Filling, in *http1.Body, first []byte) {
	f := &filler{
		srv: x.srv, into: into, first: first, origin: x.origin, in: in, up: x.up, lease: x.lease, idle: x.idleLimit(), shard: x.s.shard,
		reuse: x.resp.Framing != message.UntilEnd && !x.resp.Close, backend: x.rec.Backend,
	}
	x.origin = new(http1.Reader)
	x.leased, x.up, x.lease = false, nil, upstream.Lease{}
	x.srv.wheel.add(&f.watch, f.shard)
	fs.tasks.Go(f.run)
}

// run is the goroutine's work.
func (f *filler) run() {
	whole := false
	defer func() {
		if p := recover(); p != nil {
			f.srv.process.Add(f.shard, metrics.ProcessPanics, 1)
			f.srv.logger.Error("panic while filling an object", "backend", f.backend, "panic", p)
			whole = false
		}
		f.watch.disarm()
		f.srv.wheel.remove(&f.watch)
		// The connection first: who has the whole answer, and asks for another, may have it.
		f.reuse = f.reuse && whole && f.origin.Buffered() == 0
		f.origin.Release()
		f.lease.Release(f.reuse)
		f.into.End(whole)
	}()
	if len(f.first) > 0 && !f.into.Append(f.first) {
		return
	}
	for !f.in.Done() {
		f.watch.arm(f.up.Raw, nil, f.srv.wheel.now()+f.idle)
		piece, err := f.in.Next()
		fired := f.watch.disarm()
		if err != nil && !isEnd(err) {
			if fired {
				err = os.ErrDeadlineExceeded
			}
			f.lease.Report(upstream.Outcome{Fault: f.lease.Fault(upstream.ReadingBody, err)}, 0)
			return
		}
		if len(piece) > 0 && !f.into.Append(piece) {
			return
		}
	}
	whole = true
}
