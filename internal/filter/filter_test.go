package filter

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"pgregory.net/rapid"
)

func expr(text string) model.Expr {
	x, diags := hclsyntax.ParseExpression([]byte(text), "t.hcl", hcl.Pos{Line: 1, Column: 1})
	if diags.HasErrors() {
		panic(diags)
	}
	return model.Expr{Text: text, Node: x}
}

// fields reads "Name=expression" for each argument.
func fields(list ...string) (edits []model.FieldEdit) {
	for _, f := range list {
		name, text, _ := strings.Cut(f, "=")
		edits = append(edits, model.FieldEdit{Name: name, Value: expr(text)})
	}
	return edits
}

// request has the header lines given, "Name: value", and one from the peer.
func request(peer string, lines ...string) *message.Request {
	req := &message.Request{Method: []byte("GET"), Scheme: "https", Host: []byte("shop.example"), Path: []byte("/a/b"),
		Query: []byte("q=1"), HasQuery: true, Minor: 1, Conn: &message.Conn{Client: netip.AddrPortFrom(netip.MustParseAddr(peer), 4711)}}
	req.Add("Host", "shop.example:8443")
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		req.Add(name, value)
	}
	return req
}

func dump(h *message.Header) (lines []string) {
	for i := range h.Len() {
		lines = append(lines, fmt.Sprintf("%s: %s", h.Name(i), h.Value(i)))
	}
	return lines
}

func env(req *message.Request) *predicate.Env { return &predicate.Env{Req: req, BodySize: -1} }

