package rules

import (
	"bytes"
	"time"

	"fishplate/internal/message"
)

// Verdict is Judge's word on one answer.
type Verdict struct {
	Store  bool
	Reason Reason // why not; Storable when it is
	Source Source // of Fresh
	Flags  Flags

	Age          time.Duration // at reception (RFC 9111 §4.2.3)
	Fresh        time.Duration // freshness lifetime, counted from age zero
	Grace        time.Duration // see Times
	Keep         time.Duration
	StaleIfError time.Duration
	// HitForMiss is how long the key is to be marked when the answer is not
	// stored for what it is; 0 when only this request was the cause.
	HitForMiss time.Duration
	// Omit are fields that are not stored, beyond those that no cache stores:
	// named by a qualified no-cache or private, or by Connection, or stripped.
	Omit []string
	Sums Sums // how it was reckoned, for AppendText
}

// Sums are the terms of the reckoning. Times are Unix seconds, where 0 is
// absent, but for Date: without a usable one it is the time of arrival.
type Sums struct {
	Date, Expires, LastModified int64
	AgeValue                    time.Duration // the Age field
	Apparent                    time.Duration // reception less Date
	Delay                       time.Duration // reception less sending
	Lifetime                    time.Duration // as its source says it, before min_ttl and max_ttl
	Targeted                    int           // 1 + index in Policy.Targeted of the field that counted; 0 = Cache-Control
}

// Times returns what is stored with an object that arrived then.
func (v *Verdict) Times(received time.Time) Times {
	return Times{
		Born: received.UnixNano() - int64(v.Age), Fresh: int64(v.Fresh), Grace: int64(v.Grace),
		Keep: int64(v.Keep), StaleIfError: int64(v.StaleIfError), Flags: v.Flags,
	}
}

// Judge decides whether the answer resp to req may be stored (RFC 9111 §3) and
// how long it is fresh. sent and received are when the request went out and when
// the answer's head arrived. v is overwritten; the capacity of v.Omit is kept.
// Age, Flags and Omit are there for answers that are not stored, too.
func Judge(p *Policy, req *message.Request, resp *message.Response, sent, received time.Time, v *Verdict) {
	*v = Verdict{Omit: v.Omit[:0]}
	c := control{omit: v.Omit}
	v.Sums.Targeted = c.read(p, &resp.Header)
	v.Omit = c.omit
	v.flags(p, resp, &c)
	r := reckoning{p: p, h: &resp.Header, status: resp.Status, c: &c, sent: sent, received: received, v: v}
	r.age()
	v.Reason = r.refuses(req, resp)
	if v.Reason == Storable {
		r.lifetime()
		r.allowances()
		if r.worthless() {
			v.Reason = ReasonNotReusable
		}
	}
	v.Store = v.Reason == Storable
	v.omit(p, &resp.Header)
	if !v.Store {
		v.Fresh, v.Grace, v.Keep, v.StaleIfError = 0, 0, 0, 0
		if !v.Reason.onlyThisRequest() {
			v.HitForMiss = bounded(p.HitForMiss)
		}
	}
}

// onlyThisRequest reports whether the next request for the same key may well get
// an answer that is stored.
func (r Reason) onlyThisRequest() bool {
	switch r {
	case ReasonMethod, ReasonHead, ReasonClientNoStore, ReasonAuthorization, ReasonNotFinal, ReasonNotModified:
		return true
	}
	return false
}

// flags notes the facts of the answer that do not depend on its freshness.
func (v *Verdict) flags(p *Policy, resp *message.Response, c *control) {
	if c.hears(saidMustRevalidate | saidProxyRevalidate) {
		v.Flags |= MustRevalidate
	}
	explicit := c.staleWhile.good() || c.staleError.good()
	if c.sMaxAge.set && !(p.SharedStale && explicit) {
		v.Flags |= MustRevalidate // RFC 9111 §5.2.2.10
	}
	if c.hears(saidNoCache) {
		v.Flags |= NoCache
	}
	if c.hears(saidImmutable) {
		v.Flags |= Immutable
	}
	if c.hears(saidNoTransform) {
		v.Flags |= NoTransform
	}
	if resp.Status >= 400 {
		v.Flags |= Negative
	}
	if resp.Index(message.ETag, 0) >= 0 || resp.Index(message.LastModified, 0) >= 0 {
		v.Flags |= Validator
	}
}

// refuses returns the first rule of RFC 9111 §3 that forbids to store the answer.
func (r *reckoning) refuses(req *message.Request, resp *message.Response) Reason {
	p, c := r.p, r.c
	switch {
	case !p.Allows(req.Method) || !Safe(req.Method) && string(req.Method) != "POST":
		return ReasonMethod
	case resp.Status < 200:
		return ReasonNotFinal
	case resp.Status == 304:
		return ReasonNotModified
	case OfOneRequest(resp.Status):
		return ReasonStatus
	case string(req.Method) == "HEAD" && !p.HeadFetches:
		return ReasonHead
	case resp.Status == 206 && (!p.Partial || resp.Find("Content-Range") < 0):
		return ReasonPartial
	case !p.IgnoreClient && saysNoStore(&req.Header):
		return ReasonClientNoStore
	case c.hears(saidMustUnderstand) && !understands(resp.Status):
		return ReasonMustUnderstand
	case c.hears(saidNoStore) && !c.hears(saidMustUnderstand):
		return ReasonNoStore
	case c.hears(saidPrivate):
		return ReasonPrivate
	}
	if req.Index(message.Authorization, 0) >= 0 {
		if !c.hears(saidPublic|saidMustRevalidate) && !c.sMaxAge.set {
			return ReasonAuthorization
		}
		r.v.Flags |= Authorized
	}
	return r.refusesFields(req, resp)
}

