package dashboard

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func page(t *testing.T, method string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest(method, "/", nil))
	return w.Result()
}

func text(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Body.String()
}

func TestHeaders(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := page(t, method)
		for name, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", method, name, got, want)
			}
		}
		if method == http.MethodHead && r.ContentLength > 0 {
			t.Error("HEAD has a body")
		}
	}
}

// TestPolicy: what the page runs is allowed by digest, and nothing else is.
func TestPolicy(t *testing.T) {
	policy := page(t, http.MethodGet).Header.Get("Content-Security-Policy")
	directives := map[string]string{}
	for d := range strings.SplitSeq(policy, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), " ")
		directives[name] = value
	}
	for name, want := range map[string]string{
		"default-src": "'none'", "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
		"require-trusted-types-for": "'script'", "trusted-types": "'none'", "img-src": "data:",
	} {
		if directives[name] != want {
			t.Errorf("%s is %q, want %q", name, directives[name], want)
		}
	}
	for element, directive := range map[string]string{"script": "script-src", "style": "style-src"} {
		found := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(text(t), -1)
		if len(found) != 1 {
			t.Fatalf("%d elements %s", len(found), element)
		}
		sum := sha256.Sum256([]byte(found[0][1]))
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; directives[directive] != want {
			t.Errorf("%s is %s, and the page has %s", directive, directives[directive], want)
		}
	}
}

// TestNothingElse: no address of elsewhere, no handler in markup, no way by
// which a text becomes markup or program, and no call that changes anything.
func TestNothingElse(t *testing.T) {
	all := strings.ReplaceAll(text(t), "http://www.w3.org/2000/svg", "") // the name of a vocabulary
	for _, bad := range []string{
		`(?i)https?://`, `(?i)[^:]//\w+\.\w`, `@import`, `url\(`, `(?i)<[^>]*\son[a-z]+\s*=`, `(?i)\bstyle\s*=`, `javascript:`,
		`innerHTML`, `outerHTML`, `insertAdjacentHTML`, `createContextualFragment`, `DOMParser`, `srcdoc`, `document\.write`, `\beval\(`, `\bFunction\(`,
		`setTimeout\(['"]`, `localStorage`, `XMLHttpRequest`, `WebSocket`, `(?i)method:`, `(?i)['"](POST|PUT|DELETE|PATCH)['"]`,
	} {
		if at := regexp.MustCompile(bad).FindString(all); at != "" {
			t.Errorf("the page has %q", at)
		}
	}
	if strings.Contains(script, "</") || strings.Contains(style, "</") {
		t.Error("script or style would end early")
	}
}
