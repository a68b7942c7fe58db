package rules

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"

	"pgregory.net/rapid"
)

// genControl draws a Cache-Control value, well formed or not.
func genControl(t *rapid.T, label string) string {
	names := []string{"max-age", "s-maxage", "no-store", "no-cache", "private", "public", "must-revalidate", "proxy-revalidate",
		"must-understand", "immutable", "stale-while-revalidate", "stale-if-error", "no-transform", "max-stale", "min-fresh", "only-if-cached", "x"}
	args := []string{"", "", "", "=0", "=1", "=60", "=99999999999999999999", "=-1", "=x", `="60"`, `="Set-Cookie"`, `="X-A, X-B"`, `="`, "=", " = 5", ";", ` "`}
	var list []string
	for range rapid.IntRange(0, 5).Draw(t, label+" directives") {
		list = append(list, rapid.SampledFrom(names).Draw(t, label+" name")+rapid.SampledFrom(args).Draw(t, label+" argument"))
	}
	return strings.Join(list, rapid.SampledFrom([]string{", ", ",", " ,", "; "}).Draw(t, label+" separator"))
}

// genDate draws a date that may be far off or none.
func genDate(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"0", "-1", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"}),
		rapid.Map(rapid.IntRange(-5000, 5000), func(n int) string {
			return httpDate(arrival.Add(time.Duration(n) * time.Second))
		}),
	).Draw(t, label)
}

// genPair draws a request and an answer.
func genPair(t *rapid.T) (*message.Request, *message.Response) {
	req := requestOf(rapid.SampledFrom([]string{"GET", "GET", "GET", "HEAD", "POST", "PUT"}).Draw(t, "method"))
	if rapid.Bool().Draw(t, "directives") {
		req.Add("Cache-Control", genControl(t, "request"))
	}
	if rapid.IntRange(0, 4).Draw(t, "authorization") == 0 {
		req.Add("Authorization", "x")
	}
	resp := &message.Response{Status: rapid.SampledFrom([]int{200, 200, 200, 204, 206, 299, 301, 302, 304, 404, 412, 500, 999}).Draw(t, "status")}
	for range rapid.IntRange(0, 2).Draw(t, "lines") {
		resp.Add("Cache-Control", genControl(t, "answer"))
	}
	for _, name := range []string{"Expires", "Date", "Last-Modified"} {
		if rapid.Bool().Draw(t, name+"?") {
			resp.Add(name, genDate(t, name))
		}
	}
	for name, values := range map[string][]string{
		"Age": {"", "0", "5", "70", "99999999999999999999", "x"}, "ETag": {"", `"a"`}, "Set-Cookie": {"", "", "a=1"},
		"Vary": {"", "", "Accept", "*"}, "CDN-Cache-Control": {"", "", "max-age=60", "no-store", "private", "max-age=5, no-cache", "&"},
	} {
		if v := rapid.SampledFrom(values).Draw(t, name); v != "" {
			resp.Add(name, v)
		}
	}
	return req, resp
}

func genPolicy(t *rapid.T) *Policy {
	seconds := func(label string) time.Duration {
		return time.Duration(rapid.SampledFrom([]int64{0, 0, 1, 10, 3600, 1 << 40 / 1000, -5}).Draw(t, label)) * time.Second
	}
	p := &Policy{
		Has: Has(rapid.IntRange(0, 31).Draw(t, "has")), TTL: seconds("ttl"), DefaultTTL: seconds("default"), NegativeTTL: seconds("negative"),
		Grace: seconds("grace"), StaleIfErr: seconds("stale-if-error"), MinTTL: seconds("min"), MaxTTL: seconds("max"),
		Keep: seconds("keep"), HitForMiss: seconds("hit-for-miss"), Skew: seconds("skew"),
		SharedStale: rapid.Bool().Draw(t, "shared stale"), IgnoreClient: rapid.Bool().Draw(t, "ignore"),
		SetCookie: SetCookiePolicy(rapid.IntRange(0, 2).Draw(t, "cookies")), Partial: rapid.Bool().Draw(t, "partial"),
	}
	if rapid.Bool().Draw(t, "post") {
		p.Methods = []string{"GET", "HEAD", "POST"}
	}
	if rapid.Bool().Draw(t, "targeted") {
		p.Targeted = []string{"CDN-Cache-Control"}
	}
	return p
}

