package proxy

import (
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"fishplate/internal/cache"
	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// stepFetch gets the head of an answer: from a server of the backend, with
// retries inside, or from the guest's forge.
func stepFetch(x *exchange) step {
	if f := x.enlist(); f != nil {
		return x.guestFault(fetch, f)
	}
	if f := x.onBackendFetch(); f != nil {
		return x.rescue(f)
	}
	if x.decision.Kind == tenant.Forge && x.run != nil {
		return x.forge()
	}
	if x.backend == nil {
		x.backend = x.home(x.chooseBackend(rand.Uint32()))
	}
	b := x.backend
	if b == nil {
		return x.fail(fetch, &message.Fault{Side: message.SideSelf, Status: 500, Cause: "no-backend"})
	}
	x.pick.Reset(&x.env, x.s.shard)
	x.pick.Left = x.left
	x.rec.Backend = b.Name()
	x.env.Backend = x.rec.Backend
	x.asked.swap(&x.req)
	b.PersistRequest(&x.pick)
	x.asked.swap(&x.req)
	if x.decision.Server != "" {
		b.Prefer(&x.pick, x.decision.Server)
	}
	if f := x.get(); f != nil {
		return x.rescue(f)
	}
	return store
}

// get asks the backend until there is the head of an answer, or a fault that
// cannot be mended by asking again.
func (x *exchange) get() *message.Fault {
	x.asked.swap(&x.req)
	x.saved = x.req.Save(x.saved[:0])
	x.visit.Condition()
	x.encode()
	x.req.Restore(x.saved)
	x.asked.swap(&x.req)
	if x.plan.mirror != nil {
		x.srv.mirrors.send(x)
	}
	x.visit.Blamed(func(server string) { x.backend.Shun(&x.pick, server) })
	for {
		f := x.attempt(x.backend)
		if f != nil && x.severed() {
			x.drop()
			return givenUp()
		}
		if !x.again(x.backend, f) {
			if f != nil {
				x.drop()
				return f
			}
			x.source = fromOrigin
			return nil
		}
	}
}

// rescue answers from the store when a kept object may stand in for an origin
// that failed.
func (x *exchange) rescue(f *message.Fault) step {
	switch {
	case f.Side == message.SideClient:
		return x.fail(fetch, f)
	case x.visit.Rescue() && x.answerStored():
	case x.onBackendError(f):
	case x.plan.synthetic != nil && f.Status >= 500 && !x.visit.Closed():
		x.synthetic()
	default:
		return x.fail(fetch, f)
	}
	x.excuse(f)
	x.clock(fetch)
	return respond
}

// excuse tells of a fault that the client does not see.
func (x *exchange) excuse(f *message.Fault) {
	x.srv.causes.Add(f.Cause)
	x.rec.Detail = f.Error()
}

// synthetic makes the policy's answer to failure, and lets it answer for a while
// if the policy says so.
func (x *exchange) synthetic() {
	p := x.plan.synthetic
	x.answerWith(p.status, p.body)
	if p.headers != nil {
		x.env.Resp = &x.resp
		p.headers.ApplyResponse(&x.resp, &x.env)
	}
	x.visit.Kind = cache.Synthetic
	ttl := x.plan.cache.Model.Synthetic.TTL
	if ttl > 0 && x.visit.Made(&x.resp, x.answer, x.srv.wheel.time(x.mark), cache.Terms{HasTTL: true, TTL: ttl}) {
		x.answerStored() // of an object that was made here every condition can be judged
	}
}

// chooseBackend returns the route's backend, or the arm of its split that the
// random number falls into.
func (x *exchange) chooseBackend(random uint32) *upstream.Backend {
	if x.plan.backend != nil {
		return x.plan.backend
	}
	return x.gen.Backends[x.match.Backend(&x.env, random)]
}

// encode writes the request as the origin will get it: its head, and as much of
// the body as has arrived.
func (x *exchange) encode() {
	out := http1.AppendRequestHead(x.buffer(&x.head), &x.req, http1.ForwardOptions{
		Upgrade: x.req.Upgrade != nil, Expect: x.req.Expect100 && x.reader.Buffered() == 0,
	})
	if x.collected != nil {
		*x.head = append(out, x.collected...)
		return
	}
	if x.req.Framing == message.Length {
		// While bytes are buffered a Content-Length body yields them without
		// reading the connection.
		for x.reader.Buffered() > 0 && !x.body.Done() && len(out) < cap(*x.head)-1024 {
			piece, err := x.body.Next()
			if err != nil {
				break
			}
			out = append(out, piece...)
			x.rec.BytesIn += int64(len(piece))
		}
	}
	*x.head = out
}

// attempt sends the request to one server and reads the head of its answer. The
// lease, if there is one, is kept: the caller drops it.
func (x *exchange) attempt(b *upstream.Backend) *message.Fault {
	lease, f := b.Acquire(x.context(), &x.pick)
	x.lease = lease
	if f != nil {
		return f
	}
	x.leased, x.up = true, lease.Conn
	x.rec.Server, x.rec.Reused = lease.Server.Name(), lease.Reused
	x.env.Server = x.rec.Server
	x.origin.Init(x.up.Stream, originLimits)
	x.sentAt = x.srv.wheel.exact()
	if x.up.Plain != nil && x.body.Done() {
		f = x.ask(b)
	} else {
		f = x.tell(b)
	}
	if f != nil && x.upload.running {
		x.stopUpload()
		if u := x.upload.fault; u != nil {
			return u // the client's body was the trouble
		}
	}
	return f
}

// ask sends a whole request and waits for the first bytes of the answer in one
// turn of the poller.
func (x *exchange) ask(b *upstream.Backend) *message.Fault {
	x.s.watch.arm(x.up.Raw, x.up.Raw, x.srv.wheel.now()+x.firstByte(b))
	buf, n, sent, err := x.up.Plain.Ask(*x.head)
	x.s.watch.disarm()
	switch {
	case err == nil:
		x.origin.Adopt(buf, n)
		return x.awaitHead(b)
	case sent:
		return x.lease.Fault(upstream.AwaitingHead, err)
	}
	return x.lease.Fault(upstream.Sending, err)
}

// tell sends what there is of a request, leaves the rest of its body to an
// upload, and waits for the head of the answer.
func (x *exchange) tell(b *upstream.Backend) *message.Fault {
	x.s.watch.arm(nil, x.up.Raw, x.srv.wheel.now()+x.firstByte(b))
	_, err := x.up.Stream.Write(*x.head)
	x.s.watch.disarm()
	if err != nil {
		return x.lease.Fault(upstream.Sending, err)
	}
	if !x.body.Done() {
		x.startUpload(x.up)
	}
	return x.awaitHead(b)
}

// firstByte returns how long the first byte of the answer may take.
func (x *exchange) firstByte(b *upstream.Backend) int64 {
	if x.plan.firstByte > 0 {
		return x.plan.firstByte
	}
	if d := b.Timeouts().FirstByte; d > 0 {
		return int64(d)
	}
	return int64(time.Minute)
}

// originLimits bound the head of a server's answer.
var originLimits = http1.Limits{HeadBytes: 64 << 10}

// awaitHead reads heads until a final one, and hands on the interim ones.
func (x *exchange) awaitHead(b *upstream.Backend) *message.Fault {
	limit := x.firstByte(b)
	for interims := 0; ; interims++ {
		x.s.watch.arm(x.up.Raw, nil, x.srv.wheel.now()+limit)
		f := x.origin.ReadResponse(&x.resp, x.req.Method)
		x.s.watch.disarm()
		if f != nil {
			if f.Err != nil && f.Status != 0 && x.origin.Buffered() == 0 || f.Err != nil && isTimeout(f.Err) {
				return x.lease.Fault(upstream.AwaitingHead, f.Err)
			}
			return f
		}
		x.clock(fetch)
		if x.rec.FirstByte == 0 {
			x.rec.FirstByte = time.Duration(x.mark - x.sentAt)
		}
		if x.resp.Status >= 200 || x.resp.Status == 101 {
			return nil
		}
		if interims == maxInterims {
			return &message.Fault{Side: message.SideOrigin, Step: fetch.String(), Status: 502, Cause: "too-many-interim"}
		}
		if f := x.interim(); f != nil {
			return f
		}
	}
}

// maxInterims is how many 1xx answers one request may have: each one begins the
// wait for the final one anew, so a server could hold it for ever.
const maxInterims = 100

// drop closes the lease's connection, and stops the body that flows to it.
func (x *exchange) drop() {
	x.stopUpload()
	if x.leased {
		x.lease.Release(false)
		x.leased, x.up = false, nil
	}
	x.origin.Release()
}

// again decides whether an attempt is repeated, after a fault or an answer that
// the backend's policy names, and reports how the attempt ended.
func (x *exchange) again(b *upstream.Backend, f *message.Fault) bool {
	o := upstream.Outcome{Fault: f}
	if f == nil {
		o.Status = x.resp.Status
	}
	if x.leased {
		x.lease.Report(o, x.rec.FirstByte)
		if o.Status >= 500 || f != nil && f.Side == message.SideOrigin {
			x.visit.Blame(x.rec.Server)
		}
	}
	if f == nil && o.Status < 400 || f != nil && f.Side == message.SideClient {
		return false
	}
	if u := &x.upload; u.running || u.ended && u.bytes > 0 {
		return false // the body is gone, or going
	}
	x.asked.swap(&x.req) // what was sent may be repeated or not
	may := b.MayRetry(&x.pick, o)
	x.asked.swap(&x.req)
	if !may {
		return false
	}
	x.drop()
	x.body.Resume() // the upload that was stopped had read nothing
	x.upload.ended = false
	x.rec.Retries, x.rec.FirstByte = x.pick.Attempts(), 0
	return true
}

// interim hands a 1xx answer to a client that understands it (RFC 9110 §15.2).
func (x *exchange) interim() *message.Fault {
	if x.req.Minor == 0 || x.s.net == nil {
		return nil
	}
	out := http1.AppendResponseHead(x.buffer(&x.out), &x.resp, http1.ReplyOptions{})
	if err := x.flush(out); err != nil {
		return clientGone(err)
	}
	x.told = x.told || x.resp.Status == 100
	return nil
}

// clientGone is the fault of a client that left, or that took no byte for as
// long as timeouts.write allows.
func clientGone(err error) *message.Fault {
	f := &message.Fault{Side: message.SideClient, Cause: "client-gone", Err: err}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		f.Cause = "write-timeout"
	}
	return f
}

func (x *exchange) countSpliced(n int64) {
	if n > 0 {
		x.srv.process.Add(x.s.shard, metrics.ProcessSpliceBytes, n)
		x.rec.Spliced = true
	}
}
