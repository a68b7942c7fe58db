package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"fishplate/internal/cache"
	"fishplate/internal/filter"
	"fishplate/internal/message"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// Bounds of what programs ask.
const (
	inquiryMost = 64 << 10 // bytes of an answer that the program has not taken
	selfDepth   = 3        // self-requests inside each other
	asksMost    = 256      // requests by programs for the sake of one client's request
)

// outside is an exchange as its program sees it: tenant.Outside.
type outside exchange

// An asker is an exchange whose program waits for the one at hand.
type asker struct {
	tenant string
	up     *asker
}

// has reports whether a tenant's program waits: the exchange at hand then runs
// under its admission, since it might wait for the slot for ever.
func (a *asker) has(tenant string) bool {
	for ; a != nil; a = a.up {
		if a.tenant == tenant {
			return true
		}
	}
	return false
}

// context ends when the exchange must.
func (x *exchange) context() context.Context {
	if x.s.ctx != nil {
		return x.s.ctx
	}
	return x.srv.ctx
}

// deserted reports whether nobody wants what the program is asked about: the
// client has left, and no object becomes of it. An inner exchange has a context
// that says so.
func (x *exchange) deserted() bool {
	if x.outflow.filling != nil || !x.visit.Closed() && x.visit.State == cache.Fetch {
		return false
	}
	return x.left()
}

// severed reports whether an inner exchange was given up: nothing that went
// wrong since is the doing of a server.
func (x *exchange) severed() bool { return x.s.ctx != nil && x.s.ctx.Err() != nil }

// givenUp is the fault of an inner exchange that nobody wants any more.
func givenUp() *message.Fault {
	return &message.Fault{Side: message.SideClient, Cause: "fetch-given-up"}
}

// admitGuest admits the exchange to its tenant.
func (x *exchange) admitGuest(t *tenant.Tenant) (*tenant.Run, *message.Fault) {
	if x.family.askers.has(t.Name()) {
		return t.AdmitWithin()
	}
	return t.Admit(x.context())
}

// An inquiry is a program's request on its way: an inner exchange on a goroutine
// of its own writes into it, and the program takes from it.
type inquiry struct {
	y       *exchange   // of the goroutine
	left    func() bool // reports whether nobody waits for the program
	self    bool
	changed chan<- struct{}
	cancel  context.CancelFunc
	done    chan struct{} // closed when the goroutine has given everything back

	mu     sync.Mutex
	room   sync.Cond
	status int
	fields message.Header
	buf    []byte
	err    error // why there is no more; io.EOF is the end
	given  bool  // nobody takes any more
}

// Fetch implements tenant.Outside.
func (o *outside) Fetch(q *tenant.Question) (tenant.Fetched, error) {
	x := (*exchange)(o)
	if x.family.asks == nil {
		x.family.asks = new(atomic.Int64)
	}
	var b *upstream.Backend
	switch {
	case q.Self && x.family.selves >= selfDepth:
		return nil, fmt.Errorf("%w: a request to the own site inside %d others", tenant.ErrDenied, selfDepth)
	case !q.Self:
		if b = x.backendNamed(q.Backend); b == nil {
			return nil, fmt.Errorf("%w: backend %q is gone", tenant.ErrDenied, q.Backend)
		}
	}
	if x.family.asks.Add(1) > asksMost {
		return nil, fmt.Errorf("%w: %d requests for the sake of one", tenant.ErrLimit, asksMost)
	}
	ctx, cancel := context.WithTimeout(x.context(), q.Time)
	in := &inquiry{left: x.deserted, self: q.Self, changed: q.Changed, cancel: cancel, done: make(chan struct{})}
	in.room.L = &in.mu
	y := x.innerUnder(ctx, in)
	in.y = y
	y.pose(x, q)
	if q.Self {
		y.gen = y.srv.generationFor(x.req.ClientIP)
		y.gen.pin(y.s.shard)
		y.s.refresh(y.gen)
		y.rec.Generation = y.gen.ID
	} else {
		y.plan, y.backend = &RoutePlan{Name: x.rec.Route, VHost: x.rec.VHost}, b
		y.env.Req, y.env.VHost, y.env.Route, y.env.Now = &y.req, x.rec.VHost, x.rec.Route, y.srv.wheel.time(y.mark)
	}
	go in.run(ctx)
	return in, nil
}