// TestJudgeProperties holds what is true of every verdict: nothing is negative
// or overflows, what forbids to store is obeyed whatever else is said, and what is
// stored is of use to somebody.
func TestJudgeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genPolicy(t)
		req, resp := genPair(t)
		took := time.Duration(rapid.Int64Range(-10, 1000).Draw(t, "took")) * time.Millisecond
		var v Verdict
		Judge(p, req, resp, arrival.Add(-took), arrival, &v)
		if min(v.Age, v.Fresh, v.Grace, v.Keep, v.StaleIfError, v.HitForMiss) < 0 {
			t.Fatalf("negative: %+v", v)
		}
		if v.Fresh+v.Grace+v.Keep < 0 {
			t.Fatalf("overflow: %+v", v)
		}
		if v.Store != (v.Reason == Storable) {
			t.Fatalf("store %t: %s", v.Store, v.Reason)
		}
		if !v.Store {
			return
		}
		obeys(t, p, req, resp, &v)
		at := v.Times(arrival)
		if at.Ends() <= arrival.UnixNano() {
			t.Fatalf("stored, and of no use: %+v", v)
		}
		if got := at.Age(arrival.UnixNano()); got != int64(v.Age) {
			t.Fatalf("age %d, want %d", got, v.Age)
		}
	})
}

// obeys reads the fields in the plainest way and compares.
func obeys(t *rapid.T, p *Policy, req *message.Request, resp *message.Response, v *Verdict) {
	said := ""
	if v.Sums.Targeted > 0 {
		value, _ := resp.Get(p.Targeted[v.Sums.Targeted-1])
		said = string(value)
	} else {
		for i := resp.Index(message.CacheControl, 0); i >= 0; i = resp.Index(message.CacheControl, i+1) {
			said += string(resp.Value(i)) + ","
		}
	}
	// A bare word is heard however the rest looks, unless a quoted string holds it.
	if !strings.Contains(said, `"`) {
		for word := range strings.FieldsFuncSeq(said, func(r rune) bool { return strings.ContainsRune(" ,;", r) }) {
			switch word {
			case "private":
				t.Fatalf("%q is stored", said)
			case "no-store":
				if !strings.Contains(said, "must-understand") {
					t.Fatalf("%q is stored", said)
				}
			case "no-cache":
				if v.Flags&NoCache == 0 {
					t.Fatalf("%q may be used without revalidation", said)
				}
			case "must-revalidate", "proxy-revalidate":
				if v.Flags&MustRevalidate == 0 || v.Grace+v.StaleIfError > 0 {
					t.Fatalf("%q may be served stale: %+v", said, v)
				}
			}
		}
	}
	if resp.Index(message.SetCookie, 0) >= 0 && p.SetCookie != KeepSetCookie && !listed(v.Omit, "Set-Cookie") {
		t.Fatalf("Set-Cookie is stored: %+v", v)
	}
	if value, _ := resp.GetID(message.Vary); string(value) == "*" {
		t.Fatal("Vary: * is stored")
	}
	if value, _ := req.GetID(message.CacheControl); !p.IgnoreClient && string(value) == "no-store" {
		t.Fatal("stored though the request says no-store")
	}
	if v.Fresh > 0 && p.MaxTTL > 0 && v.Fresh-v.Age > p.MaxTTL {
		t.Fatalf("fresh for %v more, above max_ttl %v", v.Fresh-v.Age, p.MaxTTL)
	}
}

