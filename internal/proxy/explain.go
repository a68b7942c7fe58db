package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fishplate/internal/cache"
	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// An Explanation is why a request goes where it goes; its JSON is a promise of
// the command line (docs/reference/cli.md).
type Explanation struct {
	VHost      string      `json:"vhost"`
	Route      string      `json:"route"`
	Tenant     string      `json:"tenant"`
	Backend    string      `json:"backend"`
	Server     string      `json:"server"`
	Answer     string      `json:"answer,omitempty"` // "redirect 308 …", "respond 503" or "404 no-route"
	Candidates []Candidate `json:"candidates"`
	Predicates []Predicate `json:"predicates"`
	Routes     []RouteTry  `json:"routes"`
	Cache      CacheWord   `json:"cache"`
	Limits     []string    `json:"limits"`
	Persist    string      `json:"persist"`
}

// Candidate is one server and why it was in or out.
type Candidate struct {
	Server string `json:"server"`
	In     bool   `json:"in"`
	Why    string `json:"why"`
}

// Predicate is one part of a route's condition with its value.
type Predicate struct {
	Text  string `json:"text"`
	Range string `json:"range"`
	Value string `json:"value"`
}

// RouteTry is one route of the virtual host and whether it matched.
type RouteTry struct {
	Route   string `json:"route"`
	Matched bool   `json:"matched"`
	Why     string `json:"why"`
}

// CacheWord says what the cache would do, and with what numbers.
type CacheWord struct {
	Key   string `json:"key"`   // lines of a key's further parts are joined by " | "
	State string `json:"state"` // "off", or a word of metrics.CacheWords
	Why   string `json:"why"`

	Policy    string       `json:"policy,omitempty"`    // where the block that holds is written: "FILE:LINE"
	Store     string       `json:"store,omitempty"`     // name of the store
	Partition string       `json:"partition,omitempty"` // "tenant/NAME" or "vhost/NAME"
	Variant   string       `json:"variant,omitempty"`   // "Name: value; …" of what Vary names
	Variants  int          `json:"variants,omitempty"`  // objects under the key
	Object    *CacheObject `json:"object,omitempty"`    // the one that was found
	Freshness []string     `json:"freshness,omitempty"` // its arithmetic, a line for each step
	Stored    string       `json:"stored,omitempty"`    // why an answer of this key was stored, or not
}

// CacheObject is a stored answer as explain shows it.
type CacheObject struct {
	Status   int      `json:"status"`
	Bytes    int64    `json:"bytes"` // of its body, as it is stored
	Coding   string   `json:"coding,omitempty"`
	Age      float64  `json:"age"`   // seconds, by RFC 9111 §4.2.3
	Fresh    float64  `json:"fresh"` // seconds left; negative when it is stale
	Hits     int64    `json:"hits"`
	Complete bool     `json:"complete"` // false: a part, or still on its way
	Tier     string   `json:"tier"`     // "memory" or "disk"
	ETag     string   `json:"etag,omitempty"`
	Tags     []string `json:"tags,omitempty"`
}

// Explain takes a request through read, route, admit and the choice of a
// server, without sending anything. The guest's callbacks are not asked: what
// they would say may have effects. Functions that expressions call are.
func (g *Generation) Explain(ctx context.Context, req *message.Request) Explanation {
	caller := explainer{ctx: ctx, g: g, req: req}
	defer caller.end()
	env := predicate.Env{Req: req, Guest: &caller}
	if req.Framing == message.Length {
		env.BodySize = req.Length
	}
	e := Explanation{
		Candidates: []Candidate{}, Predicates: []Predicate{}, Routes: []RouteTry{}, Limits: []string{},
		Cache: CacheWord{State: "off", Why: "no cache policy holds"},
	}
	tried := g.Router.Explain(&env)
	e.VHost = tried.VHost
	for _, t := range tried.Routes {
		e.Routes = append(e.Routes, RouteTry{Route: t.Route, Matched: t.Matched, Why: t.Why})
		for _, p := range t.Parts {
			e.Predicates = append(e.Predicates, Predicate{Text: p.Text, Range: g.places.Range(p.Range).String(), Value: p.Value})
		}
	}
	switch {
	case tried.VHost == "":
		e.Answer = "404 no-vhost"
	case tried.Route == nil:
		e.Answer = "404 no-route"
	default:
		g.explainRoute(&e, g.Routes[tried.Route.ID], &env, func() *upstream.Backend {
			return g.Backends[tried.Route.Backend(&env, 0)]
		})
	}
	return e
}