// pose makes the inner exchange's request the one that the program asks.
func (y *exchange) pose(x *exchange, q *tenant.Question) {
	req := &y.req
	client := req.ClientIP
	req.Header.Reset(nil)
	req.Method, req.Target, req.Path, req.Query, req.HasQuery = q.Method, q.Target, q.Path, q.Query, q.Queried
	if len(q.Host) > 0 {
		req.Host, req.Port = q.Host, q.Port
	}
	req.Set("Host", string(req.Host))
	for i := range q.Fields.Len() {
		req.AddBytes(q.Fields.Name(i), q.Fields.Value(i))
	}
	if q.Body != nil {
		req.Framing, req.Length, y.collected = message.Length, int64(len(q.Body)), q.Body
	}
	filter.Forward(req, y.s.plan.Forward)
	req.ClientIP = client // whoever the proxies before us say it is
	y.family = x.family
	if q.Self {
		y.family.selves++
		y.family.askers = &asker{x.rec.Tenant, x.family.askers}
	}
	r := &y.rec
	r.HasRequest, r.Method, r.Host, r.Path, r.Query, r.Minor = true, req.Method, req.Host, req.Path, req.Query, req.Minor
}

// run is the goroutine's work.
func (in *inquiry) run(ctx context.Context) {
	defer close(in.done)
	defer in.cancel()
	y := in.y
	stop := context.AfterFunc(ctx, in.giveUp)
	if in.self {
		y.srv.through(y, route)
	} else {
		y.askBackend()
	}
	stop()
	err := io.EOF
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = tenant.ErrTime
	case y.fault != nil && ctx.Err() == nil && (!in.self || y.fault.Status == 0):
		err = fmt.Errorf("%w: %s", tenant.ErrFailed, y.fault.Cause)
	case ctx.Err() != nil, in.status == 0:
		err = tenant.ErrFailed
	}
	y.plan = nil
	y.srv.endInner(y)
	in.mu.Lock()
	in.err = err
	in.mu.Unlock()
	in.tell()
}

// askBackend leads an exchange from fetch to its last byte. It is in no log: the
// client's request is.
func (y *exchange) askBackend() {
	defer func() {
		if p := recover(); p != nil {
			y.panicked(p)
		}
	}()
	at := stepFetch(y)
	if at == store {
		at = stepStore(y)
	}
	if at == respond {
		stepRespond(y)
	}
	stepReply(y)
}

func (in *inquiry) tell() {
	select {
	case in.changed <- struct{}{}:
	default: // it has not seen the last one yet
	}
}

// giveUp makes the writer stop.
func (in *inquiry) giveUp() {
	in.mu.Lock()
	in.given = true
	in.room.Broadcast()
	in.mu.Unlock()
}

// refused reports whether what comes is our own answer to a fault, which a
// program gets as the failure of its fetch.
func (in *inquiry) refused() bool { return !in.self && in.y.fault != nil }

// head implements sink.
func (in *inquiry) head(resp *message.Response) {
	if in.refused() {
		return
	}
	in.mu.Lock()
	in.status = resp.Status
	in.fields.CopyFrom(&resp.Header)
	in.mu.Unlock()
	in.tell()
}

// Write implements sink.
func (in *inquiry) Write(p []byte) (int, error) {
	if in.refused() {
		return 0, errUnwanted
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for n := 0; n < len(p); {
		for len(in.buf) >= inquiryMost && !in.given {
			in.room.Wait()
		}
		if in.given {
			return n, errUnwanted
		}
		piece := p[n:min(len(p), n+inquiryMost-len(in.buf))]
		in.buf = append(in.buf, piece...)
		n += len(piece)
		in.tell()
	}
	return len(p), nil
}

// Head implements tenant.Fetched.
func (in *inquiry) Head() (int, *message.Header, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err != nil && in.err != io.EOF && in.status == 0 {
		return 0, nil, in.err
	}
	return in.status, &in.fields, nil
}

// Read implements tenant.Fetched.
func (in *inquiry) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.buf) == 0 {
		return 0, in.err
	}
	n := copy(p, in.buf)
	in.buf = append(in.buf[:0], in.buf[n:]...)
	in.room.Signal()
	return n, nil
}

// Deserted implements tenant.Fetched.
func (in *inquiry) Deserted() bool { return in.left() }

// Close implements tenant.Fetched.
func (in *inquiry) Close() {
	in.giveUp()
	in.cancel()
	<-in.done
}

// backendNamed returns one of the backends that the exchange's program may use,
// also when the generation has been let go.
func (x *exchange) backendNamed(name string) *upstream.Backend {
	if x.gen != nil {
		return x.gen.Backends[name]
	}
	return x.allies[name]
}

// keepAllies notes the backends of the tenant, for a program that runs on after
// the generation is let go. Their names are copies: the configuration's would
// keep it alive.
func (x *exchange) keepAllies() map[string]*upstream.Backend {
	if x.gen == nil || x.plan == nil || x.plan.tenant == nil {
		return x.allies
	}
	names := x.plan.tenant.Model().Backends
	if len(names) == 0 {
		return nil
	}
	kept := make(map[string]*upstream.Backend, len(names))
	for _, name := range names {
		kept[strings.Clone(name)] = x.gen.Backends[name]
	}
	return kept
}
