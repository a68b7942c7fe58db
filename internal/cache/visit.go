package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	"fishplate/internal/cache/disk"
	"fishplate/internal/cache/partial"
	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/predicate"
)

// State says what a visit came to.
type State uint8

// The states.
const (
	Off     State = iota // the route has no policy
	Pass                 // the origin answers, and nothing is kept
	Hit                  // Object answers
	Fetch                // the origin answers, and Take decides what is kept
	Timeout              // only-if-cached, and nothing was: 504
)

// A Visit is one exchange's dealings with the cache, from look-up to the last
// byte. It is kept with the exchange and used again after End; one goroutine at
// a time has it.
type Visit struct {
	State   State
	Kind    rules.Kind // how it ended: the word of counters, log and explain
	Why     rules.Why
	Object  *Object // pinned, what answers; nil unless State is Hit, or Take stored
	Stale   *Object // pinned, what a Fetch may revalidate or fall back on
	Reader  Reader  // of Object's body
	Cut     Cut     // how the answer is made of Object
	Refresh bool    // Object is stale, and this visit is to see that it is renewed

	// Composed says that the answer is a page whose includes are to be resolved.
	Composed bool

	variant *store.Object // pinned; what Reader reads instead of Object
	coded   []byte        // key text of the variant
	mark    mark
	claim
	draft      *draft // what making objects takes; made when first needed, then kept
	req        *message.Request
	portion    portion // what of the representation this is about
	weld       weld    // how the body that comes is joined with what is kept
	key        store.Key
	text       []byte // of the key, in memory of the visit
	urlLen     int    // of text: the part that the URL decides
	directives rules.RequestDirectives
	terms      Terms
	flight     *Flight // that this visit leads, or whose object it reads
	leads      bool
	loading    *Flight     // brings Object from the disk
	found      *disk.Found // has the body of Object, of which memory has the head alone
	fileable   bool        // the answer may be sent out of a file
	waited     int         // flights joined in vain
	behind     bool        // nobody waits for the answer
	mismatch   bool        // there are variants, and they are others'
	unasked    bool        // the origin sent a 304 without reason
	omits      bool        // draft has fields that are not stored, for the one who fetched
	asked      bool        // the request to the origin has a condition of ours
	ranged     bool        // and asks for a range
	now        int64       // unix nanoseconds
	left       int64       // freshness of Object at now
	verdict    rules.Verdict
	reason     rules.Reason
	judged     bool
	forwarded  rules.Forward
	fwdStatus  int
	tags       [][]byte
	vary       []byte
	value      []byte
}

// Given is what a guest decided about its request.
type Given struct {
	Key    []byte // instead of the policy's; nil = none. It is the tenant's own in any case
	Bypass bool
	Terms  Terms
}

// Terms are what a guest wants for the object; they come before what the
// answer's fields and the policy say.
type Terms struct {
	HasTTL, HasGrace, HasKeep bool
	TTL, Grace, Keep          time.Duration
	Uncacheable               bool // TTL, when given, is then for how long that is known
	Tags                      [][]byte
}

// Request is what Open is asked.
type Request struct {
	Req   *message.Request
	Env   *predicate.Env
	Now   time.Time
	Shard metrics.Shard
	Files bool   // bodies may be sent out of a file (File)
	Body  []byte // the request's, when it is known; it is then part of the key
	Given Given
}

// MaxBody is the largest request body in bytes that can be part of a key.
const MaxBody = 64 << 10

// Open looks the request up. It may wait for another exchange's fetch, for as
// long as the policy allows and until ctx ends.
func (v *Visit) Open(ctx context.Context, p *Policy, r Request) {
	req := r.Req
	v.policy, v.req, v.shard, v.now = p, req, r.Shard, r.Now.UnixNano()
	if !p.rules.Allows(req.Method) {
		v.forwarded = rules.ForwardMethod
		v.pass(rules.WhyMethod)
		return
	}
	v.forwarded = rules.ForwardBypass
	v.since = p.store.recent.sequence() // strikes from here on count for what is fetched
	switch {
	case p.part.Owner() != p.owner: // it is of a generation that has gone
		v.pass(rules.WhyOff)
		return
	case r.Given.Bypass:
		v.pass(rules.WhyGuest)
		return
	case req.Upgrade != nil:
		v.pass(rules.WhyUpgrade)
		return
	case p.bypass != nil && p.bypass.Eval(r.Env):
		v.pass(rules.WhyExpression)
		return
	case req.Framing != message.NoBody && req.Length != 0 && r.Body == nil:
		// It is part of the key, and is not known.
		v.forwarded = rules.ForwardMethod
		v.pass(rules.WhyMethod)
		return
	}
	v.text, v.urlLen = p.appendKey(v.text[:0], req, r.Env, r.Given.Key)
	if len(r.Body) > 0 {
		// A client can choose its body, so no collision may be in its reach.
		v.text = fmt.Appendf(v.text, "\nbody:%x", sha256.Sum256(r.Body))
	}
	v.key = store.KeyOf(p.part.ID(), v.text)
	p.store.memory.Ahead(v.key)
	v.directives = rules.RequestDirectives{}
	if !p.rules.IgnoreClient {
		rules.ParseRequest(&req.Header, &v.directives)
	}
	v.terms = r.Given.Terms
	v.fileable = r.Files
	v.narrow()
	v.look(ctx)
}