func (g *Generation) explainRoute(e *Explanation, p *RoutePlan, env *predicate.Env, split func() *upstream.Backend) {
	e.Route = p.Name
	env.Route, env.VHost = p.Name, p.VHost
	if p.tenant != nil {
		e.Tenant = p.tenant.Name()
		env.Tenant = e.Tenant
	}
	p.explainLimits(e, env)
	if p.cache != nil {
		e.Cache = p.explainCache(env, g.places)
	}
	switch {
	case p.redirect != nil:
		to, _ := p.redirect.Location(nil, env)
		e.Answer = fmt.Sprintf("redirect %d %s", p.redirect.Status, to)
		return
	case p.respond != nil:
		e.Answer = fmt.Sprintf("respond %d", p.respond.status)
		return
	}
	b := p.backend
	if b == nil {
		b = split()
	}
	if b == nil {
		return
	}
	b = p.home(b, env, &upstream.Pick{}, 0, time.Now())
	e.Backend = b.Name()
	var pick upstream.Pick
	pick.Reset(env, 0)
	why := b.Explain(&pick)
	for _, c := range why.Candidates {
		e.Candidates = append(e.Candidates, Candidate{Server: c.Server, In: c.In, Why: c.Why})
	}
	e.Persist, e.Server = why.Persist, why.Server
}

// explainCache asks the route's cache policy about the request as it is after
// the route's edits.
func (p *RoutePlan) explainCache(env *predicate.Env, places model.Places) CacheWord {
	req, env := p.edited(env)
	at := places.Range(p.cache.Model.At)
	x := p.cache.Explain(req, env)
	w := CacheWord{
		Key: x.Key, State: x.State, Why: x.Why, Policy: fmt.Sprintf("%s:%d", at.Filename, at.Start.Line), Store: x.Store,
		Partition: x.Partition, Variant: x.Variant, Variants: x.Variants, Freshness: x.Freshness, Stored: x.Stored,
	}
	if o := x.Object; o != nil {
		w.Object = &CacheObject{
			Status: o.Status, Bytes: o.Bytes, Coding: o.Coding, Age: o.Age.Seconds(), Fresh: o.Fresh.Seconds(), Hits: o.Hits,
			Complete: o.Complete, Tier: "memory", ETag: o.ETag, Tags: o.Tags,
		}
	}
	return w
}

// edited returns the request as the route's edits leave it, and the environment
// for it; what env holds is not changed.
func (p *RoutePlan) edited(env *predicate.Env) (*message.Request, *predicate.Env) {
	if p.request == nil {
		return env.Req, env
	}
	req, again := *env.Req, *env
	req.Header = message.Header{}
	req.Header.CopyFrom(&env.Req.Header)
	again.Req = &req
	p.request.ApplyRequest(&req, &again)
	return &req, &again
}

// Cached returns the cache policy of the route that a request would take, nil
// when there is none, and the request as the look-up would see it.
func (g *Generation) Cached(req *message.Request) (*cache.Policy, *message.Request, *predicate.Env) {
	env := &predicate.Env{Req: req}
	rt, _ := g.Router.Match(env)
	if rt == nil || g.Routes[rt.ID].cache == nil {
		return nil, req, env
	}
	p := g.Routes[rt.ID]
	env.Route, env.VHost = p.Name, p.VHost
	if p.tenant != nil {
		env.Tenant = p.tenant.Name()
	}
	req, env = p.edited(env)
	return p.cache, req, env
}

func (p *RoutePlan) explainLimits(e *Explanation, env *predicate.Env) {
	if p.body > 0 {
		e.Limits = append(e.Limits, fmt.Sprintf("body: at most %d bytes", p.body))
	}
	if p.access != nil {
		word := "refused"
		if p.access.Allowed(env.Req.ClientIP) {
			word = "allowed"
		}
		e.Limits = append(e.Limits, fmt.Sprintf("access: %s is %s", env.Req.ClientIP, word))
	}
	for _, r := range p.rates {
		e.Limits = append(e.Limits, fmt.Sprintf("rate: counted under %q", r.Key(nil, env)))
	}
}

// An explainer calls functions of programs for expressions that are explained.
type explainer struct {
	ctx context.Context
	g   *Generation
	req *message.Request
	run *tenant.Run
}

// CallGuest implements predicate.Caller.
func (e *explainer) CallGuest(dst []byte, name, function, value string) (out []byte, ok bool) {
	t := e.g.Tenants[name]
	if t == nil {
		return dst, false
	}
	if e.run == nil || e.run.Tenant() != t {
		e.end()
		if e.run = t.AdmitNow(); e.run == nil {
			return dst, false
		}
	}
	out, ok, _ = e.run.Named(e.ctx, e.req, dst, function, value) // a fault is null to who only looks
	return out, ok
}

func (e *explainer) end() {
	if e.run != nil {
		e.run.Release()
		e.run = nil
	}
}

// JSON returns the explanation on one line.
func (e *Explanation) JSON() []byte {
	text, err := json.Marshal(e)
	if err != nil { // strings, booleans and slices of them always marshal
		return []byte("{}")
	}
	return text
}
