package predicate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var start = hcl.Pos{Line: 1, Column: 1}

func expr(t testing.TB, text string) model.Expr {
	t.Helper()
	x, diags := hclsyntax.ParseExpression([]byte(text), "etc/fp/test.hcl", start)
	if diags.HasErrors() {
		t.Fatalf("parse %s: %v", text, diags)
	}
	return model.Expr{Text: text, Node: x, At: x.Range()}
}

// request is what all tests see.
func request() *message.Request {
	req := &message.Request{
		Method: []byte("GET"), Scheme: "https", Host: []byte("shop.example"), Path: []byte("/assets/Logo.png"),
		Query: []byte("a=1&b=x%20y+z&%63=3&empty&d=%zz"), HasQuery: true,
		ClientIP: netip.MustParseAddr("10.1.2.3"),
		Conn: &message.Conn{
			Client: netip.MustParseAddrPort("192.0.2.1:4711"), Mark: 7,
			TLS: &tls.ConnectionState{
				Version: tls.VersionTLS13, ServerName: "shop.example", NegotiatedProtocol: "http/1.1",
				PeerCertificates: []*x509.Certificate{{
					Subject: pkix.Name{CommonName: "alice"}, Issuer: pkix.Name{CommonName: "our ca"}, DNSNames: []string{"a.example"},
				}},
			},
		},
	}
	req.Add("User-Agent", "curl/8")
	req.Add("X-Beta", "Yes")
	req.Add("X-Number", "42.5")
	req.Add("X-Ip", "10.9.9.9")
	req.Add("Cookie", "beta=1; other=two")
	return req
}

func environment() *Env {
	return &Env{Req: request(), Resp: &message.Response{Status: 404}, Server: "a", Tenant: "shop", BodySize: 100,
		PathTail: []byte("Logo.png"), Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		VHost: "v", Route: "r", Backend: "b", Duration: 1500 * time.Millisecond}
}

func options() Options {
	return Options{Log: true,
		FS: fstest.MapFS{
			"etc/fp/hosts.txt": {Data: []byte("# ours\nshop.example\n\n other.example \n")},
			"etc/fp/nets.txt":  {Data: []byte("10.0.0.0/8\n2001:db8::1\n")},
			"etc/fp/nums.txt":  {Data: []byte("80\n443\n")},
			"etc/fp/bad.txt":   {Data: []byte("what\n")},
		},
		Locals: &hcl.EvalContext{
			Variables: map[string]cty.Value{"local": cty.ObjectVal(map[string]cty.Value{
				"host": cty.StringVal("shop.example"), "list": cty.TupleVal([]cty.Value{cty.StringVal("GET"), cty.StringVal("HEAD")}),
				"num": cty.NumberIntVal(5), "obj": cty.EmptyObjectVal,
			})},
			Functions: map[string]function.Function{"env": function.New(&function.Spec{
				Params: []function.Parameter{{Type: cty.String}}, Type: function.StaticReturnType(cty.String),
				Impl: func(a []cty.Value, _ cty.Type) (cty.Value, error) {
					return cty.StringVal("env:" + a[0].AsString()), nil
				},
			})},
		}}
}

