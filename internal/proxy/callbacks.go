package proxy

import (
	"fmt"

	"fishplate/internal/message"
	"fishplate/internal/tenant"
)

// admitTo makes x.run one of the tenant's. One that an expression began by
// calling a function goes on; that of another tenant ends.
func (x *exchange) admitTo(t *tenant.Tenant) *message.Fault {
	if x.run != nil {
		if x.run.Tenant() == t {
			return nil
		}
		x.releaseRun()
	}
	x.s.yield() // an expression may ask a program earlier
	run, f := x.admitGuest(t)
	if f != nil {
		return f
	}
	x.employ(run)
	return nil
}

// employ makes run the exchange's, which answers what its program asks.
func (x *exchange) employ(run *tenant.Run) {
	run.Outside((*outside)(x))
	run.Steer(x)
	run.Annotate(&x.notes)
	x.run = run
}

// lend is the errand by which another exchange may go on with what on_recv
// decided; nil when there is nothing that it needs the program for.
func (x *exchange) lend() *tenant.Errand {
	if x.run == nil {
		return x.errand
	}
	if x.decision.Kind != tenant.Forge && x.run.Wants(tenant.LaterOrigin|tenant.LaterMiss) == 0 {
		return nil
	}
	e := x.run.Errand()
	return &e
}

// enlist admits an exchange that was lent an errand.
func (x *exchange) enlist() *message.Fault {
	if x.run != nil || x.errand == nil {
		return nil
	}
	run, f := x.errand.Admit(x.context())
	if f != nil {
		return f
	}
	x.employ(run)
	x.errand = nil
	return nil
}

// follow does what a decision says of the way, and tells of a fault that was
// passed over.
func (x *exchange) follow(d *tenant.Decision) *message.Fault {
	if d.Failed != nil { // on_fault = "pass": the line in the log says why
		x.srv.causes.Add(d.Failed.Cause)
		x.rec.Detail = detail(d.Failed)
	}
	if d.Backend == "" {
		return nil
	}
	x.decision.Backend, x.decision.Server = d.Backend, d.Server
	gen := x.gen
	if gen == nil { // an exchange without a client has none
		gen = x.srv.generationFor(x.req.ClientIP)
	}
	if x.backend = gen.Backends[d.Backend]; x.backend == nil {
		return &message.Fault{
			Side: message.SideGuest, Status: 503, Cause: "guest-backend",
			Err: fmt.Errorf("the program chose backend %q, which the configuration has no more", d.Backend),
		}
	}
	return nil
}

// onHit tells the program of the object that is about to answer. done is false
// when the request goes on as it would without.
func (x *exchange) onHit() (next step, done bool) {
	if x.run == nil || x.run.Wants(tenant.LaterHit) == 0 {
		x.afterLookup()
		return 0, false
	}
	x.visit.Show(&x.resp)
	var d tenant.Decision
	f := x.guarding("on_hit", func() (f *message.Fault) {
		d, f = x.run.OnHit(x.context(), &x.req, &x.resp)
		return f
	})
	if f == nil {
		f = x.follow(&d)
	}
	switch {
	case f != nil:
		return x.guestFault(lookup, f), true
	case d.Kind == tenant.Answer:
		x.visit.Overrule()
		x.decision = d
		return x.synth(), true
	case d.Kind == tenant.Pass:
		x.visit.Overrule()
		x.clock(lookup)
		return fetch, true
	case d.Kind == tenant.Refetch:
		x.visit.Refetch()
		return x.onMiss(true), true
	}
	return 0, false
}

// afterLookup lets the fork go when nothing is left for it. The errand of a
// renewal must be there before.
func (x *exchange) afterLookup() {
	if x.run != nil && !x.visit.Refresh && !x.visit.Sliced() && x.decision.Kind != tenant.Forge && x.run.Wants(tenant.LaterDeliver|tenant.LaterMiss|tenant.LaterOrigin) == 0 {
		x.releaseRun()
	}
}

// onMiss tells the program that no object answers, when it was looked for; a
// call that paused goes on in any case.
func (x *exchange) onMiss(looked bool) step {
	if x.run == nil || x.run.Wants(tenant.LaterMiss) == 0 {
		return fetch
	}
	var d tenant.Decision
	f := x.guarding("on_miss", func() (f *message.Fault) {
		d, f = x.run.OnMiss(x.context(), &x.req, looked)
		return f
	})
	if f == nil {
		f = x.follow(&d)
	}
	if f != nil {
		return x.guestFault(lookup, f)
	}
	x.tellCache()
	switch d.Kind {
	case tenant.Answer:
		x.decision = d
		return x.synth()
	case tenant.Pass:
		x.decision.Cached = false
		t := terms(x.run.Terms())
		t.Uncacheable = true
		x.visit.Ask(t)
	case tenant.Forge:
		x.decision = d
		return fetch
	}
	if x.decision.Kind != tenant.Forge && x.run.Wants(tenant.LaterOrigin|tenant.LaterDeliver) == 0 {
		x.releaseRun()
	}
	x.clock(lookup)
	return fetch
}

// tellCache hands on what the program has asked of the cache so far.
func (x *exchange) tellCache() {
	if !x.visit.Closed() {
		x.visit.Ask(terms(x.run.Terms()))
	}
}

// asked is the request as the program edited it for the backend. It and the
// client's request change places: the program and the codec see the one, the
// cache and everybody else the other.
type asked struct {
	live          bool
	fields, spare []message.Field
	method        []byte
	target, path  []byte
	query         []byte
	hasQuery      bool
	minor         uint8
}

