package tenant

import (
	"context"
	"errors"
	"net/http"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// Later says what a program wants to be asked about after on_recv.
type Later uint16

// The callbacks that may still be due.
const (
	LaterHit      Later = 1 << iota // on_hit, or a paused call
	LaterMiss                       // on_miss, or a paused call
	LaterFetch                      // on_backend_fetch
	LaterResponse                   // on_backend_response
	LaterError                      // on_backend_error
	LaterDeliver                    // on_deliver

	LaterLookup = LaterHit | LaterMiss
	LaterOrigin = LaterFetch | LaterResponse | LaterError
)

// later finds the callbacks that the program registered.
func (b *bearings) later() (l Later) {
	for _, c := range [...]struct {
		index int
		bit   Later
	}{
		{cbOnHit, LaterHit}, {cbOnMiss, LaterMiss}, {cbOnBackendFetch, LaterFetch},
		{cbOnBackendResponse, LaterResponse}, {cbOnBackendError, LaterError}, {cbOnDeliver, LaterDeliver},
	} {
		if b.callbacks[c.index] != 0 {
			l |= c.bit
		}
	}
	return l
}

// Wants returns those of the callbacks that the program is still to be asked.
func (r *Run) Wants(l Later) Later {
	has := r.image.wants
	if r.front != nil && r.front.held != nil {
		has |= LaterLookup
	}
	if r.synth || r.behind {
		has &^= LaterDeliver
	}
	return has & l
}

// Tenant returns whose Run it is.
func (r *Run) Tenant() *Tenant { return r.tenant }

// WantsSynth reports whether the program makes the bodies of errors.
func (t *Tenant) WantsSynth() bool {
	im := t.current.Load()
	return im != nil && im.memento.callbacks[cbOnSynth] != 0
}

// AdmitNow is Admit for what is not worth waiting for: nil when no slot is free.
func (t *Tenant) AdmitNow() *Run {
	if t.current.Load() == nil {
		return nil
	}
	t.mu.Lock()
	free := t.active < t.slots()
	if free {
		t.active++
	}
	t.mu.Unlock()
	if !free {
		return nil
	}
	return t.admitted()
}

// OnHit tells the program of the object that is about to answer: what paused
// goes on, then on_hit(REQ, OBJ) is called. obj is not changed. The decision has
// kind Continue, Pass, Answer or Refetch.
func (r *Run) OnHit(ctx context.Context, req *message.Request, obj *message.Response) (d Decision, f *message.Fault) {
	if t := r.open(&heard{way: wayHit, req: req, resp: obj}); t != nil {
		defer func() { t.close(&d, f, req, nil, nil) }()
	}
	return r.looked(ctx, stageHit, cbOnHit, whereObj, req, obj)
}

// OnMiss tells the program that there is none: what paused goes on, then
// on_miss(REQ, BEREQ) is called, when asks is set. The decision has kind
// Continue, Pass, Answer or Forge.
func (r *Run) OnMiss(ctx context.Context, req *message.Request, asks bool) (d Decision, f *message.Fault) {
	if t := r.open(&heard{way: wayMiss, n: [4]uint64{uint64(truth(asks))}, req: req}); t != nil {
		defer func() { t.close(&d, f, req, nil, nil) }()
	}
	cb := 0
	if asks {
		cb = cbOnMiss
	}
	return r.looked(ctx, stageMiss, cb, whereBereq, req, nil)
}

// looked is OnHit and OnMiss.
func (r *Run) looked(ctx context.Context, s stage, cb int, second uint64, req *message.Request, obj *message.Response) (Decision, *message.Fault) {
	v := r.front
	var fn uint64
	if cb != 0 {
		fn = r.image.memento.callbacks[cb]
	}
	if fn == 0 && (v == nil || v.held == nil) {
		return Decision{}, nil
	}
	if v == nil {
		var f *message.Fault
		if v, f = r.fork(); f != nil {
			return Decision{}, f
		}
		r.front = v
	}
	v.decision = decision{backend: -1}
	v.attach(s, req, obj)
	f := r.resume(ctx, v)
	if f == nil && fn != 0 && v.decision.word == "" {
		counter := callHit
		if cb == cbOnMiss {
			counter = callMiss
		}
		f = r.call(ctx, v, counter, fn, r.arg, whereReq, second, 0)
	}
	if f != nil {
		v.req.Rollback()
		r.dropFront()
		return r.excused(f)
	}
	d := r.decide(v)
	v.detach()
	if d.Kind != Answer && r.Wants(LaterDeliver) == 0 {
		r.dropFront()
	}
	return d, nil
}

// excused is what becomes of a fault in a callback: nothing with
// on_fault = "pass", where the caller only tells of it.
func (r *Run) excused(f *message.Fault) (Decision, *message.Fault) {
	if r.tenant.model.OnFault == "pass" {
		return Decision{Failed: f}, nil
	}
	return Decision{}, f
}

// resume continues a call that decided with pause, behind its ecall, with a
// budget of its own.
func (r *Run) resume(ctx context.Context, v *vm) *message.Fault {
	h := v.held
	if h == nil {
		return nil
	}
	v.held = nil
	spent := v.m.Instret
	v.m.Restore(&h.registers)
	v.m.Instret, v.m.PC = spent, h.pc
	v.limit = spent + v.image.tenant.Instructions
	return r.execute(ctx, v, metrics.TenantCalls)
}

// OnFetch calls on_backend_fetch(BEREQ, BERESP), which may edit fields and URL of
// the request that is about to be sent, or given to a forge. The caller undoes
// the edits afterwards. A decision to fail is a fault.
func (r *Run) OnFetch(ctx context.Context, req *message.Request) (d Decision, f *message.Fault) {
	if t := r.open(&heard{way: wayFetch, req: req}); t != nil {
		defer func() { t.close(&d, f, req, nil, nil) }()
	}
	fn := r.image.memento.callbacks[cbOnBackendFetch]
	if fn == 0 {
		return Decision{}, nil
	}
	v, f := r.behindFork()
	if f != nil {
		return Decision{}, f
	}
	v.decision = decision{backend: -1}
	v.attach(stageFetch, req, nil)
	f = r.call(ctx, v, callFetch, fn, r.arg, whereBereq, whereBeresp, 0)
	if f != nil {
		v.req.Rollback()
		r.dropBack()
		return r.excused(f)
	}
	defer v.detach()
	switch v.decision.word {
	case "fail", "abandon":
		return Decision{}, &message.Fault{
			Side: message.SideGuest, Step: "fetch", Status: http.StatusServiceUnavailable, Cause: "guest-abandoned",
			Err: errors.New("decided by the program in on_backend_fetch"),
		}
	}
	r.overlay(v)
	d = Decision{Word: v.decision.word}
	r.chosen(v, &d)
	return d, nil
}

// OnResponse calls on_backend_response(BEREQ, BERESP) about the answer of an
// origin, before it is stored or sent. Fields, and the status where the body
// allows it, may be edited; Terms has what was asked of the cache.
func (r *Run) OnResponse(ctx context.Context, req *message.Request, resp *message.Response) (f *message.Fault) {
	if t := r.open(&heard{way: wayResponse, req: req, resp: resp}); t != nil {
		defer func() { t.close(nil, f, req, resp, nil) }()
	}
	fn := r.image.memento.callbacks[cbOnBackendResponse]
	if fn == 0 {
		return nil
	}
	v, f := r.behindFork()
	if f != nil {
		return f
	}
	v.attach(stageResponse, req, resp)
	f = r.call(ctx, v, callResponse, fn, r.arg, whereBereq, whereBeresp, 0)
	if f != nil {
		v.res.Rollback()
		r.dropBack()
		_, f = r.excused(f)
		return f
	}
	v.detach()
	r.overlay(v)
	return nil
}

// OnError calls on_backend_error(BEREQ, BERESP) when there is no answer: resp is
// the error that the client would get, with body. The program may edit its
// fields and status, or make the answer by SYNTH. made is false when it did
// neither.
func (r *Run) OnError(ctx context.Context, req *message.Request, resp *message.Response, body []byte) (answer []byte, made bool, f *message.Fault) {
	if t := r.open(&heard{way: wayError, body: body, req: req, resp: resp}); t != nil {
		defer func() { t.close(nil, f, req, resp, answer) }()
	}
	fn := r.image.memento.callbacks[cbOnBackendError]
	if fn == 0 {
		return body, false, nil
	}
	v, f := r.behindFork()
	if f != nil {
		return body, false, f
	}
	v.answer.given = false
	v.attach(stageError, req, resp)
	defer v.detach()
	f = r.call(ctx, v, callError, fn, r.arg, whereBereq, whereBeresp, 0)
	if f != nil {
		v.res.Rollback()
		return body, false, f
	}
	r.overlay(v)
	if v.answer.given {
		return v.replace(resp), true, nil
	}
	if !v.res.Edited() {
		return body, false, nil
	}
	finish(resp, nil, body)
	return body, true, nil
}

// Synth calls on_synth(REQ, RESP) about an error that is the proxy's and not the
// program's: resp has its status and fields, body its text. What SYNTH gives
// takes its place.
func (r *Run) Synth(ctx context.Context, req *message.Request, resp *message.Response, body []byte) (made []byte, f *message.Fault) {
	if t := r.open(&heard{way: waySynth, body: body, req: req, resp: resp}); t != nil {
		defer func() { t.close(nil, f, req, resp, made) }()
	}
	fn := r.image.memento.callbacks[cbOnSynth]
	if fn == 0 || r.synth || r.behind {
		return body, nil
	}
	r.synth = true
	if r.front == nil {
		v, f := r.fork()
		if f != nil {
			return body, f
		}
		r.front = v
	}
	v := r.front
	v.answer.given = false
	v.attach(stageSynth, req, resp)
	defer v.detach()
	if f := r.call(ctx, v, callSynth, fn, r.arg, whereReq, whereResp, 0); f != nil {
		v.res.Rollback()
		return body, f
	}
	if v.answer.given {
		return v.replace(resp), nil
	}
	finish(resp, nil, body)
	return body, nil
}

// replace makes resp what the program gave instead, and returns the body.
func (v *vm) replace(resp *message.Response) []byte {
	resp.Status, resp.Reason = v.answer.status, nil
	resp.RemoveID(message.ContentType)
	finish(resp, v.answer.kind, v.answer.body)
	return v.answer.body
}

// behindFork returns the fork of the backend's side, which serves from
// on_backend_fetch to the end of the fetch.
func (r *Run) behindFork() (*vm, *message.Fault) {
	if r.back != nil {
		return r.back, nil
	}
	v, f := r.fork()
	if f != nil {
		f.Step = "fetch"
		return nil, f
	}
	r.back = v
	return v, nil
}

func (r *Run) dropBack() {
	if r.back != nil {
		r.giveBack(r.back)
		r.back = nil
	}
}

// Fetched says that the fetch is over: nothing is left for the fork of the
// backend's side. The slices that its methods gave are not valid any more.
func (r *Run) Fetched() {
	if r.tape != nil && r.back != nil {
		if t := r.open(&heard{way: wayFetched}); t != nil {
			t.close(nil, nil, nil, nil, nil)
		}
	}
	r.dropBack()
}

// overlay makes the Run's terms those of the request's side with what the
// backend's side asked for.
func (r *Run) overlay(v *vm) {
	r.terms = r.first.clone()
	r.terms.overlay(&v.terms)
}
