package router

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"pgregory.net/rapid"
)

func expr(text string) model.Expr {
	if text == "" {
		return model.Expr{}
	}
	x, diags := hclsyntax.ParseExpression([]byte(text), "t.hcl", hcl.Pos{Line: 1, Column: 1})
	if diags.HasErrors() {
		panic(diags)
	}
	return model.Expr{Text: text, Node: x, At: x.Range()}
}

// route reads "name path METHOD,METHOD when…"; "-" leaves a word out.
func route(line string) *model.Route {
	w := append(strings.SplitN(line, " ", 4), "-", "-", "-")
	m := &model.Route{Name: w[0]}
	if w[1] != "-" {
		m.Path = w[1]
	}
	if w[2] != "-" {
		m.Methods = strings.Split(w[2], ",")
	}
	if w[3] != "-" {
		m.When = expr(w[3])
	}
	return m
}

func vhostOf(name, hosts string, routes ...string) *model.VHost {
	vh := &model.VHost{Name: name, Hosts: strings.Fields(hosts)}
	for _, r := range routes {
		vh.Routes = append(vh.Routes, route(r))
	}
	return vh
}

func request(method, host, path string) *predicate.Env {
	return &predicate.Env{BodySize: -1, Req: &message.Request{
		Method: []byte(method), Host: []byte(host), Path: []byte(path), Scheme: "http", Conn: &message.Conn{}}}
}

