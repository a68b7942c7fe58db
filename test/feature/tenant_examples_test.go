package feature

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"fishplate/test/harness"
)

// TestExamples compiles the projects of sdk/examples, as `serve` does, and asks
// them what their readers would.
func TestExamples(t *testing.T) {
	type question struct{ path, agent, status, want string }
	for _, c := range []struct {
		project, said string
		questions     []question
	}{
		{"go", "prices of 2 things", []question{
			{"/price/pear", "", "200", `{"asked":1,"cents":95,"name":"pear"}`},
			{"/price/pear", "", "200", `{"asked":1,"cents":95,"name":"pear"}`}, // of the cache
			{"/price/apple", "", "200", `{"asked":1,"cents":120,"name":"apple"}`},
			{"/price/plum", "", "404", "there is no plum\n"},
			{"/price/", "", "404", "there is no \n"},
			{"/other", "", "200", "origin /other by 127.0.0.1 hello  cents 120"},
			{"/other", "A Bot", "403", "no robots\n"},
		}},
		{"rust", "greeter is ready", []question{
			{"/hello?name=you", "", "200", "Hello from Rust, you\n"},
			{"/hello", "", "200", "Hello from Rust, stranger\n"},
			{"/other", "", "200", "origin /other by  hello /other cents "},
		}},
	} {
		t.Run(c.project, func(t *testing.T) {
			s, addr := serveExample(t, c.project)
			for _, q := range c.questions {
				resp, text := do(t, "GET", addr, "example.test", q.path, "", "User-Agent: "+q.agent)
				if fmt.Sprint(resp.StatusCode) != q.status || text != q.want {
					t.Errorf("%s: %d %q, want %s %q", q.path, resp.StatusCode, text, q.status, q.want)
				}
			}
			if said, err := os.ReadFile(s.Log); err != nil || !strings.Contains(s.Stderr()+string(said), c.said) {
				t.Errorf("the log does not have %q: %v", c.said, err)
			}
		})
	}
}

// serveExample serves a project before an origin that tells what it was asked.
func serveExample(t *testing.T, project string) (s *harness.Server, addr string) {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		fmt.Fprintf(w, "origin %s by %s hello %s cents %s", r.URL.Path, h.Get("X-Asked-By"), h.Get("X-Hello"), h.Get("X-Cents"))
	}))
	t.Cleanup(app.Close)
	addr = harness.FreeAddr(t)
	function := ""
	if project == "go" {
		function = `request { set = { X-Cents = guest("cents", "apple") } }`
	}
	return harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
tenant "example" {
  program = %q
  memory = "64MiB"
  instructions = 100000000
  storage { memory = "1MiB" }
  cache {
    status = true
  }
}
vhost "example.test" {
  route "all" {
    tenant = "example"
    backend = "app"
    %s
  }
}
`, addr, strings.TrimPrefix(app.URL, "http://"), compileGuest(t, "../../sdk/examples/"+project), function)), addr
}
