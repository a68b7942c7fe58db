package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"

	"github.com/google/go-cmp/cmp"
)

func headerOf(text string) *message.Header {
	var h message.Header
	fieldsOf(&h, parts(text))
	return &h
}

func linesOf(h *message.Header) string {
	var list []string
	for i := range h.Len() {
		list = append(list, string(h.Name(i))+": "+string(h.Value(i)))
	}
	return strings.Join(list, " | ")
}

func TestParseDate(t *testing.T) {
	const want = 784111777
	for text, ok := range map[string]bool{
		"Sun, 06 Nov 1994 08:49:37 GMT":    true,
		"Sunday, 06-Nov-94 08:49:37 GMT":   true,
		"Sun Nov  6 08:49:37 1994":         true,
		"Sun Nov 06 08:49:37 1994":         true,
		"sun, 06 nOV 1994 08:49:37 gmt":    true,
		"Sun, 06 Nov 1994 08:49:37 UTC":    true,
		"Mon, 06 Nov 1994 08:49:37 GMT":    true, // the day's name is not compared
		"Sun, 06 Nov 1994 08:49:37 EST":    false,
		"Sun, 06 Nov 1994 08:49:37 +0000":  false,
		"Sun, 06 Nov 1994 08:49:37":        false,
		"Sun, 6 Nov 1994 08:49:37 GMT":     false,
		"Sun, 06 Nov 94 08:49:37 GMT":      false,
		"Sun, 06-Nov-94 08:49:37 GMT":      false,
		"Sunday, 06 Nov 1994 08:49:37 GMT": false,
		"Sun,06 Nov 1994 08:49:37 GMT":     false,
		"Sun, 06 Nov 1994 08:49:37  GMT":   false,
		"Sun, 06 Nov 1994 08:49:37 GMT ":   false,
		"Sun, 06 Nov 1994 24:49:37 GMT":    false,
		"Sun, 06 Nov 1994 08:60:37 GMT":    false,
		"Sun, 06 Nov 1994 08:49:61 GMT":    false,
		"Sun, 31 Feb 1994 08:49:37 GMT":    false,
		"Sun, 00 Nov 1994 08:49:37 GMT":    false,
		"Xyz, 06 Nov 1994 08:49:37 GMT":    false,
		"Sun, 06 Nox 1994 08:49:37 GMT":    false,
		"Sun, 06 Nov 1994 -8:49:37 GMT":    false,
		"1994-11-06T08:49:37Z":             false,
		"784111777":                        false,
		"0":                                false,
		"":                                 false,
	} {
		got, parsed := ParseDate([]byte(text), arrival)
		if parsed != ok || ok && got != want {
			t.Errorf("RFC 9110 §5.6.7: %q: %d %t, want %t", text, got, parsed, ok)
		}
	}
	for text, year := range map[string]int{
		"Sunday, 06-Nov-76 08:49:37 GMT": 2076, "Sunday, 06-Nov-77 08:49:37 GMT": 1977,
		"Saturday, 01-Jan-00 00:00:00 GMT": 2000, "Sun, 31 Dec 0001 23:59:60 GMT": 1, "Fri, 29 Feb 2028 00:00:00 GMT": 2028,
	} {
		if got, ok := ParseDate([]byte(text), arrival); !ok || time.Unix(got, 0).UTC().Year() != year {
			t.Errorf("RFC 9110 §5.6.7: %q: %v %t, want %d", text, time.Unix(got, 0).UTC(), ok, year)
		}
	}
}

func TestConfirms(t *testing.T) {
	for _, row := range []struct {
		stored, fresh string
		want          bool
	}{
		{`ETag: "a"`, `ETag: "a"`, true},
		{`ETag: "a"`, `ETag: "b"`, false},
		{`ETag: W/"a"`, `ETag: "a"`, false}, // a strong validator that none of the stored has
		{`ETag: "a"`, `ETag: W/"a"`, true},
		{`ETag: W/"a"`, `ETag: W/"a"`, true},
		{`ETag: W/"a"`, `ETag: W/"b"`, false},
		{`Last-Modified: {-9}`, `ETag: "a"`, false},
		{`Last-Modified: {-9}`, `Last-Modified: {-9}`, true},
		{`Last-Modified: {-9}`, `Last-Modified: {-8}`, false},
		{`ETag: "a"`, `Last-Modified: {-8}`, false},
		{`ETag: "a" | Last-Modified: {-9}`, `ETag: "a" | Last-Modified: {-8}`, true},
		{`ETag: "a"`, ``, true},
	} {
		if got := Confirms(headerOf(row.stored), headerOf(row.fresh)); got != row.want {
			t.Errorf("RFC 9111 §4.3.4: %s then 304 %s: %t, want %t", row.stored, row.fresh, got, row.want)
		}
	}
}

