package process

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/proxy"
)

func TestPastLinesAreByTime(t *testing.T) {
	lines := make(chan []byte, 10)
	for _, l := range []string{
		`{"time":"2026-11-21T06:00:03Z","client":"127.0.0.1:1","method":"GET","path":"/c","status":200}`,
		`{"time":"2026-11-21T06:00:01Z","client":"127.0.0.1:1","method":"GET","path":"/a","status":200}`,
		`{"time":"2026-11-21T06:00:04Z","client":"127.0.0.1:1","method":"GET","path":"/d","status":503}`,
		`no line`,
		`{"time":"2026-11-21T06:00:02Z","client":"127.0.0.1:1","method":"GET","path":"/b","status":200}`,
	} {
		lines <- []byte(l)
	}
	var got []string
	fine := func(r *proxy.Record) bool { return r.Status == 200 }
	for _, l := range pastLines(lines, fine, 2) {
		got = append(got, string(l.rec.Path))
	}
	if d := cmp.Diff([]string{"/b", "/c"}, got); d != "" {
		t.Error(d)
	}
}
