package show

import (
	"io"
	"strings"
	"testing"

	"fishplate/internal/control"
	"fishplate/internal/proxy"
	"fishplate/internal/tenant"
)

// TestStrangersText: what programs and clients chose drives no terminal, and makes
// no line that looks like ours.
func TestStrangersText(t *testing.T) {
	const bad = "a\tb\x1b[2J\u009b2J\u202eo\rerror"
	for name, write := range map[string]func(w io.Writer) error{
		"log": func(w io.Writer) error {
			return Line(w, &tenant.Line{Level: "info", Text: bad + "\n00:00 error forged"})
		},
		"records": func(w io.Writer) error { return Records(w, []tenant.RecordInfo{{Target: "GET /" + bad}}) },
		"shadow": func(w io.Writer) error {
			return Shadow(w, &tenant.ShadowReport{Differences: []tenant.Difference{{Target: bad, Real: bad + "\n" + bad, Candidate: bad}}})
		},
		"explain": func(w io.Writer) error {
			return Explanation(w, &proxy.Explanation{Cache: proxy.CacheWord{Key: bad, Object: &proxy.CacheObject{ETag: bad, Tags: []string{bad}}}})
		},
		"history": func(w io.Writer) error { return History(w, []control.Entry{{Comment: bad}}) },
	} {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); strings.ContainsAny(got, "\x1b\u009b\u202e\r") || strings.Contains(got, "\n00:00 error forged") || !strings.Contains(got, "a b\uFFFD[2J") {
			t.Errorf("%s: %q", name, got)
		}
	}
}