// refusesFields goes on with what hangs on other fields of the answer.
func (r *reckoning) refusesFields(req *message.Request, resp *message.Response) Reason {
	p, c := r.p, r.c
	if reason := varies(req, &resp.Header, p); reason != Storable {
		return reason
	}
	if p.SetCookie == RefuseSetCookie && resp.Index(message.SetCookie, 0) >= 0 && !listed(r.v.Omit, "Set-Cookie") {
		return ReasonSetCookie
	}
	explicit := c.maxAge.set || c.sMaxAge.set || r.expires() || p.has(HasTTL) && resp.Status < 400
	switch {
	case string(req.Method) == "POST" && !explicit:
		return ReasonPostFreshness
	case !explicit && !c.hears(saidPublic) && !ByDefault(resp.Status):
		return ReasonStatus
	case p.MaxObject > 0 && resp.Framing == message.Length && resp.Length > p.MaxObject:
		return ReasonTooLarge
	}
	return Storable
}

// saysNoStore reads the request's Cache-Control for no-store alone.
func saysNoStore(h *message.Header) bool {
	if h.Index(message.CacheControl, 0) < 0 {
		return false
	}
	var d RequestDirectives
	ParseRequest(h, &d)
	return d.Flags&ClientNoStore != 0
}

// good reports whether the amount was said and can be believed.
func (a *amount) good() bool { return a.set && !a.bad }

// allowances computes how long the answer may be of use after its freshness. The
// operator's word goes before the answer's; but an answer that is stale from the
// beginning gets no grace that it does not grant itself, since that is how many
// pages say that they are for one reader.
func (r *reckoning) allowances() {
	v, p := r.v, r.p
	never := v.Fresh == 0
	v.Grace = r.allowance(&r.c.staleWhile, p.has(HasGrace), p.Grace, never)
	v.StaleIfError = r.allowance(&r.c.staleError, p.has(HasStaleIfError), p.StaleIfErr, never)
	v.Keep = bounded(p.Keep)
}

func (r *reckoning) allowance(said *amount, has bool, own time.Duration, never bool) time.Duration {
	switch {
	case r.v.Flags&(MustRevalidate|NoCache) != 0:
		return 0
	case has && (!never || said.good()):
		return bounded(own)
	case said.good():
		return said.duration()
	}
	return 0
}

// worthless reports whether no later request could use the answer.
func (r *reckoning) worthless() bool {
	v := r.v
	usable := v.Fresh + max(v.Grace, v.StaleIfError)
	if v.Flags&NoCache != 0 {
		usable = 0
	}
	// Without a validator an object is kept for max-stale alone, which speaks of
	// answers that have been fresh.
	if v.Keep > 0 && (v.Flags&Validator != 0 || v.Fresh > 0 && v.Flags&NoCache == 0) {
		usable = max(usable, v.Fresh+v.Grace+v.Keep)
	}
	return usable <= v.Age
}

// omit completes the list of fields that are not stored.
func (v *Verdict) omit(p *Policy, h *message.Header) {
	if p.SetCookie == StripSetCookie && h.Index(message.SetCookie, 0) >= 0 && !listed(v.Omit, "Set-Cookie") {
		v.Omit = append(v.Omit, "Set-Cookie")
	}
	for i := h.Index(message.Connection, 0); i >= 0; i = h.Index(message.Connection, i+1) {
		for name := range bytes.SplitSeq(h.Value(i), comma) {
			if name = trimSpace(name); message.ValidName(name) && !message.EqualFold(name, "close") {
				v.Omit = append(v.Omit, string(name))
			}
		}
	}
	if len(v.Omit) > 0 {
		v.Flags |= Stripped
	}
}

// hopByHop are the fields that no cache stores (RFC 9111 §3.1), and Age, which is
// computed anew for each use.
const hopByHop = 1<<message.Connection | 1<<message.KeepAlive | 1<<message.ProxyConnection | 1<<message.TE |
	1<<message.TransferEncoding | 1<<message.Upgrade | 1<<message.Trailer |
	1<<message.ProxyAuthenticate | 1<<message.ProxyAuthorization | 1<<message.Age

// neverStored reports whether field i of h is one of them.
func neverStored(h *message.Header, i int) bool {
	id := h.ID(i)
	return uint64(hopByHop)>>id&1 != 0 || id == message.Other && message.EqualFold(h.Name(i), "Proxy-Authentication-Info")
}

// Stores reports whether field i of h belongs into the store (RFC 9111 §3.1).
func (v *Verdict) Stores(h *message.Header, i int) bool {
	return !neverStored(h, i) && (len(v.Omit) == 0 || !listed(v.Omit, h.Name(i)))
}

// listed reports whether names has name, without regard to case.
func listed[S ~string | ~[]byte](names []string, name S) bool {
	for _, n := range names {
		if message.EqualFold(n, name) {
			return true
		}
	}
	return false
}
