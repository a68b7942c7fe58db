package tenant

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// Kind says what a program decided about a request.
type Kind uint8

// The kinds of decisions.
const (
	Continue Kind = iota // look it up, fetch it: as without a program
	Pass                 // fetch it, do not cache it
	Answer               // answer here; Run.Answer makes the response
	Forge                // the program makes the response; Run.Forge
	Purge                // remove the request's object from the tenant's cache, and answer
	Refetch              // of on_hit: the object is fetched anew and replaced
)

var kinds = [...]string{"continue", "pass", "answer", "forge", "purge", "refetch"}

// String returns the word of the kind.
func (k Kind) String() string { return kinds[k] }

// Decision is what on_recv decided.
type Decision struct {
	Kind    Kind
	Status  int    // of an Answer
	Backend string // one of the tenant's backends that the program chose; "" = the route's
	Server  string // a server of that backend, to be asked first; "" = any
	Body    string // text of an Answer that the program did not make itself
	Cached  bool   // of a Forge: the answer may become an object of the tenant's cache
	Stream  bool   // of a Forge: it reads the request's body, and may send the answer, by pieces
	// Lookup is set when the program asked for the cache in words ("hash",
	// "lookup"), rather than by saying nothing.
	Lookup bool
	// Key is the digest of what the program hashed, to be used in place of the
	// URL; nil when it hashed nothing. It stays valid after Release.
	Key []byte
	// Terms are what on_recv asked for the answer; they stay valid too.
	Terms Terms
	Word  string // the string that the program gave, for logs
	// Failed is the fault that on_fault = "pass" passed over; nil otherwise.
	Failed *message.Fault
}

// Run is one request's admission to a tenant. It belongs to one goroutine at a
// time. Slices that its methods return are valid until Release.
type Run struct {
	tenant  *Tenant
	shard   metrics.Shard // of the tenant's counters, for as long as the Run is used again
	image   *image        // what ran when it was admitted; an update does not change it
	sample  *sample       // of what is done, for the tenant's shadow; nil: it is not wanted
	front   *vm           // on_recv, on_synth, on_deliver
	back    *vm           // forge
	values  [3]uint64
	stream  bool // the forge has its bodies by pieces
	outside Outside
	notes   *Notes // of the request, for the log; nil: nobody reads them
	within  bool   // another Run's admission is this one's too
	hashed  bool   // a decision refers to key, and may for as long as it likes
	key     [sha256.Size]byte
	terms   Terms  // of the request's side, and of the backend's once that ran
	first   Terms  // of the request's side alone
	arg     string // third argument of the callbacks
	synth   bool   // the program answered: on_deliver is not asked
	behind  bool   // nobody waits for the answer: there is no side of the request
	steers  Steering
	tape    *tape     // what is done is written down; nil: it is not
	spare   [8]byte   // the request's name where nothing else has it
	chased  *stakeout // a debugger waits for the Run
	eye     *watch    // of a repetition
}

// An Errand is a forge that was decided on, to be run once more without its
// client: for the renewal of an object that is served stale meanwhile.
type Errand struct {
	tenant *Tenant
	image  *image // values are addresses in its program
	values [3]uint64
	stream bool
	terms  Terms
	arg    string
}

// Errand returns what on_recv decided: the forge, and what is needed for the
// callbacks of a fetch. It stays valid after Release.
func (r *Run) Errand() Errand {
	return Errand{tenant: r.tenant, image: r.image, values: r.values, stream: r.stream, terms: r.first.clone(), arg: r.arg}
}

// Admit is Tenant.Admit for the errand: the Run that it returns can Forge at
// once.
func (e *Errand) Admit(ctx context.Context) (*Run, *message.Fault) {
	r, f := e.tenant.Admit(ctx)
	if f == nil {
		r.image, r.values, r.stream, r.terms, r.first, r.arg, r.behind = e.image, e.values, e.stream, e.terms, e.terms, e.arg, true
	}
	return r, f
}

// Release gives the forks and the slot back, and the Run to the next request: it
// must not be used again.
func (r *Run) Release() {
	r.leaveSample()
	r.leaveTape()
	r.chased.giveUp()
	r.dropFront()
	r.dropBack()
	r.count(metrics.TenantActive, -1)
	t := r.tenant
	if !r.within {
		t.release()
	}
	if r.hashed {
		return
	}
	*r = Run{shard: r.shard}
	t.runs.Put(r)
}