func build(t testing.TB, vhosts ...*model.VHost) *Router {
	t.Helper()
	r, err := New(vhosts, predicate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHosts(t *testing.T) {
	r := build(t,
		vhostOf("exact", "shop.example Bücher.example [::1] 192.0.2.1 under_score.example"),
		vhostOf("wild", "*.shop.example"),
		vhostOf("deep", "*.b.shop.example"),
		vhostOf("sub", "x.y.shop.example"),
		vhostOf("port", "p.example:8080 dot.example."),
		vhostOf("any", ""),
	)
	for host, want := range map[string]string{
		"shop.example": "exact", "shop.example.": "exact", "xn--bcher-kva.example": "exact", "[::1]": "exact", "192.0.2.1": "exact",
		"under_score.example": "exact", "a.shop.example": "wild", "a.c.d.shop.example": "wild", "a.b.shop.example": "deep", "b.shop.example": "wild",
		"x.y.shop.example": "sub", "z.x.y.shop.example": "wild", "p.example": "port", "dot.example": "port", "other": "any", "": "any", ".": "any",
		"example": "any", strings.Repeat("a.", 100) + "shop.example": "wild", "evilshop.example": "any",
	} {
		if _, vh := r.Match(request("GET", host, "/")); vh == nil || vh.Name != want {
			t.Errorf("host %q: %v, want %s", host, vh, want)
		}
	}
	none := build(t, vhostOf("a", "a.example"))
	if rt, vh := none.Match(request("GET", "b.example", "/")); rt != nil || vh != nil {
		t.Error("a vhost for a host that has none")
	}
	if x := none.Explain(request("GET", "b.example", "/")); x.VHost != "" || x.Route != nil || x.Routes != nil {
		t.Errorf("%+v", x)
	}
}

func TestServerNames(t *testing.T) {
	sni := vhostOf("sni", "", "r -")
	sni.SNI = []string{"t.example", "*.t.example"}
	r := build(t, sni, vhostOf("host", "h.example", "r -"), vhostOf("any", "", "r -"))
	for name, want := range map[string]string{"t.example": "sni", "T.example.": "sni", "a.t.example": "sni", "h.example": ""} {
		got := ""
		if vh := r.MatchSNI(name); vh != nil {
			got = vh.Name
		}
		if got != want {
			t.Errorf("server name %q: %q, want %q", name, got, want)
		}
	}
	e := request("GET", "other", "/")
	e.Req.Conn.TLS = &tls.ConnectionState{ServerName: "a.t.example"}
	if _, vh := r.Match(e); vh.Name != "sni" {
		t.Errorf("by server name: %s", vh.Name)
	}
	e.Req.Host = []byte("h.example")
	if _, vh := r.Match(e); vh.Name != "host" {
		t.Errorf("host wins: %s", vh.Name)
	}
	if !r.Sniffs() {
		t.Error("server names decide, and are not looked at")
	}
}

// TestAnyServerName: "*" is for connections that are decided before a request, and
// takes no request from the vhost for any host.
func TestAnyServerName(t *testing.T) {
	tunnel := vhostOf("tunnel", "", "r -")
	tunnel.SNI = []string{"*"}
	alone := build(t, tunnel, vhostOf("any", "", "r -"))
	if alone.Sniffs() {
		t.Error("a server name is looked for, and none decides")
	}
	named := vhostOf("named", "", "r -")
	named.SNI = []string{"t.example"}
	r := build(t, tunnel, named, vhostOf("any", "", "r -"))
	for name, want := range map[string]string{"": "tunnel", "other.example": "tunnel", "t.example": "named"} {
		if vh := r.MatchSNI(name); vh == nil || vh.Name != want {
			t.Errorf("server name %q: %+v, want %q", name, vh, want)
		}
	}
	e := request("GET", "other", "/")
	e.Req.Conn.TLS = &tls.ConnectionState{ServerName: "other.example"}
	if _, vh := r.Match(e); vh.Name != "any" {
		t.Errorf("a request: %s", vh.Name)
	}
	if _, err := New([]*model.VHost{tunnel, {Name: "second", SNI: []string{"*"}}}, predicate.Options{}); err == nil || !strings.Contains(err.Error(), "second") {
		t.Errorf("two for any name: %v", err)
	}
}

func TestRoutes(t *testing.T) {
	r := build(t, vhostOf("v", "",
		"exact /a",
		"post /assets/* POST",
		"logo /assets/logo.png",
		"assets /assets/*",
		"deep /assets/x/*", // never: assets takes it
		"regex ~\\.html$ GET,HEAD",
		"beta /api/* - header(\"X-Beta\") != null",
		"api /api/*",
		"tail /t/* - path_tail == \"x\"",
		"star *",
		"escaped /%41%2f/ä",
		"never /n - false",
		"always /n - true",
		"rest /r",
	))
	for _, tt := range []struct{ method, path, want, tail string }{
		{"GET", "/a", "exact", ""}, {"GET", "/a/", "", ""}, {"GET", "/", "", ""}, {"GET", "/assets", "", ""},
		{"GET", "/assets/", "assets", ""}, {"GET", "/assets/x/y", "assets", "x/y"}, {"POST", "/assets/logo.png", "post", "logo.png"},
		{"GET", "/assets/logo.png", "logo", ""}, {"GET", "/i.html", "regex", ""}, {"POST", "/i.html", "", ""}, {"HEAD", "/api/i.html", "regex", ""},
		{"GET", "/api/v1", "api", "v1"}, {"GET", "/t/x", "tail", "x"}, {"GET", "/t/y", "", ""}, {"OPTIONS", "*", "star", ""},
		{"GET", "/A%2F/%C3%A4", "escaped", ""}, {"GET", "/n", "always", ""}, {"GET", "/r", "rest", ""}, {"GET", "/" + strings.Repeat("a/", 3000), "", ""},
	} {
		e := request(tt.method, "h", tt.path)
		rt, vh := r.Match(e)
		got := ""
		if rt != nil {
			got = rt.Model.Name
		}
		if got != tt.want || string(e.PathTail) != tt.tail || vh == nil {
			t.Errorf("%s %s: route %q tail %q, want %q %q", tt.method, tt.path, got, e.PathTail, tt.want, tt.tail)
		}
		x := r.Explain(e)
		if x.Route != rt || x.VHost != "v" || string(e.PathTail) != tt.tail {
			t.Errorf("%s %s: explained as %v", tt.method, tt.path, x.Route)
		}
		if n := testing.AllocsPerRun(10, func() { r.Match(e) }); n > pooled {
			t.Errorf("%s %s: %v allocations", tt.method, tt.path, n)
		}
	}
}

func TestExplain(t *testing.T) {
	r := build(t, vhostOf("shop", "",
		"assets /assets/*", "exact /b", "regex ~^/c", "post - POST,PUT", "beta - - header(\"X-Beta\") != null", "get /x GET host == \"h\"", "all"))
	x := r.Explain(request("GET", "h", "/x"))
	type row struct{ Route, Why string }
	var got []row
	for _, tried := range x.Routes {
		got = append(got, row{tried.Route, tried.Why})
	}
	want := []row{
		{"assets", "path /x does not begin with /assets/"},
		{"exact", "path /x is not /b"},
		{"regex", "path /x does not match ~^/c"},
		{"post", "method GET not in POST,PUT"},
		{"beta", "predicate is false"},
		{"get", "path is /x, method in GET, predicate is true"},
		{"all", `not tried: route "get" comes first`},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if p := x.Routes[4].Parts; len(p) != 2 || p[0].Value != "false" || p[1].Value != "null" {
		t.Errorf("parts of beta: %+v", p)
	}
	if x.Route.Model.Name != "get" || !x.Routes[5].Matched {
		t.Errorf("matched %+v", x.Route)
	}
	for path, why := range map[string]string{"/assets/a": "path begins with /assets/", "/c": "path matches ~^/c", "/z": "matches every request"} {
		for _, tried := range r.Explain(request("GET", "h", path)).Routes {
			if tried.Matched && tried.Why != why {
				t.Errorf("%s: %q, want %q", path, tried.Why, why)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		vhosts []*model.VHost
		want   string
	}{
		{[]*model.VHost{vhostOf("a", "h"), vhostOf("b", "H")}, `host "H" belongs to vhost "a" already`},
		{[]*model.VHost{vhostOf("a", "*.h"), vhostOf("b", "*.h")}, `host "*.h" belongs to vhost "a" already`},
		{[]*model.VHost{vhostOf("a", ""), vhostOf("b", "*")}, `vhost "a" is already there for any host`},
		{[]*model.VHost{vhostOf("a", "x.*.y")}, "not a host name"},
		{[]*model.VHost{vhostOf("a", "a/b")}, "not a host name"},
		{[]*model.VHost{vhostOf("a", "", "r assets/*")}, `begins with neither "/" nor "~"`},
		{[]*model.VHost{vhostOf("a", "", "r ~(")}, "missing closing )"},
		{[]*model.VHost{vhostOf("a", "", "r /../x")}, `read path "/../x"`},
		{[]*model.VHost{vhostOf("a", "", "r /x - path")}, "neither true nor false"},
	} {
		r, err := New(tt.vhosts, predicate.Options{})
		if err == nil || r != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
	_, err := New([]*model.VHost{vhostOf("a", "", "r ~(", "q ~[")}, predicate.Options{})
	if err == nil || !strings.Contains(err.Error(), `"r"`) || !strings.Contains(err.Error(), `"q"`) {
		t.Errorf("not all errors: %v", err)
	}
}

func TestReuse(t *testing.T) {
	o := predicate.Options{FS: fstest.MapFS{"l": {Data: []byte("h\n")}}}
	mk := func(path string) []*model.VHost {
		return []*model.VHost{
			vhostOf("a", "a", "r "+path, "s - GET"),
			vhostOf("b", "b", "r /x - host == \"b\""),
			vhostOf("f", "h", "r - - one_of(host, file_set(\"/l\"))"),
		}
	}
	old, err := New(mk("/1"), o)
	if err != nil {
		t.Fatal(err)
	}
	o.FS = fstest.MapFS{"l": {Data: []byte("other\n")}}
	next, err := NewFrom(old, append([]*model.VHost{vhostOf("new", "n", "r -")}, mk("/2")...), o)
	if err != nil {
		t.Fatal(err)
	}
	if old.vhosts[1].index != next.vhosts[2].index || old.routes[2].matcher != next.routes[3].matcher {
		t.Error("an equal vhost was compiled again")
	}
	if old.vhosts[0].index == next.vhosts[1].index {
		t.Error("a changed vhost was taken over")
	}
	for i, rt := range next.Routes() {
		if rt.ID != i {
			t.Errorf("route %d has ID %d", i, rt.ID)
		}
	}
	if old.routes[2].ID != 2 || next.VHosts() != 4 {
		t.Error("the old router was changed")
	}
	if rt, _ := old.Match(request("GET", "h", "/")); rt == nil {
		t.Error("old list")
	}
	if rt, _ := next.Match(request("GET", "h", "/")); rt != nil {
		t.Error("the list that changed was taken over")
	}
}

func TestSplit(t *testing.T) {
	rt := &Route{Model: &model.Route{Backend: "only"}}
	if rt.Backend(nil, 1<<31) != "only" {
		t.Error("plain backend")
	}
	rt.Model = &model.Route{Split: []model.Share{{Backend: "a", Fraction: 0.7}, {Backend: "b", Fraction: 0.3}, {Backend: "c", Fraction: 0}}}
	got := map[string]int{}
	const n = 100000
	for i := range uint64(n) {
		got[rt.Backend(nil, uint32(i*(1<<32)/n))]++
	}
	got[rt.Backend(nil, 1<<32-1)]++
	if got["c"] != 0 || got["a"] < 69900 || got["a"] > 70100 {
		t.Errorf("%v", got)
	}
}

// TestIndexEqualsFirstMatch compares the indexed match with trying every route
// in order, on random tables whose paths collide on purpose.
func TestIndexEqualsFirstMatch(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "b", "c", "ab", ""})
	path := rapid.Custom(func(t *rapid.T) string {
		return "/" + strings.Join(rapid.SliceOfN(segment, 0, 4).Draw(t, "segments"), "/")
	})
	pattern := rapid.Custom(func(t *rapid.T) string {
		p := path.Draw(t, "path")
		switch rapid.IntRange(0, 5).Draw(t, "form") {
		case 0, 1:
			return p
		case 2, 3:
			return strings.TrimSuffix(p, "/") + "/*"
		case 4:
			return rapid.SampledFrom([]string{"~b$", "~^/a", "~a/b", "~."}).Draw(t, "regex")
		}
		return "-"
	})
	rapid.Check(t, func(t *rapid.T) {
		vh := &model.VHost{Name: "v"}
		for i := range rapid.IntRange(0, 25).Draw(t, "routes") {
			methods := rapid.SampledFrom([]string{"-", "-", "GET", "POST,PUT"}).Draw(t, "methods")
			when := rapid.SampledFrom([]string{"-", "-", "-", `suffix(path, "b")`, `path_tail == "a"`, "true", "false"}).Draw(t, "when")
			vh.Routes = append(vh.Routes, route(fmt.Sprintf("r%d %s %s %s", i, pattern.Draw(t, "pattern"), methods, when)))
		}
		r, err := New([]*model.VHost{vh}, predicate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		shadowed := map[string]bool{}
		model.Shadowed(vh.Routes, func(r, _ *model.Route) { shadowed[r.Name] = true })
		for range 10 {
			p := path.Draw(t, "request")
			if rapid.IntRange(0, 20).Draw(t, "star") == 0 {
				p = "*"
			}
			e := request(rapid.SampledFrom([]string{"GET", "POST", "DELETE"}).Draw(t, "method"), "h", p)
			want := r.Explain(e).Route
			tail := string(e.PathTail)
			got, _ := r.Match(e)
			if got != want || string(e.PathTail) != tail {
				t.Fatalf("%s %s: indexed %v, one by one %v", e.Req.Method, p, got, want)
			}
			if got != nil && shadowed[got.Model.Name] {
				t.Fatalf("%s %s: route %s was called unreachable", e.Req.Method, p, got.Model.Name)
			}
		}
	})
}