func TestMerge304(t *testing.T) {
	for _, row := range []struct{ section, stored, fresh, want string }{
		{"9111 §3.2", `ETag: "a" | X: 1`, `X: 2 | Y: 3`, `ETag: "a" | X: 2 | Y: 3`},
		{"9111 §3.2", `X: 1 | X: 2 | Z: 9`, `x: 3`, `Z: 9 | x: 3`},
		{"9111 §3.2", `Content-Length: 10 | Content-Encoding: gzip`, `Content-Length: 0 | Content-Encoding: br`, `Content-Length: 10 | Content-Encoding: gzip`},
		{"9111 §3.2", `Content-Range: bytes 0-1/2`, `Content-Range: bytes 0-1/3`, `Content-Range: bytes 0-1/2`},
		{"9111 §3.2", `Content-Type: a/b`, `Content-Type: a/c`, `Content-Type: a/c`},
		{"9111 §3.1", `X: 1`, `Connection: Y, close | Y: 1 | Keep-Alive: 2 | Transfer-Encoding: chunked`, `X: 1`},
		{"9111 §4.2.3", `Age: 5 | Date: {-9} | X: 1`, ``, `X: 1`},
		{"9111 §4.2.3", `Age: 5 | Date: {-9}`, `Age: 7 | Date: {+0}`, expand(`Age: 7 | Date: {+0}`)},
		{"9111 §5.5", `Warning: 110 - stale | X: 1`, ``, `X: 1`},
		{"9111 §7.3", `X: 1`, `Set-Cookie: a=1`, `X: 1`},
		{"9111 §3.2", `Set-Cookie: a=1`, `Set-Cookie: a=2`, `Set-Cookie: a=2`},
		{"9111 §3.2", `Cache-Control: max-age=5, no-cache`, `Cache-Control: max-age=9`, `Cache-Control: max-age=9`},
	} {
		var out message.Header
		Merge304(headerOf(row.stored), headerOf(row.fresh), &out)
		if got := linesOf(&out); got != row.want {
			t.Errorf("RFC %s: %s + %s: got %s, want %s", row.section, row.stored, row.fresh, got, row.want)
		}
	}
}

func TestHeadConfirms(t *testing.T) {
	for _, row := range []struct {
		stored, head string
		want         bool
	}{
		{`ETag: "a"`, `ETag: "a" | Content-Length: 10`, true},
		{`ETag: "a"`, `ETag: "a" | Content-Length: 11`, false},
		{`ETag: "a"`, `ETag: "a" | Content-Length: x`, false},
		{`ETag: "a"`, `ETag: "b"`, false},
		{``, `ETag: "b"`, false},
		{`Last-Modified: {-9}`, `Last-Modified: {-8}`, false},
		{`Last-Modified: {-9}`, ``, true},
	} {
		if got := HeadConfirms(headerOf(row.stored), headerOf(row.head), 10); got != row.want {
			t.Errorf("RFC 9111 §4.3.5: %s then HEAD %s: %t, want %t", row.stored, row.head, got, row.want)
		}
	}
}