// count adds to one of the tenant's counters.
func (r *Run) count(i int, n int64) { r.tenant.stats.cells.Add(r.shard, i, n) }

func (r *Run) dropFront() {
	if r.front != nil {
		r.giveBack(r.front)
		r.front = nil
	}
}

// WantsDeliver reports whether the program registered on_deliver, which is not
// called for its own synthetic answers.
func (r *Run) WantsDeliver() bool {
	return r.Wants(LaterDeliver) != 0
}

// onRecv is OnRecv, unobserved.
func (r *Run) onRecv(ctx context.Context, req *message.Request, arg string) (Decision, *message.Fault) {
	r.arg = arg
	if r.front == nil { // else a named function was called before
		v, f := r.fork()
		if f != nil {
			return Decision{}, f
		}
		r.front = v
	}
	v := r.front
	if v.callbacks[cbOnRecv] == 0 {
		return Decision{}, nil
	}
	v.attach(stageRecv, req, nil)
	f := r.call(ctx, v, metrics.TenantCalls, v.callbacks[cbOnRecv], arg, whereReq, ^uint64(0), 0)
	if f == nil {
		f = r.onHash(ctx, v, arg)
	}
	if f != nil {
		v.req.Rollback()
		r.dropFront() // whatever state it is in, nobody wants it
		if r.tenant.model.OnFault == "pass" {
			return Decision{Failed: f}, nil
		}
		return Decision{}, f
	}
	d := r.decide(v)
	v.detach()
	if r.Wants(LaterLookup|LaterDeliver) == 0 && d.Kind != Answer && d.Kind != Purge {
		r.dropFront() // a slow origin pins no fork
	}
	return d, nil
}

// onHash asks the program for the key, in the same fork, when the cache may be
// asked and the program has a callback for that.
func (r *Run) onHash(ctx context.Context, v *vm, arg string) *message.Fault {
	if v.callbacks[cbOnHash] == 0 {
		return nil
	}
	switch v.decision.word {
	case "", "hash", "lookup":
	case "backend":
		if v.decision.values[0] == 0 {
			return nil
		}
	default:
		return nil
	}
	v.stage = stageHash // the messages, and what was edited, stay
	return r.call(ctx, v, callHash, v.callbacks[cbOnHash], arg, ^uint64(0), ^uint64(0), 0)
}

// decide turns the guest's word into a Decision.
func (r *Run) decide(v *vm) Decision {
	d := Decision{Word: v.decision.word}
	if v.hashed {
		d.Key, r.hashed = v.key(r.key[:0]), true
	}
	r.first = v.terms.clone()
	r.terms = r.first
	d.Terms = r.terms
	r.chosen(v, &d)
	switch d.Word {
	case "", "deliver", "fetch":
	case "miss":
		if v.stage == stageHit {
			d.Kind = Refetch
		}
	case "hash", "lookup":
		d.Lookup = true
	case "pass", "pipe": // an upgrade is tunnelled in any case
		d.Kind = Pass
	case "purge":
		d.Kind = Purge
	case "compute":
		d.Kind, d.Status, d.Body = Answer, http.StatusServiceUnavailable, "compute is not available here\n"
	case "synth", "fail":
		d.Kind, d.Status = Answer, int(int32(v.decision.values[0]))
		if d.Word == "fail" {
			d.Status = http.StatusServiceUnavailable
		}
		if v.answer.given {
			d.Status = v.answer.status
		}
		if d.Status < 200 || d.Status > 599 {
			v.logf("decision %q has status %d: answered with 500", d.Word, d.Status)
			d.Status = http.StatusInternalServerError
		}
		r.count(metrics.TenantAnswers, 1)
	case "backend":
		d.Kind, d.Cached = Forge, v.decision.values[0] != 0
		d.Stream, r.stream = v.decision.stream, v.decision.stream
		r.values = v.decision.values
	default:
		v.logf("decision %q is unknown: the request goes on", d.Word)
	}
	return d
}