func TestTruths(t *testing.T) {
	truths := []string{
		`true`, `!false`, `method == "GET"`, `scheme == "https"`, `host == local.host`, `port == 443`,
		`path == "/assets/Logo.png"`, `path_tail == "Logo.png"`, `"GET" == method`, `method != "POST"`, `null == null`,
		`header("X-Beta") == "Yes"`, `header("x-beta") != null`, `header("X-None") == null`, `null == header("X-None")`,
		`header("X-None") != "a"`, `header("user-agent") == "curl/8"`, `cookie("beta") == "1"`, `cookie("none") == null`,
		`query("a") == "1"`, `query("b") == "x y z"`, `query("c") == "3"`, `query("empty") == ""`, `query("d") == "%zz"`, `query("e") == null`,
		`query_string != null`, `client.ip == "10.1.2.3"`, `client.ip == client.ip`, `client.ip != "10.1.2.4"`, `client.ip == "::ffff:10.1.2.3"`,
		`client.port == 4711`, `tls.sni == host`, `tls.version >= "1.3"`, `tls.alpn == "http/1.1"`, `tls.client.cn == "alice"`,
		`tls.client.issuer == "our ca"`, `tls.client.san == "a.example"`, `!tls.client.verified`, `tls.ja4 == null`, `mark == 7`, `body_size <= 100`,
		`server.name == "a"`, `tenant.name == "shop"`, `status == 404`, `status >= 400 && status < 500`, `duration > 1`, `route == "r"`, `vhost == "v"`, `backend == "b"`,
		`time > "2026-01-01"`, `time < "2026-03-01T12:00:01Z"`, `time == "2026-03-01T12:00:00"`, `"${time}" == "2026-03-01T12:00:00Z"`, `time != null`,
		`prefix(path, "/assets/")`, `prefix(path, "/x", "/a")`, `suffix(lower(path), ".png")`, `contains(path, "Logo")`, `!prefix(header("X-None"), "a")`,
		`match(path, "^/assets/.*\\.png$")`, `!match(header("X-None"), ".*")`, `one_of(method, ["GET", "HEAD"])`, `one_of(method, local.list)`,
		`!one_of(header("X-None"), ["a"])`, `one_of(host, file_set("hosts.txt"))`, `one_of("other.example", file_set("/etc/fp/hosts.txt"))`,
		`one_of(port, [80, 443])`, `one_of(port, file_set("nums.txt"))`, `one_of(client.ip, ["10.1.2.3"])`, `one_of("k", ["a","b","c","d","e","f","g","h","i","k"])`,
		`one_of(host, [tls.sni, "x"])`, `cidr(client.ip, "10.0.0.0/8")`, `cidr(client.ip, ["192.0.2.0/24", "10.1.2.3"])`, `!cidr(client.ip, "192.0.2.0/24")`,
		`cidr(client.ip, file_set("nets.txt"))`, `cidr(header("X-Ip"), "10.0.0.0/8")`, `!cidr(header("X-Beta"), "0.0.0.0/0")`, `!cidr(header("X-None"), "0.0.0.0/0")`,
		`fraction("100%", path)`, `!fraction("0%", path)`, `!fraction("100%", header("X-None"))`, `fraction(1, "a")`,
		`hash(path) == hash("/assets/Logo.png")`, `hash(path) % 10 < 10`, `hash(header("X-None")) == null`,
		`number(header("X-Number")) == 42.5`, `number(header("X-Number")) + 0.5 == 43`, `number(header("X-Beta")) == null`, `number("-1.5") < 0`, `number(5) == 5`,
		`upper("aß") == "Aß"`, `lower(header("X-None")) == null`, `"${path}x" == "/assets/Logo.pngx"`, `"a${header("X-None")}" == null`,
		`"${client.ip}:${client.port}" == "10.1.2.3:4711"`, `"${lower(path)}${upper(path)}${lower("X")}" == "/assets/logo.png/ASSETS/LOGO.PNGx"`,
		`"${1 + 2}." == "3."`, `1 + 2 * 3 == 7`, `7 / 2 == 3.5`, `7 % 4 == 3`, `-port == -443`, `port / 0 == null`, `!(port / 0 < 1)`, `!(port / 0 >= 1)`,
		`(method == "GET" ? host : path) == "shop.example"`, `(method == "PUT" ? 1 : 2) == 2`, `method == "GET" ? true : false`,
		`(method == "GET" ? header("X-None") : "a") == null`, `(method == "GET" ? null : port) == null`, `(method == "PUT" ? client.ip : "x") == "x"`,
		`path < "/b"`, `!(header("X-None") < "a")`, `!(header("X-None") >= "a")`, `env("A") == "env:A"`, `local.num + 1 == 6`, `(true && method == "GET") == true`,
		`false || method == "GET"`, `!(false && method == "GET")`, `true || method == "x"`, `"%{ if method == "GET" }yes%{ else }no%{ endif }" == "yes"`,
		`"$${x}" == "$${x}"`, `prefix(client.ip, "10.")`, `client.ip == header("X-None") || true`,
	}
	for _, text := range truths {
		p, diags := CompileBool(expr(t, text), options())
		if diags.HasErrors() {
			t.Errorf("%s: %v", text, diags)
			continue
		}
		if !p.Eval(environment()) {
			t.Errorf("%s: false", text)
		}
		// Nothing at all is known: no panic, for any of them.
		p.Eval(&Env{BodySize: -1})
		p.Explain(&Env{BodySize: -1})
		e := environment()
		p.Eval(e)
		if n := testing.AllocsPerRun(20, func() { p.Eval(e) }); n > pooled {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

func TestValues(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`"/v2${path}"`, "/v2/assets/Logo.png"}, {`host`, "shop.example"}, {`client.ip`, "10.1.2.3"}, {`port`, "443"}, {`1.5`, "1.5"}, {`status == 404`, "true"},
		{`header("X-None")`, "<null>"}, {`null`, "<null>"}, {`"a${header("X-None")}b"`, "<null>"}, {`""`, ""}, {`time`, "2026-03-01T12:00:00Z"},
		{`"${lower(path)}?q=${query("b")}"`, "/assets/logo.png?q=x y z"}, {`header("X-None") == null ? "d" : header("X-None")`, "d"}, {`100000000`, "100000000"},
	} {
		v, diags := CompileString(expr(t, tt.text), options())
		if diags.HasErrors() {
			t.Errorf("%s: %v", tt.text, diags)
			continue
		}
		e := environment()
		out, ok := v.Append([]byte("."), e)
		got := strings.TrimPrefix(string(out), ".")
		if !ok {
			got = "<null>"
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
		}
		buf := make([]byte, 0, 256)
		if n := testing.AllocsPerRun(20, func() { v.Append(buf, e) }); n > pooled {
			t.Errorf("%s: %v allocations", tt.text, n)
		}
	}
}

func TestConstAndHead(t *testing.T) {
	for _, tt := range []struct{ text, konst, head string }{
		{`"a${1}"`, "a1", "a1"}, {`"/x/${path}"`, "", "/x/"}, {`path`, "", ""}, {`lower("ABC")`, "abc", "abc"},
	} {
		v, _ := CompileString(expr(t, tt.text), options())
		if k, _ := v.Const(); k != tt.konst || v.Head() != tt.head {
			t.Errorf("%s: const %q head %q", tt.text, k, v.Head())
		}
	}
	for text, want := range map[string]string{`1 == 1`: "true true", `path == "a" && false`: "false true", `path == "a"`: "false false"} {
		p, _ := CompileBool(expr(t, text), options())
		truth, ok := p.Const()
		if got := boolWord(truth) + " " + boolWord(ok); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	var p *Predicate
	var v *Value
	var n *Number
	e := environment()
	if _, ok := v.Append(nil, e); ok || !p.Eval(e) || p.Explain(e) != nil || v.Explain(e) != nil || n.Explain(e) != nil || v.Head() != "" {
		t.Error("what was not written is not harmless")
	}
	if _, ok := n.Eval(e); ok {
		t.Error("nil number")
	}
	if p, diags := CompileBool(model.Expr{}, options()); p != nil || diags != nil {
		t.Error("absent expression")
	}
}

func boolWord(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		text string
		want float64
		ok   bool
	}{
		{`header("X-Number")`, 42.5, true}, {`header("X-Beta")`, 0, false}, {`port + 1`, 444, true}, {`null`, 0, false}, {`3`, 3, true},
	} {
		n, diags := CompileNumber(expr(t, tt.text), options())
		if diags.HasErrors() {
			t.Fatalf("%s: %v", tt.text, diags)
		}
		if got, ok := n.Eval(environment()); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v %v", tt.text, got, ok)
		}
	}
	for text, want := range map[string]string{"1": "1", "-2.25": "-2.25", "007": "7", "": "", "-": "", "1.": "", ".5": "", "1e5": "", "1.2.3": "", "0x1": "", " 1": ""} {
		v, ok := parseNumber(text)
		got := ""
		if ok {
			got = string(appendNumber(nil, v))
		}
		if got != want {
			t.Errorf("parseNumber(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct{ text, summary, suggestion string }{
		{`path > 3`, "a text does not compare with a number", "number(path) > 3"},
		{`path == 3`, "a text does not compare with a number", "number(path) == 3"},
		{`pth == "/x"`, `unknown value "pth"`, "path"},
		{`client.ipp == "x"`, `unknown value "client.ipp"`, "client.ip"},
		{`header.Foo == "x"`, `unknown value "header.Foo"`, `header("Foo")`},
		{`method == GOT`, `unknown value "GOT"`, `the text "GOT"`},
		{`prefx(path, "/x")`, `unknown function "prefx"`, "prefix"},
		{`path`, "a text is neither true nor false", "path != null"},
		{`"path == 1"`, "a text is neither true nor false", "path == 1"},
		{`"path=/x/*"`, "a text is neither true nor false", ""},
		{`path && true`, "a text is neither true nor false", "path != null"},
		{`!port`, "a number is neither true nor false", "port != null"},
		{`null`, "null is neither true nor false", ""},
		{`path + "x" == "y"`, "texts are not added", `"${path}${"x"}"`},
		{`path * 2 == 4`, "a text is not a number", "number(path)"},
		{`client.ip == "10.0.0.0/8"`, "not an address", `cidr(client.ip, "10.0.0.0/8")`},
		{`client.ip == "x"`, "not an address", ""},
		{`match(path, "(")`, "bad regular expression", ""},
		{`match(path, host)`, "this must be a text in quotes", ""},
		{`header(host) == "x"`, "this must be a text in quotes", ""},
		{`header("a b") == "x"`, "not a field name", ""},
		{`cidr(client.ip, "10.0.0.0/33")`, "not a network", ""},
		{`cidr(port, "10.0.0.0/8")`, "a number is not an address", "client.ip"},
		{`cidr(client.ip, file_set("bad.txt"))`, "not a network", ""},
		{`one_of(host, file_set("none.txt"))`, "cannot read the list", ""},
		{`one_of(host, "a")`, "a text is not a list", ""},
		{`one_of(port, ["a"])`, "a text in a list of numbers", ""},
		{`one_of(port, file_set("hosts.txt"))`, "not a number", ""},
		{`one_of(true, ["a"])`, "a truth is not looked up in a list", ""},
		{`fraction("110%", host)`, "not a share", ""},
		{`fraction(host, host)`, "not a share", ""},
		{`prefix(path)`, "wrong arguments of prefix", ""},
		{`lower(port) == "x"`, "a number is not a text", ""},
		{`host == [1]`, "a list does not compare", ""},
		{`tls.client.verified == null`, "a truth does not compare with null", ""},
		{`time > "yesterday"`, "a time does not compare with a text", ""},
		{`(host == "a" ? 1 : "a") == 1`, "the arms of ?: differ in kind", ""},
		{`[for x in [1] : x] == 1`, "this form of expression is not known here", ""},
		{`local.obj == 1`, "this value has no use here", ""},
		{`local.nope == 1`, "Unsupported attribute", ""},
		{`header == "x"`, "header is a function", ""},
		{`"a${[1]}" == "x"`, "a list is not a text", ""},
		{`hash([1]) == 1`, "a list has no hash", ""},
	} {
		_, diags := CompileBool(expr(t, tt.text), options())
		if !diags.HasErrors() {
			t.Errorf("%s: no error", tt.text)
			continue
		}
		d := diags[0]
		hint, _ := d.Extra.(Hint)
		if d.Summary != tt.summary || hint.Suggestion != tt.suggestion || d.Subject == nil || d.Detail == "" {
			t.Errorf("%s: %q, suggestion %q (%s)", tt.text, d.Summary, hint.Suggestion, d.Detail)
		}
	}
	// Both sides' errors are reported, each at its place.
	_, diags := CompileBool(expr(t, `pth == 1 && hst == 2`), Options{})
	if len(diags) != 2 || diags[1].Subject.Start.Column != 13 {
		t.Errorf("not both: %v", diags)
	}
}

func TestWhere(t *testing.T) {
	for _, tt := range []struct {
		text string
		o    Options
		ok   bool
	}{
		{`status == 1`, Options{}, false}, {`status == 1`, Options{Response: true}, true}, {`duration > 1`, Options{Response: true}, false},
		{`duration > 1`, Options{Log: true}, true}, {`one_of(host, file_set("a"))`, Options{}, false}, {`host == local.x`, Options{}, false},
	} {
		if _, diags := CompileBool(expr(t, tt.text), tt.o); diags.HasErrors() == tt.ok {
			t.Errorf("%s: %v", tt.text, diags)
		}
	}
	ja4, _ := CompileBool(expr(t, `tls.ja4 == "t13"`), Options{})
	if !ja4.Eval(&Env{Req: &message.Request{Conn: &message.Conn{JA4: "t13"}}}) || ja4.Eval(&Env{Req: &message.Request{}}) {
		t.Error("the fingerprint is not compared")
	}
	p, _ := CompileBool(expr(t, `one_of(host, file_set("hosts.txt"))`), options())
	q, _ := CompileBool(expr(t, `host == "a"`), options())
	if !p.ReadsFiles() || q.ReadsFiles() {
		t.Error("ReadsFiles")
	}
}

func TestExplain(t *testing.T) {
	text := `cookie("beta") == "1" && (cidr(client.ip, "10.0.0.0/8") || header("X-None") != null)`
	p, _ := CompileBool(expr(t, text), options())
	type row struct {
		Depth       int
		Text, Value string
		From, To    int
	}
	var got []row
	for _, part := range p.Explain(environment()) {
		got = append(got, row{part.Depth, part.Text, part.Value, part.Range.Start.Column, part.Range.End.Column})
	}
	want := []row{
		{0, text, "true", 1, 85},
		{1, `cookie("beta") == "1"`, "true", 1, 22},
		{2, `cookie("beta")`, `"1"`, 1, 15},
		{1, `cidr(client.ip, "10.0.0.0/8") || header("X-None") != null`, "true", 27, 84},
		{2, `cidr(client.ip, "10.0.0.0/8")`, "true", 27, 56},
		{3, `client.ip`, "10.1.2.3", 32, 41},
		{2, `header("X-None") != null`, "false", 60, 84},
		{3, `header("X-None")`, "null", 60, 76},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRender(t *testing.T) {
	for _, text := range []string{
		`host == "a" ? 1 : -2`, `one_of(host, ["a", tls.sni])`, `!(a && b) || c.d[0] != null`, `"x${path}\n$${y}"`, `1.5 + 2 * 3 / 4 - 1 % 2 >= 1`, `true`,
	} {
		if got := render(expr(t, text).Node.(hclsyntax.Expression)); got != text {
			t.Errorf("%s: rendered %s", text, got)
		}
	}
}

func TestJSON(t *testing.T) {
	body := `{"when": "${path == \"/assets/Logo.png\"}", "list": ["${method}", "a"], "text": "/v2${path}", "no": "path", "flag": true, "num": 3, "bad": "${pth == 1}", "broken": "${"}`
	f, diags := json.Parse([]byte(body), "x.json")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	attrs, _ := f.Body.JustAttributes()
	at := func(name string) model.Expr { return model.Expr{Text: name, Node: attrs[name].Expr} }
	e := environment()
	if p, d := CompileBool(at("when"), options()); d.HasErrors() || !p.Eval(e) {
		t.Errorf("when: %v", d)
	}
	if p, d := CompileBool(at("flag"), options()); d.HasErrors() || !p.Eval(e) {
		t.Errorf("flag: %v", d)
	}
	for name, want := range map[string]string{"text": "/v2/assets/Logo.png", "no": "path", "num": "3"} {
		v, d := CompileString(at(name), options())
		if out, _ := v.Append(nil, e); d.HasErrors() || string(out) != want {
			t.Errorf("%s: %q %v", name, out, d)
		}
	}
	for _, name := range []string{"no", "bad", "list", "broken"} {
		if _, d := CompileBool(at(name), options()); !d.HasErrors() || d[0].Subject == nil || d[0].Subject.Filename != "x.json" {
			t.Errorf("%s: %v", name, d)
		}
	}
}

func TestQuotedExpressionInJSON(t *testing.T) {
	x, diags := hclsyntax.ParseExpression([]byte(`"path == 1"`), "site.json", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, d := CompileBool(model.Expr{Text: `"path == 1"`, Node: x}, options())
	if h, _ := d[0].Extra.(Hint); h.Suggestion != `"${…}" (in JSON an expression is written so)` {
		t.Errorf("suggestion %q", h.Suggestion)
	}
}

func TestFractionIsStableAndFair(t *testing.T) {
	small, _ := CompileBool(expr(t, `fraction("10%", query("u"))`), options())
	large, _ := CompileBool(expr(t, `fraction("30%", query("u"))`), options())
	e, in := environment(), 0
	const n = 20000
	for i := range n {
		e.Req.Query = appendNumber([]byte("u="), float64(i))
		a, b := small.Eval(e), large.Eval(e)
		if a != small.Eval(e) || a && !b {
			t.Fatalf("key %d: %v then within the larger share %v", i, a, b)
		}
		if a {
			in++
		}
	}
	if share := float64(in) / n; share < 0.09 || share > 0.11 {
		t.Errorf("10%% came to %.3f", share)
	}
}

func TestReference(t *testing.T) {
	var b bytes.Buffer
	if err := Reference(&b); err != nil {
		t.Fatal(err)
	}
	for _, n := range Names() {
		if !strings.Contains(b.String(), "`"+n.Name+"`") || n.Doc == "" {
			t.Errorf("%s is missing", n.Name)
		}
	}
	for _, f := range Functions() {
		if !strings.Contains(b.String(), f.Form) || !strings.HasPrefix(f.Form, f.Name+"(") {
			t.Errorf("%s is missing", f.Name)
		}
	}
}

func FuzzPredicate(f *testing.F) {
	for _, s := range []string{`path == "/x"`, `prefix(path, "a") && !cidr(client.ip, "10.0.0.0/8")`, `"${lower(path)}x" == query("a")`, `hash(host) % 3 == 1 ? true : false`,
		`one_of(header("X"), ["a", host])`, `time > "2026-01-01"`, `number(header("A")) / 0 < -1`, `[1,[2]] == null`, `"%{for a in b}x%{endfor}"`, `fraction("5%", mark)`} {
		f.Add(s, "/path", "a=b&%61=c", "1.2.3.4")
	}
	f.Fuzz(func(t *testing.T, text, path, query, value string) {
		x, diags := hclsyntax.ParseExpression([]byte(text), "f", start)
		if diags.HasErrors() {
			return
		}
		e := environment()
		e.Req.Path, e.Req.Query = []byte(path), []byte(query)
		e.Req.Add("X", value)
		m := model.Expr{Text: text, Node: x}
		if p, diags := CompileBool(m, options()); !diags.HasErrors() {
			first := p.Eval(e)
			if first != p.Eval(e) {
				t.Fatal("the same request twice, two truths")
			}
			if parts := p.Explain(e); parts[0].Value != boolWord(first) {
				t.Fatalf("explained as %s, is %v", parts[0].Value, first)
			}
			p.Eval(&Env{BodySize: -1})
		}
		if v, diags := CompileString(m, options()); !diags.HasErrors() {
			v.Append(nil, e)
			v.Append(nil, &Env{BodySize: -1})
		}
		CompileNumber(m, options())
	})
}

func BenchmarkEval(b *testing.B) {
	p, _ := CompileBool(expr(b, `cookie("beta") == "1" || cidr(client.ip, "10.0.0.0/8") || header("X-Beta") != null`), options())
	e := environment()
	e.Req.Header.Remove("Cookie")
	b.ReportAllocs()
	for b.Loop() {
		p.Eval(e)
	}
}
