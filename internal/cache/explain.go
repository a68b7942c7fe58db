package cache

import (
	"strings"
	"time"

	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/predicate"
)

// Explained is what the cache would do with a request, in words.
type Explained struct {
	State, Why       string // words of metrics.CacheWords and metrics.WhyWords
	Store, Partition string
	Key              string // further parts of the key are joined by " | "
	Variant          string // "Name: value; …" of what Vary names, with the request's values
	Variants         int    // objects under the key
	Object           *ExplainedObject
	Freshness        []string // the arithmetic, a line for each step
	Stored           string   // why an answer of this key was stored, or not
}

// ExplainedObject is the object that was found. Age and Fresh are by RFC 9111
// §4.2; Fresh is what is left, negative when it is stale.
type ExplainedObject struct {
	Status     int
	Bytes      int64
	Coding     string
	Age, Fresh time.Duration
	Hits       int64
	Complete   bool
	ETag       string
	Tags       []string
}

// Explain says what would become of a request, without asking the origin and
// without waiting for anybody. The look-up counts as a use of the object. The
// key that a tenant's program may choose is not known here.
func (p *Policy) Explain(req *message.Request, env *predicate.Env) (e Explained) {
	e.Store, e.Partition = p.store.name, p.part.Name()
	if why, pass := p.passes(req, env); pass {
		e.State, e.Why = metrics.CacheWords()[rules.Bypass], why.String()
		return e
	}
	v := &Visit{claim: claim{policy: p}, req: req, now: p.clock().UnixNano()}
	if !p.rules.IgnoreClient {
		rules.ParseRequest(&req.Header, &v.directives)
	}
	v.text, v.urlLen = p.appendKey(nil, req, env, nil)
	v.key = store.KeyOf(p.part.ID(), v.text)
	e.Key = strings.ReplaceAll(string(v.text), "\n", " | ")
	var all counter
	if o := p.store.memory.Lookup(p.part, v.key, v.text, &all); o != nil {
		o.Unpin()
	}
	e.Variants = all.n
	o := v.find()
	if o == nil {
		u := rules.Reuse(&p.rules, &v.directives, nil, v.now)
		if u.Kind == rules.Miss && all.n > 0 {
			u.Why = rules.WhyVary
		}
		e.State, e.Why = metrics.CacheWords()[u.Kind], u.Why.String()
		return e
	}
	defer o.Unpin()
	m := o.Meta()
	if m.Flags&flagMarker != 0 && v.now < m.Born+m.Fresh {
		e.State, e.Why = metrics.CacheWords()[rules.HitForMiss], rules.WhyUncacheable.String()
		e.Variants = 0
		reason := rules.Reason(m.Encoding)
		e.Stored = "no: " + reason.String() + ": " + reason.Doc()
		return e
	}
	p.explainObject(&e, v, o, &m)
	return e
}

// passes reports whether a request is not looked up, as Open decides it.
func (p *Policy) passes(req *message.Request, env *predicate.Env) (rules.Why, bool) {
	switch {
	case !p.rules.Allows(req.Method), req.Framing != message.NoBody && req.Length != 0:
		return rules.WhyMethod, true
	case req.Upgrade != nil:
		return rules.WhyUpgrade, true
	case p.bypass != nil && p.bypass.Eval(env):
		return rules.WhyExpression, true
	}
	return 0, false
}

// counter counts the variants of a key, and takes none.
type counter struct{ n int }

// Match implements store.Matcher.
func (c *counter) Match(*store.Object) bool { c.n++; return false }

// explainObject describes the object and reckons its use. Why it was stored is
// judged once more, by the policy of now, from the fields that are stored.
func (p *Policy) explainObject(e *Explained, v *Visit, o *store.Object, m *store.Meta) {
	t := times(m)
	u := rules.Reuse(&p.rules, &v.directives, &t, v.now)
	e.State, e.Why = u.Kind.String(), u.Why.String()
	var resp message.Response
	o.Head(&resp.Header)
	etag, _ := resp.GetID(message.ETag)
	coding, _ := resp.GetID(message.ContentEncoding)
	x := &ExplainedObject{
		Status: int(m.Status), Bytes: o.Available(), Coding: string(coding), ETag: string(etag), Hits: int64(o.Hits()),
		Age: time.Duration(u.Age), Fresh: time.Duration(u.Left), Complete: o.Complete() && m.Flags&flagPartial == 0, Tags: tagsOf(o),
	}
	e.Object, e.Variant = x, variantOf(v.req, &resp.Header)

	arrived := time.Unix(0, m.Stored)
	resp.Status, resp.Framing = int(m.Status), message.Length
	resp.Length = o.Available()
	if age := (m.Stored - m.Born) / 1e9; age > 0 {
		resp.Set("Age", formatInt(age))
	}
	var d rules.Verdict
	rules.Judge(&p.rules, v.req, &resp, arrived, arrived, &d)
	text := u.AppendText(d.AppendText(nil, &p.rules), &t)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	e.Freshness = lines
	e.Stored = "yes"
	if words := t.Flags.Words(); len(words) > 0 {
		e.Stored += ": " + strings.Join(words, ", ")
	}
}

// variantOf writes the fields that Vary names with the request's values.
func variantOf(req *message.Request, h *message.Header) string {
	var parts []string
	for i := h.Find("Vary"); i >= 0; i = h.FindFrom("Vary", i+1) {
		for name := range strings.SplitSeq(string(h.Value(i)), ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			value, ok := req.Get(name)
			if !ok {
				value = []byte("(absent)")
			}
			parts = append(parts, name+": "+string(value))
		}
	}
	return strings.Join(parts, "; ")
}
