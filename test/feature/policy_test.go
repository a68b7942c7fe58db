package feature

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// origins starts named servers that say their name and echo what they saw.
func origins(t *testing.T, names ...string) map[string]string {
	t.Helper()
	addrs := map[string]string{}
	for _, name := range names {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/healthz") {
				return
			}
			w.Header().Set("X-Origin", name)
			w.Header().Set("X-Saw-Path", r.URL.RequestURI())
			w.Header().Set("X-Saw-Shop", r.Header.Get("X-Shop"))
			w.Header().Set("X-Saw-Debug", r.Header.Get("X-Debug"))
			io.Copy(w, r.Body)
			io.WriteString(w, name)
		}))
		t.Cleanup(s.Close)
		addrs[name] = s.Listener.Addr().String()
	}
	return addrs
}

// client follows no redirects and keeps no cookies.
var client = &http.Client{
	Timeout:       20 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// do sends a request; each field is "Name: value".
func do(t *testing.T, method, addr, host, path, body string, fields ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	for _, f := range fields {
		if name, value, ok := strings.Cut(f, ": "); ok {
			r.Header.Set(name, value)
		}
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestSwitchingByContent(t *testing.T) {
	o := origins(t, "app", "static", "canary", "other")
	addr := harness.FreeAddr(t)
	s := harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
backend "static" { servers = [%q] }
backend "canary" { servers = [%q] }
backend "other" { servers = [%q] }
vhost "shop" {
  hosts = ["shop.test", "*.shop.test"]
  route "assets" {
    path    = "/assets/*"
    backend = "static"
  }
  route "beta" {
    methods = ["GET", "HEAD"]
    when    = cookie("beta") == "1" || header("X-Beta") != null
    backend = "canary"
  }
  route "old" {
    path = "/old/*"
    redirect {
      status = 308
      to     = "/new/${path_tail}"
    }
  }
  route "down" {
    path = "/maintenance"
    respond {
      status  = 503
      body    = "back soon"
      headers = { Retry-After = "60" }
    }
  }
  route "digits" {
    path    = "~^/item/[0-9]+$"
    backend = "static"
  }
  route "all" {
    backend = "app"
    request {
      set     = { X-Shop = host }
      remove  = ["X-Debug"]
      rewrite = "/v2${path}"
    }
    response {
      set = { X-Served-By = server.name }
    }
  }
}
vhost "any" { backend = "other" }
`, addr, o["app"], o["static"], o["canary"], o["other"]))

	tests := []struct {
		host, path, field string
		status            int
		origin            string
	}{
		{"shop.test", "/assets/a.css", "", 200, "static"},
		{"SHOP.test:8080", "/assets/a.css", "", 200, "static"},
		{"eu.shop.test", "/assets/", "", 200, "static"},
		{"shop.test", "/assetsx", "", 200, "app"},
		{"shop.test", "/cart", "Cookie: a=b; beta=1", 200, "canary"},
		{"shop.test", "/cart", "X-Beta: anything", 200, "canary"},
		{"shop.test", "/cart", "Cookie: beta=2", 200, "app"},
		{"shop.test", "/item/42", "", 200, "static"},
		{"shop.test", "/item/x", "", 200, "app"},
		{"elsewhere.test", "/assets/a.css", "", 200, "other"},
	}
	for _, test := range tests {
		resp, _ := do(t, "GET", addr, test.host, test.path, "", test.field)
		if resp.StatusCode != test.status || resp.Header.Get("X-Origin") != test.origin {
			t.Errorf("%s%s %s: %d from %q, want %d from %q", test.host, test.path, test.field,
				resp.StatusCode, resp.Header.Get("X-Origin"), test.status, test.origin)
		}
	}
	resp, _ := do(t, "GET", addr, "shop.test", "/old/a/b?c=d", "")
	if resp.StatusCode != 308 || !strings.HasPrefix(resp.Header.Get("Location"), "/new/a/b") {
		t.Errorf("redirect: %d %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	resp, body := do(t, "GET", addr, "shop.test", "/maintenance", "")
	if resp.StatusCode != 503 || body != "back soon" || resp.Header.Get("Retry-After") != "60" {
		t.Errorf("respond: %d %q %v", resp.StatusCode, body, resp.Header)
	}
	resp, _ = do(t, "POST", addr, "shop.test", "/x?y=1", "data", "X-Debug: 1", "X-Shop: forged")
	for name, want := range map[string]string{"X-Saw-Shop": "shop.test", "X-Saw-Debug": "", "X-Saw-Path": "/v2/x?y=1", "X-Served-By": o["app"]} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	out, errs, code := s.Run("explain", "GET", "http://shop.test/cart", "-H", "Cookie: beta=1", "--json")
	if code != 0 || !strings.Contains(out, `"canary"`) || !strings.Contains(out, `"beta"`) {
		t.Errorf("explain: exit %d\n%s%s", code, out, errs)
	}
}

func TestSplitAndMirror(t *testing.T) {
	o := origins(t, "app", "canary")
	var mirrored atomic.Int64
	shadow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, _ := io.ReadAll(r.Body); string(text) == "copy me" {
			mirrored.Add(1)
		}
		w.WriteHeader(500)
	}))
	defer shadow.Close()
	addr := harness.FreeAddr(t)
	harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
backend "canary" { servers = [%q] }
backend "shadow" { servers = [%q] }
vhost "any" {
  route "all" {
    split  = { app = "75%%", canary = "25%%" }
    mirror = "shadow"
  }
}
`, addr, o["app"], o["canary"], shadow.Listener.Addr()))
	seen := map[string]int{}
	const n = 800
	for range n {
		resp, _ := do(t, "POST", addr, "a.test", "/", "copy me")
		seen[resp.Header.Get("X-Origin")]++
	}
	if c := seen["canary"]; c < n*18/100 || c > n*32/100 || seen["app"]+c != n {
		t.Errorf("a 25 %% split sent %v of %d", seen, n)
	}
	harness.Eventually(t, "most requests are mirrored", func() bool { return mirrored.Load() > n/2 })
}

func TestLimits(t *testing.T) {
	o := origins(t, "app")
	addr := harness.FreeAddr(t)
	harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
vhost "any" {
  route "rate" {
    path    = "/rate"
    backend = "app"
    limits {
      rate "per-key" {
        key   = header("X-Key")
        rate  = "1/m"
        burst = 3
      }
    }
  }
  route "private" {
    path    = "/private"
    backend = "app"
    limits {
      deny = ["127.0.0.0/8"]
    }
  }
  route "all" {
    backend = "app"
    limits {
      body = "1KiB"
    }
  }
}
`, addr, o["app"]))
	refused := 0
	for range 10 {
		resp, _ := do(t, "GET", addr, "a.test", "/rate", "", "X-Key: one")
		if resp.StatusCode == 429 {
			refused++
			if resp.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		}
	}
	if refused < 6 { // the tenth is not a minute behind the first
		t.Errorf("%d of 10 requests refused with a burst of 3", refused)
	}
	if resp, _ := do(t, "GET", addr, "a.test", "/rate", "", "X-Key: two"); resp.StatusCode != 200 {
		t.Errorf("another key: %d", resp.StatusCode)
	}
	if resp, _ := do(t, "GET", addr, "a.test", "/private", ""); resp.StatusCode != 403 {
		t.Errorf("denied address: %d", resp.StatusCode)
	}
	if resp, _ := do(t, "POST", addr, "a.test", "/", strings.Repeat("x", 1024)); resp.StatusCode != 200 {
		t.Errorf("a body at the limit: %d", resp.StatusCode)
	}
	if resp, _ := do(t, "POST", addr, "a.test", "/", strings.Repeat("x", 1025)); resp.StatusCode != 413 {
		t.Errorf("a body above the limit: %d", resp.StatusCode)
	}
}

func TestPersistenceByCookie(t *testing.T) {
	o := origins(t, "a", "b", "c")
	addr := harness.FreeAddr(t)
	harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" {
  servers = [%q, %q, %q]
  persist "cookie" {
    mode = "insert"
    name = "SRV"
  }
}
vhost "any" { backend = "app" }
`, addr, o["a"], o["b"], o["c"]))
	for range 6 {
		resp, _ := do(t, "GET", addr, "a.test", "/", "")
		home := resp.Header.Get("X-Origin")
		cookies := resp.Cookies()
		if len(cookies) != 1 || cookies[0].Name != "SRV" {
			t.Fatalf("cookies %v", cookies)
		}
		for range 8 {
			resp, _ := do(t, "GET", addr, "a.test", "/", "", "Cookie: SRV="+cookies[0].Value)
			if got := resp.Header.Get("X-Origin"); got != home {
				t.Fatalf("pinned to %s, served by %s", home, got)
			}
		}
	}
	if resp, _ := do(t, "GET", addr, "a.test", "/", "", "Cookie: SRV=forged"); resp.StatusCode != 200 {
		t.Errorf("a forged cookie: %d", resp.StatusCode)
	}
}