func (v *Visit) pass(why rules.Why) { v.State, v.Kind, v.Why = Pass, rules.Bypass, why }

// Match implements store.Matcher: whether the variant is for this request.
func (v *Visit) Match(o *store.Object) bool {
	fits := rules.MatchVary(o.Vary(), v.req, &v.policy.rules)
	v.mismatch = v.mismatch || !fits
	return fits
}

// seek finds what is there for the request and whether it may be used. marked
// says that answers of the key are known not to be stored.
func (v *Visit) seek() (o *store.Object, u rules.Outcome, marked bool) {
	v.unpin(&v.Stale)
	v.dropFile()
	v.loading, v.mismatch = nil, false
	if o = v.fit(v.find()); o != nil {
		m := o.Meta()
		if m.Flags&flagMarker == 0 {
			t := times(&m)
			u = rules.Reuse(&v.policy.rules, &v.directives, &t, v.now)
			if u.Kind == rules.Hit || v.found == nil && (u.Kind == rules.HitStale || v.loading == nil || o.Complete()) {
				return o, u, false
			}
			// A ban has made it stale, and without its body it cannot be renewed.
			v.dropFile()
		}
		o.Unpin()
		marked = m.Flags&flagMarker != 0 && v.now < m.Born+m.Fresh
	}
	u = rules.Reuse(&v.policy.rules, &v.directives, nil, v.now)
	v.forwarded = rules.ForwardURIMiss
	if v.mismatch {
		v.forwarded, u.Why = rules.ForwardVaryMiss, rules.WhyVary
	}
	return nil, u, marked && u.Kind != rules.GatewayTimeout
}

// look decides between the object that is there and a fetch.
func (v *Visit) look(ctx context.Context) {
	for again := false; ; {
		o, u, marked := v.seek()
		if marked {
			v.alone(rules.HitForMiss, rules.WhyUncacheable)
			return
		}
		if o != nil {
			switch u.Kind {
			case rules.Hit, rules.HitStale:
				v.hit(o, u.Kind, u.Why)
				v.left = u.Left
				if u.Kind == rules.HitStale && u.Why == rules.WhyGrace {
					v.volunteer()
				}
				return
			case rules.GatewayTimeout, rules.Miss:
				o.Unpin()
			default:
				v.Stale = o
			}
			v.forwarded = u.Forward()
		}
		v.Kind, v.Why = rules.Miss, u.Why
		if u.Kind == rules.GatewayTimeout {
			v.State, v.Kind = Timeout, u.Kind
			return
		}
		if !v.mayWait() {
			v.alone(rules.Miss, v.Why)
			return
		}
		f, lead := v.policy.store.flights.join(v.flightKey())
		switch {
		case lead && !again && v.landed(): // a flight that has gone since we looked
			again = true
			f.settle(failed)
			continue
		case lead:
			v.lead(f)
			return
		}
		if v.board(ctx, f) {
			return
		}
	}
}

// landed reports whether memory has another object for the request than what seek
// has left for a fetch.
func (v *Visit) landed() bool {
	o := v.policy.store.memory.Lookup(v.policy.part, v.key, v.text, v)
	if o == nil {
		return false
	}
	defer o.Unpin()
	return o != v.Stale && o != v.portion.kept
}

// find looks in memory and on disk, and takes bans into account.
func (v *Visit) find() *store.Object {
	s := v.policy.store
	o := s.memory.Lookup(v.policy.part, v.key, v.text, v)
	if o == nil {
		o = v.fromDisk()
	}
	if o == nil || s.bans.Passed(o.Ban()) {
		return o
	}
	return s.applyBans(o, v.now)
}

