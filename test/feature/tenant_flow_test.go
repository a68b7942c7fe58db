package feature

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fishplate/test/harness"
)

// echoing answers with the request line and the fields that a program may have
// set, one on a line.
func echoing(name string) func(net.Conn) {
	return harness.Each(func(c net.Conn, r *http.Request) bool {
		io.Copy(io.Discard, r.Body)
		body := fmt.Sprintf("%s %s %s\n", name, r.Method, r.RequestURI)
		for _, n := range []string{"X-Recv", "X-Hit", "X-Miss", "X-Fetch", "X-Resumed", "X-Evil", "X-Arg", "X-Ways"} {
			for _, v := range r.Header[n] {
				body += n + ": " + v + "\n"
			}
		}
		status := "200 OK"
		if strings.HasPrefix(r.URL.Path, "/broken") {
			status = "500 Broken"
		}
		_, err := fmt.Fprintf(c, "HTTP/1.1 %s\r\nSet-Cookie: a=b\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
		return err == nil
	})
}

// serveFlow starts the switch with test/guests/flow.c before two origins and
// one that is not there, and returns its address.
func serveFlow(t *testing.T, attributes, routes string) (*harness.Server, string) {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	addr := harness.FreeAddr(t)
	app, one, two := harness.NewOrigin(t, echoing("app")), harness.NewOrigin(t, echoing("one")), harness.NewOrigin(t, echoing("two"))
	s := harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
backend "beta" {
  server "one" { address = %q }
  server "two" { address = %q }
}
backend "secret" { servers = ["127.0.0.1:1"] }
backend "down" {
  servers = [%q]
  retry { attempts = 0 }
}
tenant "flow" {
  program = %q
  backends = ["app", "beta"]
  instructions = 2000000
  %s
  cache {}
}
vhost "flow" {
  hosts = ["flow.test"]
  tenant = "flow"
  route "down" {
    path = "/down/*"
    backend = "down"
  }
  %s
  route "all" {
    backend = "app"
    tenant_argument = "blue"
  }
}
`, addr, app.Addr, one.Addr, two.Addr, harness.FreeAddr(t), root+"/test/guests/flow.elf", attributes, routes))
	return s, addr
}

// seen lists the fields that the program left in an answer, "Name: value".
func seen(resp *http.Response, names ...string) string {
	var list []string
	for _, n := range names {
		for _, v := range resp.Header[n] {
			list = append(list, n+": "+v)
		}
	}
	return strings.Join(list, "; ")
}

func TestCallbacksOfAnOrigin(t *testing.T) {
	_, addr := serveFlow(t, "", "")
	get := func(path string, fields ...string) (*http.Response, string) {
		return do(t, "GET", addr, "flow.test", path, "", fields...)
	}
	resp, body := get("/hit/a")
	if want := "app GET /hit/a\nX-Recv: seen blue\nX-Miss: seen blue\nX-Fetch: seen blue\n"; body != want {
		t.Errorf("the origin saw %q, want %q", body, want)
	}
	if got := seen(resp, "X-Response", "X-Deliver", "X-Recv", "X-Miss", "X-Fetch", "X-Hit", "Set-Cookie"); got != "X-Response: seen; X-Deliver: seen blue; X-Recv: seen blue; X-Miss: seen blue" {
		t.Errorf("a miss: %s", got)
	}
	resp, again := get("/hit/a")
	if again != body {
		t.Errorf("not stored: %q", again)
	}
	if got := seen(resp, "X-Response", "X-Hit", "X-Miss", "X-Fetch"); got != "X-Response: seen; X-Hit: seen blue" {
		t.Errorf("a hit: %s", got)
	}
	if _, passed := get("/hit/a", "X-Hit-Pass: 1"); !strings.Contains(passed, "X-Hit: seen blue\nX-Fetch: seen blue") {
		t.Errorf("on_hit passes: %q", passed)
	}
	if resp, instead := get("/hit/a", "X-Hit-Synth: 1"); resp.StatusCode != 203 || instead != "instead" {
		t.Errorf("on_hit answers: %d %q", resp.StatusCode, instead)
	}
	if _, again = get("/hit/a"); again != body {
		t.Errorf("the object is gone: %q", again)
	}
	resp, anew := get("/hit/a", "X-Hit-Miss: 1")
	if want := "X-Response: seen; X-Hit: seen blue; X-Miss: seen blue"; seen(resp, "X-Response", "X-Hit", "X-Miss") != want || !strings.Contains(anew, "X-Hit: seen blue\nX-Miss: seen blue\nX-Fetch: seen blue") {
		t.Errorf("on_hit fetches anew: %q %v", anew, resp.Header)
	}
	if resp, again = get("/hit/a"); again != anew || resp.Header.Get("X-Miss") != "" {
		t.Errorf("the object was not replaced: %q", again)
	}
	for _, c := range []struct{ path, want string }{
		{"/rewrite", "app GET /rewritten?by=guest\n"},
		{"/method", "app DELETE /method\n"},
		{"/late", "one GET /late\n"},
		{"/beta", "one GET /beta\n"},
		{"/miss/forge", "made"},
		{"/forge", "made"},
	} {
		if _, body := get(c.path); !strings.HasPrefix(strings.Replace(body, "two GET", "one GET", 1), c.want) || strings.Contains(body, "wrong") || strings.Contains(body, "Evil") {
			t.Errorf("%s: %q", c.path, body)
		}
	}
	for _, c := range []struct {
		path   string
		status int
	}{{"/teapot", 418}, {"/bodyless", 200}, {"/deliver/empty", 200}, {"/miss/synth", 404}, {"/broken", 500}} {
		resp, body := get(c.path)
		if got := seen(resp, "X-Response", "X-Deliver"); resp.StatusCode != c.status || strings.Contains(got, "wrong") || body == "" && c.status != 404 {
			t.Errorf("%s: %d %q, %s", c.path, resp.StatusCode, body, got)
		}
	}
	if resp, _ := get("/method"); resp.Status != "200 As Asked" {
		t.Errorf("a reason of on_deliver: %s", resp.Status)
	}
	// Where a forge begins is the host's matter: no client says so.
	resp, body = get("/plain", "X-Backend-Func: 1179648", "X-Backend-Arg: 1", "X-Debug: 1")
	if !strings.HasPrefix(body, "app GET /plain\n") || resp.StatusCode != 200 {
		t.Errorf("a client's X-Backend-Func: %d %q", resp.StatusCode, body)
	}
	// The forge sees what on_backend_fetch wrote, and the client's request does not keep it.
	resp, _ = get("/forge")
	if got := seen(resp, "X-Made", "X-Response", "X-Fetch", "X-Recv"); got != "X-Made: seen blue; X-Response: seen; X-Recv: seen blue" {
		t.Errorf("a forge: %s", got)
	}
}

func TestTermsOfOnBackendResponse(t *testing.T) {
	_, addr := serveFlow(t, "", "")
	for _, c := range []struct{ path, want string }{{"/keep/1", "hit"}, {"/miss/pass", "fwd="}, {"/never", "fwd="}, {"/miss/forge", "fwd="}} {
		do(t, "GET", addr, "flow.test", c.path, "")
		resp, _ := do(t, "GET", addr, "flow.test", c.path, "")
		if hit := resp.Header.Get("X-Hit") != ""; hit != (c.want == "hit") {
			t.Errorf("%s: %v", c.path, resp.Header)
		}
	}
	strike := func() string {
		resp, _ := do(t, "GET", addr, "flow.test", "/strike", "")
		return strings.Join(resp.Header["X-Struck"], " ")
	}
	for _, p := range []string{"/keep/1", "/keep/2", "/keep/3"} {
		do(t, "GET", addr, "flow.test", p, "")
	}
	if got := strike(); got != "1 1 0 -1" {
		t.Errorf("purge, purge of a tag, ban, bad ban: %s", got)
	}
	for _, p := range []string{"/keep/2", "/keep/3"} {
		if resp, _ := do(t, "GET", addr, "flow.test", p, ""); resp.Header.Get("X-Hit") != "" {
			t.Errorf("%s is still there", p)
		}
	}
}

func TestErrorsGoThroughTheProgram(t *testing.T) {
	_, addr := serveFlow(t, "", "")
	for _, c := range []struct {
		path, want, kind string
		status           int
		fields           string
	}{
		{"/down/synth", "<h1>sorry</h1>", "text/html", 504, "X-Error: seen; X-Deliver: seen"},
		{"/down/edit", "502 Bad Gateway\nconnect-refused\n", "text/plain; charset=utf-8", 502, "X-Error: seen; X-Deliver: seen"},
		{"/down/as-is", "<h1>ours</h1>", "text/html", 502, "X-Synth: seen"},
		{"/abandon", "<h1>sorry</h1>", "text/html", 504, "X-Error: seen; X-Deliver: seen blue"},
		{"/forge/fall", "<h1>sorry</h1>", "text/html", 504, "X-Error: seen; X-Deliver: seen blue"},
		{"/resp-fall", "<h1>sorry</h1>", "text/html", 504, "X-Error: seen; X-Deliver: seen blue"},
	} {
		for range 2 {
			resp, body := do(t, "GET", addr, "flow.test", c.path, "")
			if resp.StatusCode != c.status || body != c.want || resp.Header.Get("Content-Type") != c.kind {
				t.Errorf("%s: %d %q %s", c.path, resp.StatusCode, body, resp.Header.Get("Content-Type"))
			}
			if got := seen(resp, "X-Error", "X-Synth", "X-Deliver"); got != c.fields {
				t.Errorf("%s: %s", c.path, got)
			}
		}
	}
}

func TestEveryDecision(t *testing.T) {
	_, addr := serveFlow(t, "", "")
	for _, c := range []struct {
		word, want string
		status     int
	}{
		{"lookup", "app GET", 200}, {"hash", "app GET", 200}, {"pass", "app GET", 200}, {"pipe", "app GET", 200}, {"unheard-of", "app GET", 200},
		{"synth", "", 418}, {"fail", "", 503}, {"compute", "compute is not available here\n", 503}, {"purge", "purged\n", 200},
	} {
		resp, body := do(t, "GET", addr, "flow.test", "/word/"+c.word, "")
		if resp.StatusCode != c.status || !strings.HasPrefix(body, c.want) {
			t.Errorf("%s: %d %q", c.word, resp.StatusCode, body)
		}
		local := c.status != 200 || c.word == "purge"
		if got := resp.Header.Get("X-Synth") != ""; got != local {
			t.Errorf("%s: on_synth asked: %v", c.word, got)
		}
	}
	if resp, body := do(t, "GET", addr, "flow.test", "/compute", ""); resp.StatusCode != 503 || body != "compute is not available here\n" {
		t.Errorf("call 512 without a function: %d %q", resp.StatusCode, body)
	}
}

func TestPausedCallsGoOn(t *testing.T) {
	_, addr := serveFlow(t, "", "")
	if resp, body := do(t, "GET", addr, "flow.test", "/pause/synth", ""); resp.StatusCode != 298 || body != "resumed" || resp.Header.Get("X-Resumed") != "synth" {
		t.Errorf("synth: %d %q %v", resp.StatusCode, body, resp.Header)
	}
	for _, want := range []string{"X-Resumed: miss; X-Miss: seen blue", "X-Resumed: hit; X-Hit: seen blue"} {
		resp, _ := do(t, "GET", addr, "flow.test", "/pause/a", "")
		if got := seen(resp, "X-Resumed", "X-Miss", "X-Hit"); got != want {
			t.Errorf("lookup: %s, want %s", got, want)
		}
	}
}

func TestProgramsChooseTheWay(t *testing.T) {
	_, addr := serveFlow(t, "", "")
	for range 4 {
		resp, body := do(t, "GET", addr, "flow.test", "/ways?"+fmt.Sprint(len(t.Name())), "", "Cache-Control: no-cache")
		want := []string{"count 2", "beta 1", "secret -1", "state 2/2", "closed -6", "refused -6", "none -1", "two 0"}
		if got := resp.Header["X-Ways"]; !slices.Equal(got, want) || !strings.HasPrefix(body, "two GET /ways") {
			t.Errorf("%q, %q", got, body)
		}
	}
}

const namedRoutes = `
route "german" {
  when = guest("reversed", header("X-Country")) == "ed"
  backend = "beta"
}
route "edits" {
  path = "/edits/*"
  backend = "app"
  tenant_argument = guest("kind")
  request { set = { X-Arg = guest("reversed", "${path}!") } }
  response { set = {
    X-Out = guest("reversed", "tuo")
    X-None = guest("nothing", "x")
    X-Unknown = guest("unknown", "x")
  } }
}
route "endless" {
  path = "/endless/*"
  backend = "app"
  request { set = { X-Arg = guest("endless", "x") } }
}
`

func TestExpressionsCallFunctionsOfPrograms(t *testing.T) {
	s, addr := serveFlow(t, "", namedRoutes)
	if _, body := do(t, "GET", addr, "flow.test", "/", "", "X-Country: de"); !strings.Contains(body, " GET /\n") || strings.HasPrefix(body, "app") {
		t.Errorf("when: %q", body)
	}
	if _, body := do(t, "GET", addr, "flow.test", "/", "", "X-Country: fr"); !strings.HasPrefix(body, "app GET /\n") {
		t.Errorf("when not: %q", body)
	}
	resp, body := do(t, "GET", addr, "flow.test", "/edits/x", "", "X-Kind: shop")
	if !strings.Contains(body, "X-Arg: !x/stide/\n") || !strings.Contains(body, "X-Recv: seen shop\n") {
		t.Errorf("request edits and argument: %q", body)
	}
	if got := seen(resp, "X-Out", "X-None", "X-Unknown"); got != "X-Out: out" {
		t.Errorf("response edits: %s", got)
	}
	if resp, body := do(t, "GET", addr, "flow.test", "/endless/x", ""); resp.StatusCode != 503 || !strings.Contains(body, "guest-budget") {
		t.Errorf("endless: %d %q", resp.StatusCode, body)
	}
	out, errs, code := s.Run("explain", "GET", "http://flow.test/", "-H", "X-Country: de", "--json")
	if code != 0 || !strings.Contains(out, `guest(\"reversed\", header(\"X-Country\"))`) || !strings.Contains(out, `"value": "\"ed\""`) {
		t.Errorf("explain: %s%s", out, errs)
	}
}

func TestFunctionsThatFailAreNull(t *testing.T) {
	_, addr := serveFlow(t, `on_fault = "pass"`, namedRoutes)
	if resp, body := do(t, "GET", addr, "flow.test", "/endless/x", ""); resp.StatusCode != 200 || strings.Contains(body, "X-Arg") {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	// A callback that falls leaves the answer as it is.
	if resp, body := do(t, "GET", addr, "flow.test", "/resp-fall", ""); resp.StatusCode != 200 || resp.Header.Get("X-Response") != "" || body == "" {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
}
