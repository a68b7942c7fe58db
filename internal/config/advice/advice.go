package advice

import (
	"fmt"
	"strings"
	"time"

	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// Note is one complaint.
type Note struct {
	Path  []string // of the attribute below the cache block, blocks first
	Error bool     // false: a warning
	// Summary is one line; Detail says why, Suggestion what to write instead.
	Summary, Detail, Suggestion string
}

// Subject is what is judged.
type Subject struct {
	Policy *model.CachePolicy
	Of     string       // what the policy belongs to: `vhost "shop"`
	Store  *model.Cache // nil: there is none of that name
	// Given reports whether an attribute was written, and could be read.
	Given func(path ...string) bool
	// Bypass is the truth of the predicate when it does not depend on the request.
	Bypass, BypassConstant bool
}

// review is a subject with the notes about it.
type review struct {
	Subject
	notes []Note
}

// Policy returns the notes about a policy that is enabled, in the order of the
// reference.
func Policy(s Subject) []Note {
	r := &review{Subject: s}
	r.times()
	r.rules()
	r.ranges()
	r.bounds()
	r.key()
	r.encode()
	r.purge()
	r.synthetic()
	return r.notes
}

func (r *review) err(path, summary, detail, suggestion string) {
	r.notes = append(r.notes, Note{strings.Split(path, "."), true, summary, detail, suggestion})
}

func (r *review) warn(path, summary, detail, suggestion string) {
	r.notes = append(r.notes, Note{strings.Split(path, "."), false, summary, detail, suggestion})
}

func (r *review) times() {
	p := r.Policy
	if p.MaxTTL > 0 && p.MinTTL > p.MaxTTL {
		r.err("min_ttl", fmt.Sprintf("min_ttl is %s, more than max_ttl, %s", schema.FormatDuration(p.MinTTL), schema.FormatDuration(p.MaxTTL)), "", "lower the one, or raise the other")
	}
	if p.TTL != nil && p.DefaultTTL != nil {
		r.warn("default_ttl", "default_ttl has no effect beside ttl", "ttl holds whatever an answer says, and when it says nothing.", "drop one of the two")
	}
	if r.Given("keep") && p.Keep == 0 && none(p.Grace) && (p.TTL == nil || *p.TTL > 0) {
		r.warn("keep", "objects are forgotten the moment that they are stale",
			"Without keep and grace, each expiry fetches the whole object again while clients wait.", `write grace = "10s", or leave keep out: an hour`)
	}
	if r.Given("hit_for_miss") && p.HitForMiss == 0 && p.Wait > 0 {
		r.warn("hit_for_miss", "requests for what may not be stored wait for each other",
			"Nothing remembers that a key is uncacheable, so that each waits for the fetch before it.", `leave hit_for_miss out, or write wait = "0s"`)
	}
}

func none(d *time.Duration) bool { return d == nil || *d == 0 }

func (r *review) rules() {
	p := r.Policy
	if r.Given("methods") && len(p.Methods) == 0 {
		r.err("methods", "no method is looked up", "", "write enabled = false to switch the cache off")
	}
	if r.BypassConstant {
		r.warn("bypass", fmt.Sprintf("bypass is always %t", r.Bypass), "", map[bool]string{true: "write enabled = false", false: "leave it out"}[r.Bypass])
	}
	if p.SetCookie == "keep" {
		r.warn("set_cookie", fmt.Sprintf("cookies that servers of %s set go to everybody", r.Of),
			"The cache is shared: one visitor's session cookie in a stored answer becomes every visitor's.", `write "strip" to store such answers without it`)
	}
	for _, tag := range p.Tags {
		if tag == "" || strings.ContainsAny(tag, " ,\t\r\n") {
			r.err("tags", fmt.Sprintf("%q is not a tag: a tag is not empty and holds no space and no comma", tag), "", `several tags are a list: ["a", "b"]`)
		}
	}
	r.fieldNames("tag_headers", p.TagHeaders)
	r.fieldNames("targeted", p.Targeted)
	for _, name := range p.Targeted {
		if strings.EqualFold(name, "Cache-Control") {
			r.warn("targeted", `"Cache-Control" needs no mention: it counts when no targeted field does`, "", "drop it")
		}
	}
}

func (r *review) ranges() {
	p := r.Policy
	switch {
	case p.Slice > 0 && p.Range == "pass":
		r.warn("range", `range = "pass" has no effect beside slice`, "Ranges are fetched in slices.", "drop one of the two")
	case p.Slice == 0 && p.Prefetch > 0:
		r.warn("prefetch", "prefetch has no effect without slice", "Nothing is fetched ahead but slices.", `write slice = "1MiB"`)
	}
}

// bounds compares the policy with its store.
func (r *review) bounds() {
	p, s := r.Policy, r.Store
	if s == nil {
		return
	}
	if p.MaxObject > s.MaxObject {
		r.warn("max_object", fmt.Sprintf("cache %q keeps no object above %s", s.Name, schema.FormatSize(s.MaxObject)), "The smaller of the two bounds holds.", "raise max_object of the store")
	}
	if p.Quota > s.Memory {
		r.warn("quota", fmt.Sprintf("the quota of %s is more than the memory of cache %q", r.Of, s.Name), "It is never reached.", "lower it, or raise memory")
	}
	most := s.MaxObject
	if p.MaxObject > 0 {
		most = min(most, p.MaxObject)
	}
	if p.Slice > most {
		r.err("slice", fmt.Sprintf("a slice of %s is larger than max_object, %s", schema.FormatSize(p.Slice), schema.FormatSize(most)), "Every slice is an object of its own.", "lower slice, or raise max_object")
	}
}

func (r *review) key() {
	k := &r.Policy.Key
	for _, list := range []struct {
		name  string
		words []string
	}{{"drop", k.Drop}, {"keep", k.Keep}} {
		if len(list.words) > 0 && k.Query == "ignore" {
			r.warn("key."+list.name, fmt.Sprintf(`%s has no effect beside query = "ignore"`, list.name), "No parameter counts.", "drop one of the two")
		}
		for _, word := range list.words {
			if word == "" || strings.Contains(strings.TrimSuffix(word, "*"), "*") {
				r.err("key."+list.name, fmt.Sprintf(`%q is not a parameter: "*" stands only at its end`, word), "", `write "utm_*" for all that begin with utm_`)
			}
		}
	}
	r.fieldNames("key.headers", k.Headers)
	for _, name := range k.Headers {
		switch strings.ToLower(name) {
		case "cookie":
			r.warn("key.headers", "the whole Cookie field is part of the key", "Nearly every visitor has objects of his own.", `name the cookies that matter: cookies = ["group"]`)
		case "user-agent", "referer":
			r.warn("key.headers", fmt.Sprintf("%q in the key makes an object for each of thousands of values", name), "", `reduce it: value = match(header("User-Agent"), "Mobile") ? "m" : "d"`)
		}
	}
	r.fieldNames("vary.ignore", r.Policy.Vary.Ignore)
}

// fieldNames refuses what is no field name (RFC 9110 §5.1).
func (r *review) fieldNames(path string, names []string) {
	for _, name := range names {
		if !Token(name) {
			r.err(path, fmt.Sprintf("%q is not a field name", name), TokenRule, "")
		}
	}
}

// TokenRule says what a field name may hold.
const TokenRule = "A name is letters, digits and any of !#$%&'*+-.^_`|~ (RFC 9110 §5.6.2)."

// Token reports whether s is a token (RFC 9110 §5.6.2).
func Token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}