// hit makes o the answer.
func (v *Visit) hit(o *store.Object, kind rules.Kind, why rules.Why) {
	v.State, v.Kind, v.Why, v.Object = Hit, kind, why, o
	v.Reader.object, v.Reader.flight = o, nil
	if v.loading != nil {
		v.loading.read(&v.Reader, o) // it has just begun to grow
	}
	v.forwarded = rules.NotForwarded
}

// volunteer makes this visit the one that has the stale object renewed, unless
// another is at it.
func (v *Visit) volunteer() {
	if f, lead := v.policy.store.flights.join(v.key); lead {
		if v.Object.Removed() { // it was renewed since it was found: that flight has gone
			f.settle(failed)
			return
		}
		f.since = v.since
		v.flight, v.leads, v.Refresh = f, true, true
	}
}

// Foreground makes the visit that volunteered fetch before it answers, for what
// nobody can fetch behind. Others get the stale object meanwhile.
func (v *Visit) Foreground() {
	v.dropFile()
	f := v.flight
	v.Stale, v.Object, v.Refresh = v.Object, nil, false
	v.lead(f)
	v.Kind, v.Why, v.forwarded = rules.Miss, rules.WhyStale, rules.ForwardStale
}

// mayWait reports whether the request may be answered by somebody else's fetch.
func (v *Visit) mayWait() bool {
	return v.waited < maxBoarded && v.policy.wait > 0 && v.Why != rules.WhyNoCache && v.directives.Flags&(rules.ClientNoCache|rules.ClientNoStore) == 0 &&
		string(v.req.Method) != "HEAD" && v.req.Index(message.Authorization, 0) < 0
}

// maxBoarded is how many flights a visit waits for before it fetches by itself.
const maxBoarded = 2

// flightKey is what the visit's fetch is known by: the key, and after a flight
// whose answer turned out to be another variant, the variant that is ours.
func (v *Visit) flightKey() store.Key {
	if v.portion.kind == stretch {
		return v.stretchFlight()
	}
	if len(v.vary) == 0 {
		return v.key
	}
	return store.KeyOf(v.policy.part.ID(), v.vary)
}

// board waits for another's fetch. False means to look again: the object has
// landed meanwhile, or the flight was in vain.
func (v *Visit) board(ctx context.Context, f *Flight) bool {
	v.waited++
	begin := time.Now()
	state, o := f.await(v.policy.wait, ctx.Done())
	v.count(metrics.CacheWaits, 1)
	v.count(metrics.CacheWaitTime, int64(time.Since(begin)))
	v.now = v.policy.clock().UnixNano()
	switch {
	case state == pending: // waited long enough
		v.waited = maxBoarded
		v.Why = rules.WhyWaited
	case state == refused:
		v.alone(rules.HitForMiss, rules.WhyUncacheable)
		return true
	case o == nil:
	case !bytes.Equal(o.KeyText(), v.text), // another key with the same hash
		v.policy.store.outdated(f.since, o):
		o.Unpin()
		v.waited = maxBoarded
	case !v.Match(o):
		v.vary = append(append(v.vary[:0], v.text...), "\nvary"...)
		var head message.Header
		o.Head(&head)
		v.vary, _ = rules.AppendVary(v.vary, v.req, &head, &v.policy.rules)
		o.Unpin()
	default:
		m := o.Meta()
		t := times(&m)
		u := rules.Reuse(&v.policy.rules, &v.directives, &t, v.now)
		if u.Kind > rules.HitStale || !f.read(&v.Reader, o) {
			o.Unpin()
			v.waited = maxBoarded
			break
		}
		v.unpin(&v.Stale)
		v.dropFile()
		v.State, v.Kind, v.Why, v.Object, v.flight, v.left = Hit, rules.Coalesced, u.Why, o, f, u.Left
		v.forwarded = rules.ForwardURIMiss
		return true
	}
	return false
}

// alone makes the visit fetch without others waiting for it.
func (v *Visit) alone(kind rules.Kind, why rules.Why) {
	v.lead(&Flight{})
	v.Kind, v.Why = kind, why
}

// lead makes the visit fetch.
func (v *Visit) lead(f *Flight) {
	v.dropFile()
	v.State, v.flight, v.leads = Fetch, f, true
	f.since = v.since
	v.hold, v.held = v.policy.store.bans.Hold(), true
}