func TestInvalidates(t *testing.T) {
	for _, row := range []struct{ section, req, resp, want string }{
		{"9111 §4.4", "POST", "200", "/d/p?q"},
		{"9111 §4.4", "FROB", "302", "/d/p?q"},
		{"9111 §4.4", "PUT", "399", "/d/p?q"},
		{"9111 §4.4", "DELETE", "404", ""},
		{"9111 §4.4", "DELETE", "500", ""},
		{"9111 §4.4", "GET", "200", ""},
		{"9110 §9.2.1", "PROPFIND", "200", ""},
		{"9110 §9.1", "get", "200", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: /new", "/d/p?q /new"},
		{"9111 §4.4", "POST", "201 | Content-Location: /new?a=1 | Location: /b", "/d/p?q /b /new?a=1"},
		{"9111 §4.4", "POST", "201 | Location: https://a.test/x", "/d/p?q /x"},
		{"9111 §4.4", "POST", "201 | Location: HTTPS://A.Test:443/x#frag", "/d/p?q /x"},
		{"9111 §4.4", "POST", "201 | Location: https://a.test:/x", "/d/p?q /x"},
		{"9111 §4.4", "POST", "201 | Location: https://a.test", "/d/p?q /"},
		{"9111 §4.4", "POST", "201 | Location: https://a.test?z", "/d/p?q /?z"},
		{"9111 §4.4", "POST", "201 | Location: //a.test/x", "/d/p?q /x"},
		{"9111 §4.4", "POST", "201 | Location: https://b.test/x", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: //b.test/x", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: http://a.test/x", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: https://a.test:8443/x", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: https://a.test:99999/x", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: https://a.test:x/x", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: https://u@a.test/x", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: https://a.test.b.test/x", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: mailto:a@a.test", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: https:/x", "/d/p?q"},
		{"9111 §4.4", "POST", "201 | Location: https:///x", "/d/p?q"},
		{"9111 §4.4", `POST`, `201 | Location: \x`, "/d/p?q"},
		{"3986 §5.2", "POST", "201 | Location: x", "/d/p?q /d/x"},
		{"3986 §5.2", "POST", "201 | Location: ../x/./y", "/d/p?q /x/y"},
		{"3986 §5.2", "POST", "201 | Location: ../../../x", "/d/p?q"}, // above the root: left alone
		{"3986 §5.2", "POST", "201 | Location: ?z=1", "/d/p?q /d/p?z=1"},
		{"3986 §5.2", "POST", "201 | Location:", "/d/p?q /d/p?q"},
		{"3986 §5.2", "POST", "201 | Location: a/b:c", "/d/p?q /d/a/b:c"},
		{"3986 §6.2", "POST", "201 | Location: /%7ex", "/d/p?q /~x"},
		{"own", "POST", "201 | Location: /a//b", "/d/p?q /a/b /a//b"},
	} {
		req := requestOf(row.req)
		req.Path, req.Query, req.HasQuery = []byte("/d/p"), []byte("q"), true
		var list []string
		Invalidates(req, responseOf(row.resp), func(u Target) {
			s := string(u.Path)
			if u.HasQuery {
				s += "?" + string(u.Query)
			}
			list = append(list, s)
		})
		if got := strings.Join(list, " "); got != row.want {
			t.Errorf("RFC %s: %s %s: got %s, want %s", row.section, row.req, row.resp, got, row.want)
		}
	}
}

// TestPorts holds that an origin is the same with and without its default port.
func TestPorts(t *testing.T) {
	req := requestOf("POST")
	req.Port = 8443
	n := 0
	Invalidates(req, responseOf("201 | Location: https://a.test:8443/x | Content-Location: https://a.test/x"), func(Target) { n++ })
	if n != 2 {
		t.Errorf("%d resources, want the target and the one of the same port", n)
	}
}

func TestTags(t *testing.T) {
	names := []string{"Surrogate-Key", "xkey", "Cache-Tag"}
	for text, want := range map[string]string{
		"":                                "",
		"Surrogate-Key: a b  c":           "a b c",
		"Cache-Tag: a,b , c,,":            "a b c",
		"xkey: a | XKEY: b":               "a b",
		"Cache-Tag: a | surrogate-key: b": "b a",
		"xkey: a a,a":                     "a",
		"X-Tags: a":                       "",
	} {
		var list []string
		for _, tag := range AppendTags(nil, headerOf(text), names) {
			list = append(list, string(tag))
		}
		if got := strings.Join(list, " "); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	many := AppendTags(nil, headerOf("xkey: "+strings.Repeat("x y ", 2*fewTags)), names)
	if len(many) != 2 {
		t.Errorf("%d tags of two", len(many))
	}
}

func TestGroups(t *testing.T) {
	const at = "group https://a.test:443 "
	for _, row := range []struct{ section, value, want string }{
		{"9875 §2", `"a"`, at + "a"},
		{"9875 §2", `"a", "b";p=1, "a"`, at + "a|" + at + "b"},
		{"9875 §2", `"A b"`, at + "A b"},
		{"9875 §2", `"q\"\\"`, at + `q"\`},
		{"9875 §2", `a, "b", 1, ("c")`, at + "b"},
		{"9651 §4.2", `"a", "b`, ""},
		{"9651 §4.2", `"a",`, ""},
		{"9651 §4.2", `"a" "b"`, ""},
		{"9651 §4.2", `"` + "\x80" + `"`, ""},
		{"9651 §4.2", ``, ""},
	} {
		h := headerOf("")
		h.Add("Cache-Groups", row.value)
		var list []string
		for _, tag := range AppendGroups(nil, requestOf(""), h) {
			list = append(list, string(tag))
		}
		if got := strings.Join(list, "|"); got != row.want {
			t.Errorf("RFC %s: %s: got %s, want %s", row.section, row.value, got, row.want)
		}
	}
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf(`"%032d"`, i)
	}
	if n := len(AppendGroups(nil, requestOf(""), headerOf("Cache-Groups: "+strings.Join(many, ", ")))); n != 40 {
		t.Errorf("RFC 9875 §2: %d groups of 40", n)
	}
	if n := len(AppendGroups(nil, requestOf(""), headerOf(`Cache-Groups: "a" | Cache-Groups: "b"`))); n != 2 {
		t.Errorf("RFC 9651 §4.2: %d groups of two lines", n)
	}
}

func TestInvalidatedGroups(t *testing.T) {
	for _, row := range []struct {
		req, resp string
		want      int
	}{
		{"POST", `200 | Cache-Group-Invalidation: "a", "b"`, 2},
		{"POST", `404 | Cache-Group-Invalidation: "a"`, 0},
		{"GET", `200 | Cache-Group-Invalidation: "a"`, 0},
		{"POST", `200 | Cache-Groups: "a"`, 0},
	} {
		if got := len(InvalidatedGroups(nil, requestOf(row.req), responseOf(row.resp))); got != row.want {
			t.Errorf("RFC 9875 §3: %s %s: %d groups, want %d", row.req, row.resp, got, row.want)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, row := range []struct {
		s    Status
		want string
	}{
		{Status{Cache: "fishplate", Hit: true, TTL: 30, HasTTL: true}, "fishplate; hit; ttl=30"},
		{Status{Cache: "fishplate", Hit: true, TTL: -4, HasTTL: true, Stored: true, Collapsed: true, FwdStatus: 200}, "fishplate; hit; ttl=-4"},
		{Status{Cache: "fishplate"}, "fishplate"},
		{Status{Cache: "a b", Forward: ForwardBypass}, `"a b"; fwd=bypass`},
		{Status{Cache: "1a", Forward: ForwardMethod}, `"1a"; fwd=method`},
		{Status{Cache: "c", Forward: ForwardURIMiss, Stored: true, FwdStatus: 200}, "c; fwd=uri-miss; fwd-status=200; stored"},
		{Status{Cache: "c", Forward: ForwardVaryMiss, Collapsed: true}, "c; fwd=vary-miss; collapsed"},
		{Status{Cache: "c", Forward: ForwardMiss}, "c; fwd=miss"},
		{Status{Cache: "c", Forward: ForwardRequest}, "c; fwd=request"},
		{Status{Cache: "c", Forward: ForwardStale, FwdStatus: 304}, "c; fwd=stale; fwd-status=304"},
		{Status{Cache: "c", Forward: ForwardPartial, Hit: true}, "c; fwd=partial"},
		{Status{Cache: "c", Hit: true, Key: []byte("http://a\"\\\n\xff")}, `c; hit; key="http://a\"\\%0A%FF"`},
		{Status{Cache: "c", Hit: true, Detail: "memory"}, "c; hit; detail=memory"},
		{Status{Cache: "c", Hit: true, Detail: "no store"}, `c; hit; detail="no store"`},
	} {
		if got := string(AppendStatus(nil, &row.s)); got != row.want {
			t.Errorf("RFC 9211 §2: got %s, want %s", got, row.want)
		}
	}
}

// TestForward holds RFC 9211 §2.2: which outcome says what.
func TestForward(t *testing.T) {
	for _, row := range []struct {
		o    Outcome
		want string
	}{
		{Outcome{Kind: Hit}, ""},
		{Outcome{Kind: HitStale, Why: WhyGrace}, ""},
		{Outcome{Kind: GatewayTimeout, Why: WhyAbsent}, ""},
		{Outcome{Kind: Miss, Why: WhyAbsent}, "uri-miss"},
		{Outcome{Kind: Miss, Why: WhyVary}, "vary-miss"},
		{Outcome{Kind: Miss, Why: WhyStale}, "stale"},
		{Outcome{Kind: Revalidate, Why: WhyNoCache}, "stale"},
		{Outcome{Kind: Revalidate, Why: WhyClientNoCache, Left: 5}, "request"},
		{Outcome{Kind: Revalidate, Why: WhyClientMaxAge}, "stale"},
		{Outcome{Kind: Miss, Why: WhyRange}, "partial"},
		{Outcome{Kind: HitForMiss, Why: WhyUncacheable}, "miss"},
		{Outcome{Kind: Bypass, Why: WhyMethod}, "method"},
		{Outcome{Kind: Bypass, Why: WhyExpression}, "bypass"},
	} {
		if got := row.o.Forward().String(); got != row.want {
			t.Errorf("%s %s: %q, want %q", row.o.Kind, row.o.Why, got, row.want)
		}
	}
}

func TestAgeAndTTL(t *testing.T) {
	now := arrival.UnixNano()
	for _, row := range []struct {
		at  Times
		age string
		ttl int64
	}{
		{*object("age=5 fresh=60"), "5", 55},
		{Times{Born: now - 5*second - second/2, Fresh: 60 * second}, "5", 54},
		{Times{Born: now - 61*second - 1, Fresh: 60 * second}, "61", -2},
		{Times{Born: now + 5*second, Fresh: 60 * second}, "0", 60},
		{Times{Born: -1 << 62, Fresh: 60 * second}, "2147483648", 0},
	} {
		if got := string(AppendAge(nil, &row.at, now)); got != row.age {
			t.Errorf("RFC 9111 §5.1: age %s, want %s", got, row.age)
		}
		if got := row.at.TTL(now); row.ttl != 0 && got != row.ttl {
			t.Errorf("RFC 9211 §2.4: ttl %d, want %d", got, row.ttl)
		}
	}
}

// TestExplain holds the arithmetic that explain prints.
func TestExplain(t *testing.T) {
	p := Policy{Targeted: []string{"CDN-Cache-Control"}, Has: HasGrace, Grace: 5e9, MaxTTL: 30e9, HitForMiss: 120e9, Skew: 2e9, Keep: 9e9}
	for _, row := range []struct {
		p          *Policy
		resp, want string
	}{
		{&p, `200 | CDN-Cache-Control: max-age=60, no-cache="X-A" | Age: 10 | Date: {-1} | ETag: "a"`,
			`age 10s = max(1s since Date (below the skew of 2s: 0s), Age 10s + delay 0s)
fresh for 40s by max-age of CDN-Cache-Control, lowered by max_ttl 30s; 30s left at arrival
stored: grace 5s, stale-if-error 0s, keep 9s, operator, validator, stripped; without X-A
`},
		{&p, `200 | Cache-Control: private`,
			`age 0s = max(0s since Date, Age 0s + delay 0s)
not stored: private: the answer says private; marked hit-for-miss for 120s
`},
		{&Policy{Has: HasTTL, TTL: 60e9}, `200 | Age: 5 | !Date`,
			`age 5s = max(0s since Date, Age 5s + delay 0s); no usable Date, so the time of arrival counts
fresh for 65s by ttl = 60s from arrival at age 5s; 60s left at arrival
stored: grace 0s, stale-if-error 0s, keep 0s, operator, no-date
`},
		{&Policy{MinTTL: 90e9}, `200 | Expires: {+60}`,
			`age 0s = max(0s since Date, Age 0s + delay 0s)
fresh for 90s by expires = Expires 2026-11-21T12:01:00Z - Date 2026-11-21T12:00:00Z, raised by min_ttl 90s; 90s left at arrival
stored: grace 0s, stale-if-error 0s, keep 0s, operator
`},
		{&Policy{}, `200 | Last-Modified: {-100}`,
			`age 0s = max(0s since Date, Age 0s + delay 0s)
fresh for 10s by heuristic = (Date 2026-11-21T12:00:00Z - Last-Modified 2026-11-21T11:58:20Z) / 10, at most 86400s; 10s left at arrival
stored: grace 0s, stale-if-error 0s, keep 0s, heuristic, validator
`},
		{&Policy{}, `200 | Cache-Control: max-age=0`,
			`age 0s = max(0s since Date, Age 0s + delay 0s)
fresh for 0s by max-age; 0s left at arrival
not stored: not-reusable: it would be neither fresh, nor served stale, nor is there a validator to keep it for
`},
	} {
		if d := cmp.Diff(row.want, string(judged(row.p, "", row.resp).AppendText(nil, row.p))); d != "" {
			t.Errorf("%s: -want +got\n%s", row.resp, d)
		}
	}
	at := object("age=70 fresh=60 grace=30")
	o := Reuse(&p, &RequestDirectives{}, at, arrival.UnixNano())
	want := `age 70s of 60s fresh: stale for 10s, with grace 30s, stale-if-error 0s, keep 0s
hit-stale: grace: it is stale for less than its grace, and a new one is being fetched
`
	if d := cmp.Diff(want, string(o.AppendText(nil, at))); d != "" {
		t.Error(d)
	}
	o = Reuse(&p, &RequestDirectives{}, nil, 0)
	if d := cmp.Diff("miss: absent: nothing is stored under the key\n", string(o.AppendText(nil, nil))); d != "" {
		t.Error(d)
	}
}
