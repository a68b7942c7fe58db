package dashboard

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
)

//go:embed page.html
var frame string

//go:embed page.css
var style string

//go:embed page.js
var script string

// Handler returns the handler of the page. It answers GET and HEAD; which path
// it stands at is the caller's.
func Handler() http.Handler {
	style, script := strings.TrimSpace(style), strings.TrimSpace(script)
	page := []byte(strings.NewReplacer("@STYLE@", style, "@SCRIPT@", script).Replace(frame))
	policy := policy(style, script)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Method == http.MethodHead {
			return
		}
		_, _ = w.Write(page) // the caller may have left: nobody to tell
	})
}

// policy allows this style and this script by their digests, and calls to where
// the page came from; everything else is refused (Content Security Policy 3).
// Trusted types make assignments of markup an error in the script itself.
func policy(style, script string) string {
	digest := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; script-src " + digest(script) + "; style-src " + digest(style) +
		"; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}