// TestReuseProperties holds that outcomes get worse with time and with wishes,
// and that what an object forbids is obeyed.
func TestReuseProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := func(label string) int64 {
			return rapid.SampledFrom([]int64{0, 1, second, 10 * second, 100 * second, 1 << 61}).Draw(t, label)
		}
		at := &Times{Born: arrival.UnixNano(), Fresh: ns("fresh"), Grace: ns("grace"), Keep: ns("keep"), StaleIfError: ns("sie"),
			Flags: Flags(rapid.IntRange(0, 63).Draw(t, "flags"))}
		req := requestOf("")
		req.Add("Cache-Control", genControl(t, "request"))
		var d RequestDirectives
		ParseRequest(&req.Header, &d)
		p := &Policy{IgnoreClient: rapid.Bool().Draw(t, "ignore")}
		now := at.Born + rapid.Int64Range(-10*second, 300*second).Draw(t, "now")
		later := now + rapid.Int64Range(0, 300*second).Draw(t, "later")
		first, second := Reuse(p, &d, at, now), Reuse(p, &d, at, later)
		if second.Kind < first.Kind {
			t.Fatalf("%s at %d, %s at %d: %+v %+v", first.Kind, now, second.Kind, later, at, d)
		}
		if first.Age < 0 {
			t.Fatalf("negative age: %+v", first)
		}
		if first.Kind <= HitStale && at.Flags&NoCache != 0 {
			t.Fatalf("no-cache is used: %+v", first)
		}
		if first.Kind == HitStale && at.Flags&MustRevalidate != 0 {
			t.Fatalf("must-revalidate is served stale: %+v", first)
		}
		if first.Kind == Hit && first.Left <= 0 {
			t.Fatalf("a hit that is stale: %+v", first)
		}
		if plain := Reuse(p, &RequestDirectives{}, at, now); plain.Kind == Miss && first.Kind < HitStale {
			t.Fatalf("wishes made a miss a hit: %+v", first)
		}
		e := ReuseOnError(p, &d, at, now)
		if e.Kind < Miss && at.Flags&NoCache != 0 || e.Kind == HitStale && at.Flags&MustRevalidate != 0 {
			t.Fatalf("on error: %+v of %+v", e, at)
		}
		if e.Kind < Miss && first.Kind == Miss && d.Flags&ClientStaleIfError == 0 && at.Grace <= at.StaleIfError {
			t.Fatalf("%s: the caller let go of what may stand in: %+v", first.Why, at)
		}
	})
}

// TestVaryProperties holds that a text matches the request that it was made for,
// and that two requests match each other's texts or neither's.
func TestVaryProperties(t *testing.T) {
	values := rapid.SampledFrom([]string{"", "a", "A", "a, b", "a,b", "gzip", "gzip, br", "br;q=0.5, gzip", "*", "gzip;q=0", "identity;q=0", "dcb", "gzip;q=x"})
	names := []string{"X", "Accept-Encoding", "Accept-Language", "Cookie"}
	draw := func(t *rapid.T) *message.Request {
		req := requestOf("")
		for range rapid.IntRange(0, 4).Draw(t, "fields") {
			req.Add(rapid.SampledFrom(names).Draw(t, "name"), values.Draw(t, "value"))
		}
		return req
	}
	rapid.Check(t, func(t *rapid.T) {
		p := &Policy{NormaliseCoding: rapid.Bool().Draw(t, "coding")}
		var h message.Header
		h.Add("Vary", strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 0, 4).Draw(t, "vary"), ","))
		a, b := draw(t), draw(t)
		ta, _ := AppendVary(nil, a, &h, p)
		tb, _ := AppendVary(nil, b, &h, p)
		if !MatchVary(ta, a, p) || !MatchVary(tb, b, p) {
			t.Fatalf("a text does not match its own request: %q %q", ta, tb)
		}
		same := bytes.Equal(ta, tb)
		if MatchVary(ta, b, p) != same || MatchVary(tb, a, p) != same {
			t.Fatalf("texts equal: %t; matches %t %t: %q %q", same, MatchVary(ta, b, p), MatchVary(tb, a, p), ta, tb)
		}
	})
}
