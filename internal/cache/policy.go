package cache

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"fishplate/internal/cache/encode"
	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// A Policy is the compiled cache block of a route, with the store and the
// partition that it is about. It is immutable, but for the trial that it may be
// part of.
type Policy struct {
	Model *model.CachePolicy

	rules    rules.Policy
	key      keyRule
	bypass   *predicate.Predicate // nil: nothing
	wait     time.Duration
	store    *Store
	part     *store.Partition
	owner    uint64         // of part, when the policy was made
	counters *metrics.Set   // metrics.Partition
	tags     [][]byte       // that every object gets
	encode   *encode.Policy // nil: bodies are served as they came

	trial atomic.Pointer[string] // ends the texts of its keys while it is tried; nil: it is not
}

// Compile makes the policy of a route. The stores are those of the update's
// configuration.
func (u *Update) Compile(m *model.CachePolicy, partition string, o predicate.Options) (*Policy, error) {
	s := u.stores[m.Store]
	if s == nil {
		return nil, fmt.Errorf("cache: no store %q", m.Store)
	}
	if tenant, _ := owner(partition); tenant != "" {
		u.c.mu.Lock()
		u.c.homes[strings.Clone(partition)] = s.name
		u.c.mu.Unlock()
	}
	p := &Policy{
		Model: m, rules: rulesOf(m), wait: m.Wait, store: s, part: s.memory.Partition(strings.Clone(partition)),
		counters: u.c.partition(partition), encode: codingOf(m.Encode),
		key: keyRule{
			stamp: stampOf(m), scheme: m.Key.Scheme, host: m.Key.Host, headers: m.Key.Headers, cookies: m.Key.Cookies,
			query: queryRule{ignore: m.Key.Query == "ignore", sort: m.Key.Query == "sort", drop: m.Key.Drop, keep: m.Key.Keep},
		},
	}
	p.owner = p.part.Owner()
	for _, tag := range m.Tags {
		p.tags = append(p.tags, []byte(tag))
	}
	if m.Bypass.Set() {
		bypass, diags := predicate.CompileBool(m.Bypass, o)
		if diags.HasErrors() {
			return nil, fmt.Errorf("cache: bypass: %w", diags)
		}
		p.bypass = bypass
	}
	if m.Key.Value.Set() {
		value, diags := predicate.CompileString(m.Key.Value, o)
		if diags.HasErrors() {
			return nil, fmt.Errorf("cache: key: %w", diags)
		}
		p.key.value = value
	}
	return p, nil
}

// rulesOf says what the block says in the words of the rules.
func rulesOf(m *model.CachePolicy) rules.Policy {
	p := rules.Policy{
		MinTTL: m.MinTTL, MaxTTL: m.MaxTTL, Keep: m.Keep, HitForMiss: m.HitForMiss, Methods: m.Methods, Targeted: m.Targeted,
		VaryIgnore: m.Vary.Ignore, NormaliseCoding: m.Vary.Encoding, IgnoreClient: m.Client == "ignore", MaxObject: m.MaxObject,
		SetCookie: map[string]rules.SetCookiePolicy{"strip": rules.StripSetCookie, "keep": rules.KeepSetCookie}[m.SetCookie],
	}
	if m.Encode != nil || m.ESI != nil {
		// The origin is asked for one coding, whatever the client takes.
		p.VaryIgnore = append(slices.Clone(p.VaryIgnore), "Accept-Encoding")
	}
	for _, d := range []struct {
		from *time.Duration
		to   *time.Duration
		bit  rules.Has
	}{
		{m.TTL, &p.TTL, rules.HasTTL}, {m.DefaultTTL, &p.DefaultTTL, rules.HasDefaultTTL},
		{m.NegativeTTL, &p.NegativeTTL, rules.HasNegativeTTL}, {m.Grace, &p.Grace, rules.HasGrace},
		{m.StaleIfError, &p.StaleIfErr, rules.HasStaleIfError},
	} {
		if d.from != nil {
			*d.to = *d.from
			p.Has |= d.bit
		}
	}
	return p
}

// Partition returns the name of the partition that its objects are in.
func (p *Policy) Partition() string { return p.part.Name() }

// clock returns the present time.
func (p *Policy) clock() time.Time { return p.store.caches.clock() }

// guestKey begins the part of a key text that a guest chose.
const guestKey = "\nguest:"

// appendKey appends the text of a request's key and returns how much of it the
// URL decides. given is a guest's part, which takes the place of the policy's.
func (p *Policy) appendKey(dst []byte, req *message.Request, env *predicate.Env, given []byte) (text []byte, url int) {
	start := len(dst)
	if given != nil {
		return p.appendTrial(appendGiven(dst, given)), 0
	}
	dst = p.key.appendURL(dst, req)
	url = len(dst) - start
	dst = p.key.appendRest(dst, req, env)
	if m := string(req.Method); m != "GET" && m != "HEAD" {
		dst = append(append(dst, '\n'), m...)
	}
	return p.appendTrial(dst), url
}

func appendGiven(dst, given []byte) []byte {
	return hex.AppendEncode(append(dst, guestKey...), given)
}

func (p *Policy) appendTrial(dst []byte) []byte {
	if mark := p.trial.Load(); mark != nil {
		return append(dst, *mark...)
	}
	return dst
}

// urlTag is the tag by which an object is found whose key has more in it than
// its URL.
func urlTag(url []byte) []byte { return append([]byte("\x00url:"), url...) }

// Purges reports whether a client at that address may purge by that method.
func (p *Policy) Purges(method []byte, from netip.Addr) (is, may bool) {
	m := p.Model.Purge
	if m == nil || !slices.Contains(m.Methods, string(method)) {
		return false, false
	}
	for _, network := range m.From {
		if network.Contains(from.Unmap()) {
			return true, true
		}
	}
	return true, false
}

// TagsOf returns the tags that a request's fields name, as an answer's would.
func (p *Policy) TagsOf(h *message.Header) [][]byte {
	return rules.AppendTags(nil, h, p.Model.TagHeaders)
}

// Reads reports whether the body of a request has to be known to look it up.
func (p *Policy) Reads(req *message.Request) bool {
	return req.Framing == message.Length && req.Length > 0 && req.Length <= MaxBody && p.rules.Allows(req.Method)
}

// rewrites reports whether stored answers are kept as text of which others are
// made, so that Accept-Encoding chooses nothing at the origin.
func (p *Policy) rewrites() bool { return p.encode != nil || p.Model.ESI != nil }

// postTag is urlTag for objects of POST: a purge of the URL finds them, and the
// success of a POST there does not.
func postTag(url []byte) []byte { return append([]byte("\x00post:"), url...) }

// Tenant returns the tenant whose partition it is, "" when it is a virtual host's.
func (p *Policy) Tenant() string {
	tenant, _ := owner(p.part.Name())
	return tenant
}