// keep notes the request as it is, before it is edited.
func (a *asked) keep(r *message.Request) {
	a.live = true
	a.fields = r.Save(a.fields[:0])
	a.method, a.minor = r.Method, r.Minor
	a.target, a.path, a.query, a.hasQuery = r.Target, r.Path, r.Query, r.HasQuery
}

// swap puts the other of the two into r.
func (a *asked) swap(r *message.Request) {
	if !a.live {
		return
	}
	a.spare = r.Save(a.spare[:0])
	r.Restore(a.fields)
	a.fields, a.spare = a.spare, a.fields
	a.method, r.Method = r.Method, a.method
	a.minor, r.Minor = r.Minor, a.minor
	a.target, r.Target = r.Target, a.target
	a.path, r.Path = r.Path, a.path
	a.query, r.Query = r.Query, a.query
	a.hasQuery, r.HasQuery = r.HasQuery, a.hasQuery
}

// onBackendFetch lets the program edit the request for the backend, and choose
// one.
func (x *exchange) onBackendFetch() *message.Fault {
	if x.run == nil || x.run.Wants(tenant.LaterFetch) == 0 {
		return nil
	}
	x.asked.keep(&x.req)
	var d tenant.Decision
	f := x.guarding("on_backend_fetch", func() (f *message.Fault) {
		d, f = x.run.OnFetch(x.context(), &x.req)
		return f
	})
	x.asked.swap(&x.req)
	if f != nil {
		return f
	}
	x.tellCache()
	return x.follow(&d)
}

// onBackendResponse shows the program the origin's answer before anybody has it.
func (x *exchange) onBackendResponse() *message.Fault {
	if x.run == nil || x.source != fromOrigin {
		return nil
	}
	if x.run.Wants(tenant.LaterResponse) != 0 && x.resp.Status >= 200 {
		x.asked.swap(&x.req)
		f := x.guarding("on_backend_response", func() *message.Fault {
			return x.run.OnResponse(x.context(), &x.req, &x.resp)
		})
		x.asked.swap(&x.req)
		if f != nil {
			x.drop()
			return f
		}
		x.tellCache()
	}
	if x.run.Wants(tenant.LaterDeliver) == 0 {
		if !x.visit.Closed() {
			x.errand = x.lend() // other slices may have to be fetched
		}
		x.releaseRun() // a slow body pins no fork
	} else {
		x.run.Fetched()
	}
	return nil
}

// failed ends the fetch with a fault of the program about a real answer.
func (x *exchange) failed(f *message.Fault) step {
	if x.onBackendError(f) {
		return respond
	}
	return x.guestFault(store, f)
}

// onBackendError lets the program make the answer to a failed fetch. False means
// that it did not.
func (x *exchange) onBackendError(f *message.Fault) bool {
	if x.run == nil || x.run.Wants(tenant.LaterError) == 0 || f.Side == message.SideClient || f.Status < 400 {
		return false
	}
	x.run.Fetched() // its fork may be what has failed
	x.errorText(f)
	x.asked.swap(&x.req)
	made := false
	g := x.guarding("on_backend_error", func() (g *message.Fault) {
		x.answer, made, g = x.run.OnError(x.context(), &x.req, &x.resp, x.answer)
		return g
	})
	x.asked.swap(&x.req)
	if g != nil {
		x.excuse(g)
		made = false
	}
	if !made {
		x.source, x.answer = fromNobody, nil
		return false
	}
	x.excuse(f)
	if t := terms(x.run.Terms()); t.HasTTL && !x.visit.Closed() && x.visit.Made(&x.resp, x.answer, x.srv.wheel.time(x.mark), t) {
		x.answerStored()
	}
	x.decision.Cached = false // it is judged already
	x.clock(fetch)
	return true
}

// errorSynth lets the program make the body of an error that is ours, after it
// had decided about the request. It gets no slot that others wait for.
func (x *exchange) errorSynth() {
	if !x.ruled || x.source != fromSelf || x.plan == nil || x.plan.tenant == nil || x.fault.Side == message.SideGuest || x.s.sink != nil {
		return
	}
	t := x.plan.tenant
	if !t.WantsSynth() {
		return
	}
	if x.run == nil {
		run := t.AdmitNow()
		if run == nil {
			return
		}
		x.employ(run)
	}
	f := x.guarding("on_synth", func() (f *message.Fault) {
		x.answer, f = x.run.Synth(x.context(), &x.req, &x.resp, x.answer)
		return f
	})
	if f != nil {
		x.srv.causes.Add(f.Cause)
		x.rec.Detail = detail(f)
	}
}

// CallGuest implements predicate.Caller by the program of the tenant, in the
// fork that the request has anyhow, or will have.
func (x *exchange) CallGuest(dst []byte, name, function, value string) (out []byte, ok bool) {
	if x.gen == nil || x.trouble != nil {
		return dst, false
	}
	t := x.gen.Tenants[name]
	if t == nil {
		return dst, false
	}
	if f := x.admitTo(t); f != nil {
		x.troubled(t, f)
		return dst, false
	}
	out = dst
	f := x.guarding("function "+function, func() (f *message.Fault) {
		out, ok, f = x.run.Named(x.context(), &x.req, dst, function, value)
		return f
	})
	if f != nil {
		x.troubled(t, f)
		return dst, false
	}
	return out, ok
}

// troubled keeps a fault of an expression until the step that evaluates it can
// fail by it, where the tenant's faults fail requests.
func (x *exchange) troubled(t *tenant.Tenant, f *message.Fault) {
	x.srv.causes.Add(f.Cause)
	if t.Model().OnFault == "fail" {
		x.trouble = f
		return
	}
	x.rec.Detail = detail(f)
}
