package tenant

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// TestCacheableSaysWhatItsNameSays: the original has it the wrong way round.
func TestCacheableSaysWhatItsNameSays(t *testing.T) {
	d, _ := sit(t)
	for i, c := range []struct{ set, to, want int }{{0, 0, 1}, {1, 1, 1}, {1, 0, 0}, {0, 0, 0}, {1, 1, 0}} {
		if got := d.num(517, c.set, c.to); got != int64(c.want) {
			t.Errorf("call %d: %d, want %d", i, got, c.want)
		}
	}
}

// TestStartLinesAreChecked: what a program writes there is under the rules that
// a client's start line is under.
func TestStartLinesAreChecked(t *testing.T) {
	d, req := sit(t)
	for _, c := range []struct {
		line int
		text string
		want int64
	}{
		{0, "DELETE", 6}, {0, "A B", -1}, {0, "", -1}, {0, "HEAD", -1}, {0, "CONNECT", -1}, {0, "TRACE", -1},
		{1, "/x?y", 4}, {1, "x", -1}, {1, "/a b", -1}, {1, "/a\r\nb", -1}, {1, "/../x", -1}, {1, "/x#y", -1},
		{2, "HTTP/1.1", 8}, {2, "HTTP/1.0", 8}, {2, "HTTP/1.1", -1}, {2, "HTTP/2", -1}, {2, "HTTP/1.10", -1}, {2, "", -1},
		{3, "200", -1}, {4, "OK", -1}, {5, "x", -1},
	} {
		if got := d.num(523, 0, c.line, c.text); got != c.want {
			t.Errorf("line %d becomes %q: %d, want %d", c.line, c.text, got, c.want)
		}
	}
	if string(req.Method) != "DELETE" || string(req.Path) != "/x" || req.Minor != 0 {
		t.Errorf("%s %s HTTP/1.%d", req.Method, req.Path, req.Minor)
	}
	d.num(526, 0)
	if string(req.Method) != "GET" || string(req.Target) != "/a/b%20c/?q=1&x=a+b%21&q=2" || req.Minor != 1 {
		t.Errorf("after a roll-back: %s %s HTTP/1.%d", req.Method, req.Target, req.Minor)
	}
	resp := &message.Response{Status: 200, Reason: []byte("OK")}
	d.v.attach(stageDeliver, req, resp)
	for _, c := range []struct {
		line int
		text string
		want int64
	}{
		{4, "Fine", 4}, {4, "a\r\nb", -1}, {4, strings.Repeat("x", 129), -1}, {3, "404", 3}, {3, "99", -1}, {3, "600", -1}, {3, "304", -1}, {3, "4 4", -1},
		{0, "x", -1}, {1, "/", -1}, {2, "HTTP/1.0", -1},
	} {
		if got := d.num(523, 2, c.line, c.text); got != c.want {
			t.Errorf("line %d of an answer becomes %q: %d, want %d", c.line, c.text, got, c.want)
		}
	}
	d.num(526, 2)
	if resp.Status != 200 || string(resp.Reason) != "OK" {
		t.Errorf("after a roll-back: %d %s", resp.Status, resp.Reason)
	}
}

// TestSpansAreMeasured: a span that ended is in the tenant's figures, as many
// names as are allowed; further ones are only noted.
func TestSpansAreMeasured(t *testing.T) {
	d, _ := sit(t)
	for i := range maxCustom + 5 {
		d.v.bench.notes = new(Notes)
		if d.num(556, int(d.num(555, fmt.Sprintf("part-%d", i)))) != 0 {
			t.Fatal("the span does not end")
		}
	}
	spans := d.v.image.stats.spans.all()
	set := spans["part-0"]
	if len(spans) != maxCustom || set == nil {
		t.Fatalf("%d names are measured", len(spans))
	}
	n := int64(0)
	for i := range len(metrics.Durations()) + 1 {
		n += set.Value(i)
	}
	if n != 1 {
		t.Errorf("the span was measured %d times", n)
	}
}

// TestQueryIsEditedForTheBackend: where the URL may be edited, so may its query.
func TestQueryIsEditedForTheBackend(t *testing.T) {
	d, req := sit(t)
	d.v.attach(stageFetch, req, nil)
	if got := d.num(608, "q", "new"); got != 0 || string(req.Query) != "q=new&x=a+b%21" {
		t.Errorf("%d %q", got, req.Query)
	}
	if got := d.num(609, "x"); got != 1 || string(req.Query) != "q=new" {
		t.Errorf("%d %q", got, req.Query)
	}
	d.v.attach(stageHit, req, &message.Response{})
	if got := d.num(608, "q", "other"); got >= 0 || string(req.Query) != "q=new" {
		t.Errorf("in on_hit: %d %q", got, req.Query)
	}
}

// TestFingerprintIsTold: fact 5 of the client's TLS.
func TestFingerprintIsTold(t *testing.T) {
	d, req := sit(t)
	req.Conn.TLS, req.Conn.JA4 = &tls.ConnectionState{Version: tls.VersionTLS13}, "t13d1516h2_8daaf6152771_e5627efa2ab1"
	if got := d.text(604, 5); got != req.Conn.JA4 {
		t.Error(got)
	}
}