// answer is Answer, unobserved.
func (r *Run) answer(ctx context.Context, d Decision, req *message.Request, resp *message.Response) ([]byte, *message.Fault) {
	resp.Status = d.Status
	r.synth = true
	v := r.front
	body := []byte(d.Body)
	if v == nil {
		finish(resp, textPlain, body)
		return body, nil
	}
	fn := v.callbacks[cbOnSynth]
	if (fn != 0 || v.held != nil) && !v.answer.given {
		v.attach(stageSynth, req, resp)
		f := r.resume(ctx, v) // the call that paused has the answer at hand
		if f == nil && !v.answer.given {
			f = r.call(ctx, v, callSynth, fn, r.arg, whereReq, whereResp, 0)
		}
		v.detach()
		if f != nil {
			return nil, f
		}
	}
	if !v.answer.given {
		finish(resp, textPlain, body)
		return body, nil
	}
	resp.Status = v.answer.status
	finish(resp, v.answer.kind, v.answer.body)
	return v.answer.body, nil
}

// textPlain is the media type of texts that are ours.
var textPlain = []byte("text/plain; charset=utf-8")

// forge is Forge, unobserved.
func (r *Run) forge(ctx context.Context, req *message.Request, body []byte, resp *message.Response) ([]byte, *message.Fault) {
	v, f := r.behindFork()
	if f != nil {
		f.Status = 500
		return nil, f
	}
	resp.Status = 200
	v.attach(stageForge, req, resp)
	defer v.detach()
	v.m.X[2] = v.stackTop
	v.flow = flow{on: r.stream, resp: resp, terms: &r.terms}
	var at uint64
	if len(body) > 0 {
		at = v.mmapNext
		if err := v.store(at, body); err != nil {
			return nil, r.failed(v, err)
		}
		v.mmapNext += (uint64(len(body)) + 4095) &^ 4095
	}
	if f := r.call(ctx, v, metrics.TenantCalls+1, r.values[1], "", r.values[2], at, uint64(len(body))); f != nil {
		return nil, f
	}
	if v.flow.begun {
		return nil, r.streamed(v)
	}
	if err := v.takeAnswer(v.arg(0), v.arg(1), uint64(uint16(v.arg(2))), v.arg(3), v.arg(4)); err != nil {
		return nil, r.failed(v, err)
	}
	resp.Status = v.answer.status
	finish(resp, v.answer.kind, v.answer.body)
	if f := r.onResponse(ctx, v, resp); f != nil {
		return nil, f
	}
	r.count(metrics.TenantAnswers, 1)
	r.overlay(v)
	return v.answer.body, nil
}

// onResponse shows the program the answer that it made, where programs set the
// terms of its object: on_backend_response(BEREQ, BERESP), in the forge's fork.
func (r *Run) onResponse(ctx context.Context, v *vm, resp *message.Response) *message.Fault {
	fn := v.callbacks[cbOnBackendResponse]
	if fn == 0 {
		return nil
	}
	v.stage = stageResponse
	status := resp.Status
	if f := r.call(ctx, v, callResponse, fn, r.arg, whereBereq, whereBeresp, 0); f != nil {
		return f
	}
	if resp.Status != status {
		finish(resp, nil, v.answer.body)
	}
	return nil
}

// Terms returns what the program asked of the cache for this answer: after a
// Forge what on_recv and the forge set together, the latter first. It is the
// Run's until Release; the tags in it stay valid.
func (r *Run) Terms() *Terms { return &r.terms }

// NotStored counts an answer that the program wanted cached and that was not.
func (r *Run) NotStored() { r.tenant.stats.add(metrics.TenantUncached, 1) }

// onDeliver is OnDeliver, unobserved.
func (r *Run) onDeliver(ctx context.Context, req *message.Request, resp *message.Response) *message.Fault {
	v := r.front
	if v == nil || !r.WantsDeliver() {
		return nil
	}
	v.attach(stageDeliver, req, resp)
	defer v.detach()
	f := r.call(ctx, v, metrics.TenantCalls+2, v.callbacks[cbOnDeliver], r.arg, whereReq, whereResp, 0)
	if f != nil {
		v.req.Rollback()
		v.res.Rollback()
	}
	if r.tenant.model.OnFault == "pass" {
		return nil
	}
	return f
}