func TestEditsOfRequests(t *testing.T) {
	e, err := CompileEdits(model.Edits{
		Set:     fields(`X-Shop=host`, `X-Swap=header("X-Debug")`, `X-Null=null`, `X-Old="new"`, `Host="in.example:80"`, `X-Bad=query("bad")`),
		Add:     fields(`Accept="b"`, `X-Count=1 + 1`, `X-Null=header("None")`, `X-Bad=query("bad")`),
		Remove:  []string{"X-Debug"},
		Rewrite: expr(`"/v2${path}"`),
	}, predicate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	req := request("192.0.2.1", "X-Debug: d", "X-Null: 1", "X-Old: 1", "X-Old: 2", "Accept: a", "X-Bad: client's")
	req.Query = []byte("bad=a%0D%0AEvil:%201")
	dropped := e.ApplyRequest(req, env(req))
	want := []string{"Host: in.example:80", "X-Old: new", "Accept: a", "X-Shop: shop.example", "X-Swap: d", "Accept: b", "X-Count: 2"}
	if d := cmp.Diff(want, dump(&req.Header)); d != "" {
		t.Error(d)
	}
	if dropped != 2 || string(req.Path) != "/v2/a/b" || !e.SetsHost() || string(req.Host) != "shop.example" || string(req.Query) != "bad=a%0D%0AEvil:%201" {
		t.Errorf("dropped %d, path %s, host %s", dropped, req.Path, req.Host)
	}
	var none *Edits
	if none.ApplyRequest(req, env(req)) != 0 || none.ApplyResponse(&message.Response{}, env(req)) != 0 || none.SetsHost() {
		t.Error("nil edits")
	}
}

func TestEditsOfResponses(t *testing.T) {
	e, err := CompileEdits(model.Edits{Set: fields(`X-Served-By=server.name`, `X-Status=status`), Remove: []string{"Server"}}, predicate.Options{Response: true})
	if err != nil {
		t.Fatal(err)
	}
	resp := &message.Response{Status: 201}
	resp.Add("server", "old")
	resp.Add("X-Served-By", "them")
	if e.ApplyResponse(resp, &predicate.Env{Resp: resp, Server: "a"}) != 0 {
		t.Error("dropped")
	}
	if d := cmp.Diff([]string{"X-Served-By: a", "X-Status: 201"}, dump(&resp.Header)); d != "" {
		t.Error(d)
	}
}

func TestEditsRefused(t *testing.T) {
	for _, tt := range []struct {
		edits model.Edits
		want  string
	}{
		{model.Edits{Set: fields(`Content-Length="1"`)}, "written by the codec"},
		{model.Edits{Add: fields(`transfer-encoding="x"`)}, "written by the codec"},
		{model.Edits{Remove: []string{"Connection"}}, "written by the codec"},
		{model.Edits{Remove: []string{"Host"}}, "exactly one"},
		{model.Edits{Add: fields(`Host="a"`)}, "exactly one"},
		{model.Edits{Set: fields(`Host="a b"`)}, "cannot be its value"},
		{model.Edits{Set: fields(`a b="1"`)}, "not a field name"},
		{model.Edits{Set: fields(`A="x\ny"`)}, "cannot be its value"},
		{model.Edits{Set: fields(`A=nope`)}, `unknown value "nope"`},
		{model.Edits{Rewrite: expr(`"v2"`)}, "does not begin"},
		{model.Edits{Rewrite: expr(`nope`)}, "compile rewrite"},
		{model.Edits{Set: fields(`A=nope`), Remove: []string{"TE"}}, `"TE"`},
	} {
		if _, err := CompileEdits(tt.edits, predicate.Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
	if e, err := CompileEdits(model.Edits{}, predicate.Options{}); e != nil || err != nil {
		t.Error("empty edits")
	}
}

func TestRetarget(t *testing.T) {
	for _, tt := range []struct {
		from, target, want string
		ok                 bool
	}{
		{"/a", "/b", "/b?q=1", true}, {"/a", "/b?x=2", "/b?x=2", true}, {"/a", "/b?", "/b?", true}, {"/a", "/v2//a/./b/../%41", "/v2/a/A?q=1", true},
		{"/a//b", "/v2/a//b", "/v2/a//b?q=1", true}, {"/a", "b", "/a?q=1", false}, {"/a", "", "/a?q=1", false}, {"/a", "/../b", "/a?q=1", false},
		{"/a", "/b\r\nX: y", "/a?q=1", false}, {"/a", "/b?a b", "/a?q=1", false}, {"/a", "/b?a#b", "/a?q=1", false}, {"/a", "/%00", "/a?q=1", false},
	} {
		req := request("192.0.2.1")
		req.Path = []byte(tt.from)
		ok := Retarget(req, []byte(tt.target))
		got := string(req.Path)
		if req.HasQuery {
			got += "?" + string(req.Query)
		}
		if ok != tt.ok || got != tt.want {
			t.Errorf("%s to %q: %s %v, want %s", tt.from, tt.target, got, ok, tt.want)
		}
	}
	e, _ := CompileEdits(model.Edits{Rewrite: expr(`query("to")`)}, predicate.Options{})
	req := request("192.0.2.1")
	if e.ApplyRequest(req, env(req)) != 1 || string(req.Path) != "/a/b" {
		t.Error("a rewrite to null")
	}
}

func TestRedirects(t *testing.T) {
	for _, tt := range []struct{ to, tail, want string }{
		{`"/new/${path_tail}"`, "x", "/new/x"}, {`"/${path_tail}"`, "/evil.example", "/evil.example"}, {`"/${path_tail}"`, "\\evil.example", "/evil.example"},
		{`"https://x.example${path}"`, "", "https://x.example/a/b"}, {`"//cdn.example/${path_tail}"`, "x", "//cdn.example/x"}, {`query("u")`, "", "<none>"},
		{`"/ä b${path_tail}"`, "\"", "/%C3%A4%20b%22"}, {`"/${path_tail}"`, "a\r\nX: y", "<none>"}, {`path_tail`, "javascript:alert(1)", "<none>"}, {`path_tail`, "http:///x", "<none>"},
		{`path_tail`, "HTTP://x", "HTTP://x"}, {`path_tail`, "", "<none>"},
	} {
		r, err := CompileRedirect(&model.Redirect{Status: 308, To: expr(tt.to)}, predicate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		req := request("192.0.2.1")
		e := env(req)
		e.PathTail = []byte(tt.tail)
		out, ok := r.Location([]byte("L:"), e)
		got := strings.TrimPrefix(string(out), "L:")
		if !ok {
			got += "<none>"
		}
		if got != tt.want || r.Status != 308 {
			t.Errorf("%s with %q: %q, want %q", tt.to, tt.tail, got, tt.want)
		}
	}
	for _, bad := range []string{`"x"`, `"ftp://x"`, `nope`, `"https://"`} {
		if _, err := CompileRedirect(&model.Redirect{To: expr(bad)}, predicate.Options{}); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	if r, _ := CompileRedirect(&model.Redirect{To: expr(`"/"`)}, predicate.Options{}); r.Status != 302 {
		t.Error("default status")
	}
}

func policy(trust string, send ...string) ForwardPolicy {
	m := model.Forwarded{Send: send}
	for _, p := range strings.Fields(trust) {
		m.Trust = append(m.Trust, netip.MustParsePrefix(p))
	}
	return NewForwardPolicy(m, "edge")
}

func TestForwardFromStrangers(t *testing.T) {
	lies := []string{"X-Forwarded-For: 1.1.1.1", "x_forwarded_for: 1.1.1.1", "X-Forwarded-Host: evil", "X-Forwarded-Proto: http", "X-Forwarded-Port: 1",
		"X-FORWARDED_Server: x", "Forwarded: for=1.1.1.1", "X-Real-IP: 1.1.1.1", "X_Real_Ip: 1.1.1.1", "True-Client-IP: 1.1.1.1", "Client-Ip: 1.1.1.1",
		"CF-Connecting-IP: 1.1.1.1", "Via: 1.1 other", "Accept: a", "X-Real: kept", "From: kept", "Te: x", "X-Other: kept"}
	req := request("2001:db8::7", lies...)
	Forward(req, policy("10.0.0.0/8", "x-forwarded", "forwarded", "via"))
	want := []string{"Host: shop.example:8443", "Accept: a", "X-Real: kept", "From: kept", "Te: x", "X-Other: kept",
		"X-Forwarded-For: 2001:db8::7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example:8443",
		`Forwarded: for="[2001:db8::7]";host="shop.example:8443";proto=https`, "Via: 1.1 edge"}
	if d := cmp.Diff(want, dump(&req.Header)); d != "" {
		t.Error(d)
	}
	if req.ClientIP.String() != "2001:db8::7" {
		t.Errorf("client %s", req.ClientIP)
	}
	req = request("192.0.2.1", lies...)
	Forward(req, ForwardPolicy{})
	if d := cmp.Diff([]string{"Host: shop.example:8443", "Accept: a", "X-Real: kept", "From: kept", "Te: x", "X-Other: kept"}, dump(&req.Header)); d != "" {
		t.Error(d)
	}
	req = &message.Request{}
	Forward(req, policy("", "x-forwarded", "forwarded", "via"))
	if d := cmp.Diff([]string{"Forwarded: for=unknown", "Via: 1.0 edge"}, dump(&req.Header)); d != "" {
		t.Error(d)
	}
}

func TestForwardFromTrusted(t *testing.T) {
	req := request("::ffff:10.0.0.1", "X-Forwarded-For: 192.0.2.9", "X-Forwarded-For: 10.0.0.2", "X-Forwarded-Proto: http", "X-Forwarded-Host: h",
		"Forwarded: for=192.0.2.8", "Via: 1.0 them", "X-Real-IP: 192.0.2.9")
	req.Header.Set("Host", "plain.example")
	Forward(req, policy("10.0.0.0/8", "x-forwarded", "forwarded", "via"))
	want := []string{"Host: plain.example", "X-Forwarded-For: 192.0.2.9", "X-Forwarded-For: 10.0.0.2, 10.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: h",
		"Forwarded: for=192.0.2.8, for=10.0.0.1;host=plain.example;proto=https", "Via: 1.0 them, 1.1 edge", "X-Real-IP: 192.0.2.9"}
	if d := cmp.Diff(want, dump(&req.Header)); d != "" {
		t.Error(d)
	}
	resp := &message.Response{Minor: 1}
	ForwardResponse(resp, policy("", "via"))
	ForwardResponse(resp, policy(""))
	if d := cmp.Diff([]string{"Via: 1.1 edge"}, dump(&resp.Header)); d != "" {
		t.Error(d)
	}
}

func TestClientIP(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  string
	}{
		{nil, "10.0.0.1"},
		{[]string{"X-Forwarded-For: 192.0.2.9"}, "192.0.2.9"},
		{[]string{"X-Forwarded-For: 1.1.1.1, 192.0.2.9, 10.0.0.2"}, "192.0.2.9"},
		{[]string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 192.0.2.9,10.0.0.2"}, "192.0.2.9"},
		{[]string{"X-Forwarded-For: 10.0.0.5, 10.0.0.2"}, "10.0.0.5"},
		{[]string{"X-Forwarded-For: 1.1.1.1, garbage"}, "10.0.0.1"},
		{[]string{"X-Forwarded-For: 1.1.1.1, garbage, 10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{[]string{"X-Forwarded-For: 1.1.1.1,"}, "10.0.0.1"},
		{[]string{"X-Forwarded-For: 192.0.2.9:4711"}, "192.0.2.9"},
		{[]string{"X-Forwarded-For: [2001:db8::1]:80"}, "2001:db8::1"},
		{[]string{"X-Forwarded-For: 2001:db8::1"}, "2001:db8::1"},
		{[]string{"X-Forwarded-For: fe80::1%eth0"}, "10.0.0.1"},
		{[]string{"X-Forwarded-For: 192.0.2.9", "Forwarded: for=192.0.2.8"}, "192.0.2.9"},
		{[]string{`Forwarded: for=1.1.1.1, For="[2001:db8::9]:99";proto=http;by=10.0.0.2, for=10.0.0.2`}, "2001:db8::9"},
		{[]string{`Forwarded: host="a,for=1.1.1.1;";for=192.0.2.7`}, "192.0.2.7"},
		{[]string{`Forwarded: for=192.0.2.7, for=unknown`}, "10.0.0.1"},
		{[]string{`Forwarded: for=192.0.2.7, proto=http`}, "10.0.0.1"},
		{[]string{`Forwarded: for="_hidden"`}, "10.0.0.1"},
	} {
		req := request("10.0.0.1", tt.lines...)
		Forward(req, policy("10.0.0.0/8"))
		if req.ClientIP.String() != tt.want {
			t.Errorf("%q: %s, want %s", tt.lines, req.ClientIP, tt.want)
		}
	}
	for _, bad := range []string{"", "[::1", "[::1]x", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:1234567", "::1::", strings.Repeat("1", 60)} {
		if ip, ok := address(bad); ok {
			t.Errorf("address(%q) = %s", bad, ip)
		}
	}
}

// TestNobodyForgesAClient: whatever a stranger sends, the client is the peer;
// and through one honest trusted proxy, it is what that proxy saw.
func TestNobodyForgesAClient(t *testing.T) {
	p := policy("10.0.0.0/8", "x-forwarded", "forwarded")
	item := rapid.SampledFrom([]string{"1.1.1.1", "10.0.0.9", "for=1.1.1.1", "garbage", "", "\"", "for=\"", "[::1]", ",", "2001:db8::1"})
	rapid.Check(t, func(t *rapid.T) {
		lie := strings.Trim(strings.Join(rapid.SliceOfN(item, 0, 5).Draw(t, "items"), rapid.SampledFrom([]string{",", ", ", ";"}).Draw(t, "sep")), " ")
		name := rapid.SampledFrom([]string{"X-Forwarded-For", "Forwarded", "x_forwarded-for"}).Draw(t, "name")
		req := request("192.0.2.1", name+": "+lie)
		Forward(req, p)
		if req.ClientIP.String() != "192.0.2.1" {
			t.Fatalf("stranger became %s", req.ClientIP)
		}
		seen, _ := req.Get("X-Forwarded-For")
		inner := request("10.0.0.1", "X-Forwarded-For: "+string(seen))
		Forward(inner, p)
		if inner.ClientIP.String() != "192.0.2.1" {
			t.Fatalf("behind a proxy it became %s by %q", inner.ClientIP, seen)
		}
	})
}

func TestLooped(t *testing.T) {
	for _, tt := range []struct {
		via  string
		want bool
	}{{"1.1 edge", true}, {"1.0 a, 1.1 EDGE (comment)", true}, {"HTTP/1.1 edge:80", false}, {"1.1 edgeX", false}, {"edge", false}, {",,1.1  edge", true}} {
		if Looped(request("192.0.2.1", "Via: "+tt.via), "edge") != tt.want {
			t.Errorf("%q", tt.via)
		}
	}
	if Looped(request("192.0.2.1"), "edge") {
		t.Error("no Via")
	}
}

func rate(t testing.TB, r float64, burst int, key string) *RateLimit {
	t.Helper()
	l, err := CompileRate("shop/all", model.RateLimit{Name: "r", Key: expr(key), Rate: r, Burst: burst}, predicate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRates(t *testing.T) {
	l, r, now := rate(t, 10, 5, "client.ip"), NewRates(0), time.Unix(1000, 0)
	key := l.Key(nil, env(request("192.0.2.1")))
	take := func(k []byte) bool { ok, _ := r.Allow(l, k, now); return ok }
	for i := range 5 {
		if !take(key) {
			t.Fatalf("token %d of the burst", i)
		}
	}
	if ok, wait := r.Allow(l, key, now); ok || wait != 100*time.Millisecond {
		t.Errorf("%v, wait %v", ok, wait)
	}
	if !take(l.Key(nil, env(request("192.0.2.2")))) {
		t.Error("another key waits too")
	}
	now = now.Add(99 * time.Millisecond)
	if take(key) {
		t.Error("too early")
	}
	if now = now.Add(time.Millisecond); !take(key) || take(key) {
		t.Error("one token after its time")
	}
	if now = now.Add(time.Hour); !take(key) {
		t.Error("full again")
	}
	for range 4 {
		take(key)
	}
	if take(key) {
		t.Error("more than the burst after a pause")
	}
	if now = now.Add(-time.Hour); take(key) {
		t.Error("a clock that steps back gives tokens")
	}
	if l := rate(t, 0.5, 0, `"k"`); l.burst != int64(2*time.Second) {
		t.Errorf("default burst %d", l.burst)
	}
	for _, bad := range []model.RateLimit{{Rate: 0, Key: expr(`"k"`)}, {Rate: -1, Key: expr(`"k"`)}, {Rate: 1, Key: expr(`nope`)}} {
		if _, err := CompileRate("s", bad, predicate.Options{}); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	for wait, want := range map[time.Duration]int{0: 1, 1: 1, time.Second: 1, time.Second + 1: 2} {
		if RetryAfterSeconds(wait) != want {
			t.Errorf("RetryAfterSeconds(%v)", wait)
		}
	}
}

func TestRateKeys(t *testing.T) {
	a := rate(t, 1, 1, `header("X-Key")`)
	b, _ := CompileRate("other/all", model.RateLimit{Name: "r", Key: expr(`header("X-Key")`), Rate: 1}, predicate.Options{})
	with, without := request("192.0.2.1", "X-Key: k"), request("192.0.2.2")
	if string(a.Key(nil, env(with))) == string(b.Key(nil, env(with))) {
		t.Error("two scopes share a bucket")
	}
	if string(a.Key(nil, env(without))) != string(a.Key(nil, env(request("192.0.2.3")))) {
		t.Error("leaving the key out gives a bucket of one's own")
	}
}

func TestRatesAreBounded(t *testing.T) {
	l, r, now := rate(t, 1, 10, `path`), NewRates(64*8), time.Unix(1000, 0)
	for i := range 20000 {
		r.Allow(l, fmt.Appendf(nil, "key %d", i), now)
	}
	if n := r.Len(); n > 64*8 || r.Forgotten() == 0 {
		t.Errorf("%d keys, %d forgotten", n, r.Forgotten())
	}
	forgotten := r.Forgotten()
	now = now.Add(time.Minute)
	for i := range 512 {
		r.Allow(l, fmt.Appendf(nil, "new %d", i), now)
	}
	if r.Forgotten() > forgotten+256 || r.Len() > 512 {
		t.Errorf("full buckets were not the first to go: %d", r.Forgotten()-forgotten)
	}
}

func TestLists(t *testing.T) {
	nets := func(s string) (list []netip.Prefix) {
		for _, f := range strings.Fields(s) {
			list = append(list, netip.MustParsePrefix(f))
		}
		return list
	}
	for _, tt := range []struct {
		allow, deny, ip string
		want            bool
	}{
		{"", "", "1.2.3.4", true}, {"10.0.0.0/8", "", "10.1.1.1", true}, {"10.0.0.0/8", "", "11.1.1.1", false}, {"", "10.0.0.0/8", "10.1.1.1", false},
		{"", "10.0.0.0/8", "11.1.1.1", true}, {"10.0.0.0/8", "10.1.0.0/16", "10.1.1.1", false}, {"10.0.0.0/8", "10.1.0.0/16", "10.2.1.1", true},
		{"::ffff:10.0.0.0/104", "", "10.1.1.1", true}, {"10.0.0.0/8", "", "::ffff:10.1.1.1", true}, {"2001:db8::1/32", "", "2001:db8:1::1", true},
	} {
		if got := CompileAccess(nets(tt.allow), nets(tt.deny)).Allowed(netip.MustParseAddr(tt.ip)); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
	if CompileAccess(nets("0.0.0.0/0"), nil).Allowed(netip.Addr{}) {
		t.Error("no address is on a list")
	}
}

func TestBodies(t *testing.T) {
	req := &message.Request{Framing: message.Length, Length: 11}
	if f := BodyTooLarge(req, 10); f == nil || f.Status != 413 || f.Cause != "body-too-large" {
		t.Errorf("%v", f)
	}
	if BodyTooLarge(req, 11) != nil || BodyTooLarge(req, 0) != nil || BodyTooLarge(&message.Request{Framing: message.Chunked}, 1) != nil {
		t.Error("refused")
	}
	m := BodyMeter{Limit: 10}
	if m.Add(10) != nil || m.Add(1) == nil {
		t.Error("meter")
	}
	if m = (BodyMeter{}); m.Add(1<<30) != nil {
		t.Error("no limit")
	}
}

func TestClientCounts(t *testing.T) {
	c := NewClientCounts(2)
	a, same, other := netip.MustParseAddr("2001:db8:0:1::1"), netip.MustParseAddr("2001:db8:0:1:ffff::2"), netip.MustParseAddr("2001:db8:0:2::1")
	v4, mapped := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.1")
	if !c.Acquire(a) || !c.Acquire(same) || c.Acquire(a) || !c.Acquire(other) {
		t.Error("a /64 is one client")
	}
	if !c.Acquire(v4) || !c.Acquire(mapped) || c.Acquire(v4) || !c.Acquire(netip.MustParseAddr("192.0.2.2")) {
		t.Error("an IPv4 address is one client")
	}
	c.Release(a)
	if !c.Acquire(same) {
		t.Error("released")
	}
	c.SetLimit(3)
	if !c.Acquire(a) || c.Acquire(a) {
		t.Error("new limit")
	}
	c.SetLimit(0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				c.Acquire(v4)
				c.Release(v4)
			}
		})
	}
	wg.Wait()
	for _, ip := range []netip.Addr{a, a, a, other, v4, v4, netip.MustParseAddr("192.0.2.2")} {
		c.Release(ip)
	}
	if c.Clients() != 0 {
		t.Errorf("%d clients are left", c.Clients())
	}
}

func TestNoAllocations(t *testing.T) {
	p := policy("10.0.0.0/8", "x-forwarded", "forwarded", "via")
	edits, err := CompileEdits(model.Edits{Set: fields(`X-Shop=host`, `X-Lower=lower(path)`), Add: fields(`X-Ip=client.ip`), Remove: []string{"X-Debug"},
		Rewrite: expr(`"/v2${path}?u=${query("q")}"`)}, predicate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	redirect, _ := CompileRedirect(&model.Redirect{To: expr(`"/new${path}"`)}, predicate.Options{})
	limit, rates := rate(t, 1e6, 1e6, "client.ip"), NewRates(0)
	counts, access := NewClientCounts(10), CompileAccess([]netip.Prefix{netip.MustParsePrefix("192.0.0.0/8")}, nil)
	lines := []string{"User-Agent: curl/8", "Accept: */*", "X-Forwarded-For: 1.2.3.4", "Cookie: a=b", "X-Debug: 1"}
	for _, peer := range []string{"192.0.2.1", "10.0.0.1"} {
		req := request(peer)
		conn, e, now := req.Conn, env(req), time.Unix(1000, 0)
		var key, location []byte
		path, query := req.Path, req.Query
		run := func() {
			req.Header.Reset(nil)
			req.Path, req.Query, req.Conn = path, query, conn
			req.Add("Host", "shop.example")
			for _, l := range lines {
				i := strings.IndexByte(l, ':')
				req.Add(l[:i], l[i+2:])
			}
			Forward(req, p)
			edits.ApplyRequest(req, e)
			key = limit.Key(key[:0], e)
			rates.Allow(limit, key, now)
			location, _ = redirect.Location(location[:0], e)
			access.Allowed(req.ClientIP)
			counts.Acquire(req.ClientIP)
			counts.Release(req.ClientIP)
		}
		run()
		if n := testing.AllocsPerRun(50, run); n != 0 {
			t.Errorf("peer %s: %v allocations", peer, n)
		}
	}
}

func FuzzForward(f *testing.F) {
	f.Add("192.0.2.9, 10.0.0.1", `for="[2001:db8::1]:80";host=x, for=unknown`)
	f.Add("[::1]:80,,", `for="\"";;,=`)
	f.Fuzz(func(t *testing.T, xff, forwarded string) {
		if !message.ValidValue(xff) || !message.ValidValue(forwarded) {
			return
		}
		for _, lines := range [][]string{{"X-Forwarded-For: " + xff}, {"Forwarded: " + forwarded}} {
			req := request("10.0.0.1", lines...)
			Forward(req, policy("10.0.0.0/8", "x-forwarded", "forwarded", "via"))
			if !req.ClientIP.IsValid() || req.ClientIP.Zone() != "" {
				t.Fatalf("client %s", req.ClientIP)
			}
			for i := range req.Len() {
				if !message.ValidValue(req.Value(i)) {
					t.Fatalf("sent %q", req.Value(i))
				}
			}
		}
	})
}

func BenchmarkForward(b *testing.B) {
	p := policy("10.0.0.0/8", "x-forwarded")
	req := request("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		req.Header.Reset(nil)
		req.Add("Host", "shop.example")
		req.Add("User-Agent", "curl/8")
		req.Add("Accept", "*/*")
		Forward(req, p)
	}
}

func BenchmarkRates(b *testing.B) {
	l, r, now := rate(b, 1e9, 1e9, "client.ip"), NewRates(0), time.Unix(1000, 0)
	key := l.Key(nil, env(request("192.0.2.1")))
	b.ReportAllocs()
	for b.Loop() {
		r.Allow(l, key, now)
	}
}