// Condition turns the request into the one that the origin is asked: without
// the client's conditions and ranges, which are for the answer out of the store,
// and with a condition on what is kept. The caller restores the fields.
func (v *Visit) Condition() {
	v.offerESI()
	if v.State != Fetch {
		return
	}
	if v.Kind == rules.HitForMiss {
		return // nobody else will read the answer: what the client has or wants is the origin's matter
	}
	client, _ := v.req.GetID(message.Range)
	defer v.askPortion(client)
	partial.Strip(&v.req.Header, partial.Conditions|partial.IfRange|partial.RangeField)
	if v.policy.rewrites() {
		// What is kept is the text; variants are made of it.
		v.req.Set("Accept-Encoding", "identity")
	}
	if v.Stale == nil || string(v.req.Method) == "HEAD" {
		return // what a HEAD says of the object is compared by compareHead
	}
	var head message.Header
	v.Stale.Head(&head)
	etag, _ := head.GetID(message.ETag)
	modified, _ := head.GetID(message.LastModified)
	v.asked = partial.Revalidate(&v.req.Header, etag, modified)
}

// unpin gives up what *o points to.
func (v *Visit) unpin(o **store.Object) {
	if *o != nil {
		(*o).Unpin()
		*o = nil
	}
}

// Closed reports whether the visit holds nothing.
func (v *Visit) Closed() bool { return v.State == Off }

// End counts the visit and gives back whatever it still has. A flight that it
// leads and that nobody took over has failed.
func (v *Visit) End() {
	if v.State == Off {
		return
	}
	if v.leads {
		v.fail()
	}
	v.Reader.close()
	if v.held {
		v.hold.Release()
	}
	v.withdraw()
	v.dropFile()
	v.count(metrics.CacheRequests+int(v.Kind), 1)
	v.count(metrics.CacheWhys+int(v.Why), 1)
	if v.judged {
		v.count(metrics.CacheJudged+int(v.reason), 1)
	}
	v.unpin(&v.variant)
	v.unpin(&v.Object)
	v.unpin(&v.Stale)
	v.unpin(&v.portion.kept)
	v.reset()
}

// fail settles the visit's flight without an answer. After a fetch behind an
// answer nobody tries again for a moment: the object is served stale as it is.
func (v *Visit) fail() {
	v.leads = false
	if !v.behind {
		v.flight.settle(failed)
		return
	}
	v.count(metrics.CacheRefreshes+1, 1)
	v.flight.rest(refreshPause)
}

// refreshPause is how long a failed fetch behind an answer keeps the next away.
const refreshPause = time.Second

// reset empties the visit, and keeps its memory.
func (v *Visit) reset() {
	*v = Visit{
		Cut: v.Cut, draft: v.draft, coded: v.coded[:0], text: v.text[:0], tags: v.tags[:0], vary: v.vary[:0], value: v.value[:0],
		verdict: rules.Verdict{Omit: v.verdict.Omit[:0]},
	}
}

// Delegate hands the renewal that this visit volunteered for to the visit of
// another exchange, whose request is a copy of this one's.
func (v *Visit) Delegate(to *Visit, req *message.Request) {
	*to = Visit{
		State: Fetch, Kind: rules.Miss, Why: v.Why, claim: v.claim, draft: to.draft, req: req, key: v.key,
		text: append(to.text[:0], v.text...), urlLen: v.urlLen, flight: v.flight, leads: true, behind: true, now: v.now,
		tags: to.tags[:0], vary: to.vary[:0], Stale: v.Object, terms: v.terms,
		portion: v.portion,
	}
	to.Stale.Pin()
	to.hold, to.held = v.policy.store.bans.Hold(), true
	v.Refresh, v.leads, v.flight = false, false, nil
	v.count(metrics.CacheRefreshes, 1)
}

// Synthetic is how a visit ends that the configured answer to failure stands in
// for.
const Synthetic = rules.Kind(metrics.CacheSynthetic)

// Decline gives up the renewal that this visit volunteered for.
func (v *Visit) Decline() {
	v.flight.settle(failed)
	v.Refresh, v.leads, v.flight = false, false, nil
}

// Yield turns a hit that the cache may not judge into a request for the origin.
func (v *Visit) Yield() {
	v.dropFile()
	if v.Refresh {
		v.Decline()
	}
	v.Reader.close()
	v.unpin(&v.variant)
	v.unpin(&v.Object)
	v.forwarded = rules.ForwardRequest
	v.pass(rules.WhyClientNoCache)
}

// dropFile gives up the file of an object that does not answer after all.
func (v *Visit) dropFile() {
	if v.found != nil {
		v.found.Close()
		v.found = nil
	}
}

// File returns the file that has the body of Object from an offset on, nil when
// Reader has it.
func (v *Visit) File() (file *os.File, offset int64) {
	if v.found == nil {
		return nil, 0
	}
	return v.found.File()
}