// fork takes a machine for this Run.
func (r *Run) fork() (*vm, *message.Fault) {
	t := r.tenant
	if most := t.forkLimit(); t.forks.Add(1) > most {
		t.forks.Add(-1)
		t.stats.add(metrics.TenantLimits+limitForks, 1)
		t.stats.add(metrics.TenantRefused, 1)
		return nil, t.refuse("guest-forks", fmt.Errorf("%d forks are alive", most))
	}
	v, err := r.image.take()
	if err != nil {
		t.forks.Add(-1)
		return nil, r.tenant.refuse("guest-fork", err)
	}
	v.outside = r.outside
	v.bench.notes = r.notes
	v.steering = r.steers
	if r.tape != nil {
		v.tapes(r.tape)
	}
	return v, nil
}

// giveBack ends a fork.
func (r *Run) giveBack(v *vm) {
	r.image.give(v)
	r.tenant.forks.Add(-1)
}

// call runs one entry into the guest and counts it. Request-side entries get
// arg as their third argument.
func (r *Run) call(ctx context.Context, v *vm, counter int, fn uint64, arg string, a0, a1, a2 uint64) *message.Fault {
	if v.stage != stageForge {
		at, err := v.push(arg)
		if err != nil {
			return r.failed(v, err)
		}
		a2 = at
	}
	v.enter(fn, a0, a1, a2)
	return r.execute(ctx, v, counter)
}

// execute runs what was entered and counts it.
func (r *Run) execute(ctx context.Context, v *vm, counter int) *message.Fault {
	begin := v.m.Instret
	st := r.tenant.stats
	if st.eyes.Load() != nil || r.chased != nil || r.eye != nil {
		defer r.watched(v)()
	}
	stage, entry := v.stage, [4]uint64{v.m.PC, v.m.X[10], v.m.X[11], v.m.X[12]}
	f := v.run(ctx)
	if r.tape != nil {
		var side uint64
		if v == r.back {
			side = 1
		}
		r.tape.ran(side, stage, &entry, begin, v, f)
	}
	r.count(counter, 1)
	r.count(metrics.TenantInstructions, int64(v.m.Instret-begin))
	r.count(metrics.TenantTime, int64(time.Since(v.taken)))
	if f != nil {
		st.stopped(f.Cause)
		r.naming()
	}
	return f
}

// failed is a fault found outside the guest's own instructions.
func (r *Run) failed(v *vm, err error) *message.Fault {
	f := v.fault(err)
	r.tenant.stats.stopped(f.Cause)
	r.tape.failed(f.Cause)
	r.naming()
	return f
}

// takeAnswer copies a response that the guest points at.
func (v *vm) takeAnswer(status, kind, kindLen, body, bodyLen uint64) error {
	code := int(int16(status))
	if code < 200 || code > 599 {
		return &trap{cause: "guest-response", text: fmt.Sprintf("response has status %d", code)}
	}
	k, err := v.buffer(kind, kindLen)
	if err != nil {
		return err
	}
	if !message.ValidValue(k) {
		return &trap{cause: "guest-response", text: "response has a media type with control bytes"}
	}
	v.answer.kind = append(v.answer.kind[:0], k...)
	if err := v.fits(bodyLen); err != nil {
		return err
	}
	b, err := v.buffer(body, bodyLen)
	if err != nil {
		return err
	}
	v.answer.body = append(v.answer.body[:0], b...)
	v.answer.status, v.answer.given = code, true
	return nil
}

// fits refuses an answer in one piece that is larger than the tenant may make.
// What is streamed lies nowhere and is bounded by the instructions that it
// costs: a bound on its bytes could do no better than break it off.
func (v *vm) fits(n uint64) error {
	most := v.image.tenant.Response
	if most <= 0 || n <= uint64(most) {
		return nil
	}
	v.image.count(metrics.TenantLimits+limitResponse, 1)
	return &trap{cause: "guest-response-size", text: fmt.Sprintf("an answer of %d bytes, at most %d", n, most)}
}

// finish frames a response whose body is complete.
func finish(resp *message.Response, kind, body []byte) {
	resp.Framing, resp.Length = message.Length, int64(len(body))
	if resp.Status == http.StatusNoContent || resp.Status == http.StatusNotModified {
		resp.Framing, resp.Length = message.NoBody, 0
	}
	if len(kind) > 0 && len(body) > 0 {
		resp.Header.Set("Content-Type", string(kind))
	}
	if len(resp.Reason) == 0 {
		resp.Reason = []byte(http.StatusText(resp.Status))
	}
}
