package admin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"fishplate/internal/tenant"
)

// TestPage: the page stands at / of the TCP address alone, for who may read, and
// for no other site.
func TestPage(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") })
	with, _, _ := open(t, Options{Page: page})
	without, _, _ := open(t, Options{})
	near, _, _ := open(t, Options{Page: page, OpenReads: func() bool { return false }, Tenants: &tenant.Set{}})
	for _, c := range []struct {
		what           string
		h              http.Handler
		method, target string
		from           string
		fields         map[string]string
		status         int
	}{
		{"the page", with.tcp, "GET", "http://127.0.0.1:9180/", "192.0.2.1:1", nil, 200},
		{"its head", with.tcp, "HEAD", "http://localhost:9180/", "192.0.2.1:1", nil, 200},
		{"typed by a person", with.tcp, "GET", "http://[::1]:9180/", "[::1]:1", map[string]string{"Sec-Fetch-Site": "none"}, 200},
		{"reloaded by itself", with.tcp, "GET", "http://127.0.0.1/", "192.0.2.1:1", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"another path", with.tcp, "GET", "http://127.0.0.1/index.html", "192.0.2.1:1", nil, 404},
		{"a change", with.tcp, "POST", "http://127.0.0.1/", "192.0.2.1:1", nil, 405},
		{"a name that was made to resolve here", with.tcp, "GET", "http://evil.example:9180/", "127.0.0.1:1", nil, 403},
		{"another site", with.tcp, "GET", "http://127.0.0.1:9180/", "127.0.0.1:1", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"another port of this host", with.tcp, "GET", "http://127.0.0.1:9180/v1/status", "127.0.0.1:1", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"another site, an old browser", with.tcp, "GET", "http://127.0.0.1:9180/v1/counters", "127.0.0.1:1", map[string]string{"Origin": "http://evil.example"}, 403},
		{"on the socket", with.socket, "GET", "http://fishplate/", "", nil, 404},
		{"none", without.tcp, "GET", "http://127.0.0.1/", "127.0.0.1:1", nil, 404},
		{"another host, where tenants have tokens", near.tcp, "GET", "http://127.0.0.1/", "192.0.2.1:1", nil, 403},
		{"this host, where tenants have tokens", near.tcp, "GET", "http://127.0.0.1/", "127.0.0.1:1", nil, 200},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		r.RemoteAddr = c.from
		for k, v := range c.fields {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d", c.what, w.Code, c.status)
		}
		if c.h == with.tcp && (w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cross-Origin-Resource-Policy") != "same-origin") {
			t.Errorf("%s: may be embedded: %v", c.what, w.Header())
		}
		if cors := w.Header().Get("Access-Control-Allow-Origin"); cors != "" {
			t.Errorf("%s: other sites may read: %q", c.what, cors)
		}
	}
}