func TestHealthBackupAndDrain(t *testing.T) {
	var sick atomic.Bool
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sick.Load() {
			w.WriteHeader(500)
		}
		w.Header().Set("X-Origin", "main")
	}))
	defer flaky.Close()
	o := origins(t, "spare")
	addr := harness.FreeAddr(t)
	text := func(state string) string {
		return fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" {
  server "main" {
    address = %q
    %s
  }
  server "spare" {
    address = %q
    backup  = true
  }
  check "http" {
    path     = "/healthz"
    interval = "100ms"
    timeout  = "1s"
    rise     = 2
    fall     = 2
  }
}
vhost "any" { backend = "app" }
`, addr, flaky.Listener.Addr(), state, o["spare"])
	}
	s := harness.Start(t, text(""))
	from := func(want string) func() bool {
		return func() bool {
			resp, _ := do(t, "GET", addr, "a.test", "/", "")
			return resp.Header.Get("X-Origin") == want
		}
	}
	harness.Eventually(t, "the main server serves", from("main"))
	sick.Store(true)
	harness.Eventually(t, "the backup serves when the main server is down", from("spare"))
	sick.Store(false)
	harness.Eventually(t, "the main server is back", from("main"))
	s.Apply(text(`state = "drain"`))
	harness.Eventually(t, "a drained server gets nothing new", from("spare"))
}
