package tenant

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// shelf is a cache as CacheLook sees it.
type shelf struct {
	asked []string
	size  int64
	ok    bool
}

func (s *shelf) look(tenant string, key []byte, req *message.Request) (int, time.Duration, int64, bool) {
	s.asked = append(s.asked, tenant+" "+string(req.Path)+" "+strconv.Itoa(len(key)))
	return 200, 1500 * time.Millisecond, s.size, s.ok
}

func startWith(t testing.TB, name string, look CacheLook) *Tenant {
	t.Helper()
	s := quietSet(1)
	s.o.CacheLook = look
	load(t, s, guestModel(name))
	t.Cleanup(s.Close)
	return s.Tenant(name)
}

func digest(parts ...string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(parts, "")))
	return sum[:]
}

func TestProgramChoosesKeyAndTerms(t *testing.T) {
	tn := start(t, guestModel("catalog"))
	minute := Terms{Has: HasTTL, TTL: time.Minute}
	for _, c := range []struct {
		path  string
		field string
		want  Decision
	}{
		{"/item/7", "", Decision{Kind: Forge, Cached: true, Word: "backend", Key: digest("item/7\nen"), Terms: minute}},
		{"/item/7?utm=1", "Accept-Language: de-DE", Decision{Kind: Forge, Cached: true, Word: "backend", Key: digest("item/7\nde"), Terms: minute}},
		{"/admin", "", Decision{Kind: Pass, Word: "pass"}},
		{"/news", "", Decision{Lookup: true, Word: "lookup", Terms: Terms{Has: HasTTL, TTL: 30 * time.Second, Tags: [][]byte{[]byte("news")}}}},
		{"/fields", "", Decision{Kind: Forge, Cached: true, Word: "backend"}},
		{"/else", "", Decision{}},
	} {
		req := request(c.path)
		if c.field != "" {
			req = request(c.path, c.field)
		}
		got, f := recv(t, tn, req, "")
		if f != nil {
			t.Fatal(f)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.path, diff)
		}
	}
}

func TestForgeAddsItsTerms(t *testing.T) {
	tn := start(t, guestModel("catalog"))
	for path, want := range map[string]Terms{
		"/item/7": {Has: HasTTL | HasGrace | HasKeep, TTL: time.Minute, Grace: 10 * time.Second, Keep: 600 * time.Second,
			Tags: [][]byte{[]byte("catalog"), []byte("item-7")}},
		"/fields": {},
		"/never":  {Has: Uncacheable | HasTTL, TTL: time.Second},
	} {
		r := admit(t, tn)
		req := request(path, "X-Stamp: one")
		if _, f := r.OnRecv(context.Background(), req, ""); f != nil {
			t.Fatal(f)
		}
		var resp message.Response
		if _, f := r.Forge(context.Background(), req, nil, &resp); f != nil {
			t.Fatal(f)
		}
		terms := *r.Terms()
		r.Release()
		if diff := cmp.Diff(want, terms); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestProgramLooks(t *testing.T) {
	for _, c := range []struct {
		path, asked, body string
		shelf             shelf
	}{
		{"/peek/7", "catalog /peek/7 32", "status 200, age 1500 ms, size 12\n", shelf{ok: true, size: 12}},
		{"/peek/7", "catalog /peek/7 32", "not there\n", shelf{}},
		{"/look", "catalog /look 0", "status 200, age 1500 ms, size 0\n", shelf{ok: true}},
	} {
		tn := startWith(t, "catalog", c.shelf.look)
		r := admit(t, tn)
		req := request(c.path)
		d, f := r.OnRecv(context.Background(), req, "")
		if f != nil {
			t.Fatal(f)
		}
		var resp message.Response
		body, f := r.Answer(context.Background(), d, req, &resp)
		if f != nil || string(body) != c.body || strings.Join(c.shelf.asked, ",") != c.asked {
			t.Errorf("%s: %q, asked %q, %v", c.path, body, c.shelf.asked, f)
		}
		r.Release()
	}
}

// TestNobodyToAsk is a host without a cache, and a record in a forbidden place.
func TestNobodyToAsk(t *testing.T) {
	if d, f := recv(t, start(t, guestModel("catalog")), request("/peek/1"), ""); f != nil || d.Status != 404 {
		t.Errorf("%+v %v", d, f)
	}
	s := shelf{ok: true}
	if _, f := recv(t, startWith(t, "terms", s.look), request("/wild"), ""); f == nil || f.Cause != "guest-fault" {
		t.Error(f)
	}
}

// TestHitsNeedOneFork counts what a request costs that is served from the
// cache: on_recv and on_hash, in one fork.
func TestHitsNeedOneFork(t *testing.T) {
	tn := start(t, guestModel("terms"))
	for range 3 {
		d, f := recv(t, tn, request("/hit"), "a")
		if f != nil || !d.Cached {
			t.Fatal(d, f)
		}
	}
	if n := tn.Counters().Value(metrics.TenantForks); n != 3 {
		t.Errorf("3 requests took %d forks", n)
	}
}

func TestOnHash(t *testing.T) {
	tn := start(t, guestModel("terms"))
	for path, want := range map[string]Decision{
		"/hit":      {Kind: Forge, Cached: true, Word: "backend", Key: digest("hash:blue")},
		"/plain":    {Key: digest("hash:blue")},
		"/uncached": {Kind: Forge, Word: "backend"},
		"/pass":     {Kind: Pass, Word: "pass"},
	} {
		got, f := recv(t, tn, request(path), "blue")
		if f != nil {
			t.Fatal(f)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestOnBackendResponse(t *testing.T) {
	tn := start(t, guestModel("terms"))
	for path, want := range map[string]Terms{
		"/ttl":     {Has: HasTTL, TTL: 2500 * time.Millisecond},
		"/nan":     {Has: HasTTL},
		"/minus":   {Has: HasTTL},
		"/huge":    {Has: HasTTL, TTL: maxTerm},
		"/refuse":  {Has: Uncacheable},
		"/again":   {Has: Uncacheable},
		"/status":  {},
		"/nothing": {},
	} {
		r := admit(t, tn)
		req := request(path)
		if _, f := r.OnRecv(context.Background(), req, ""); f != nil {
			t.Fatal(f)
		}
		var resp message.Response
		body, f := r.Forge(context.Background(), req, nil, &resp)
		if f != nil || string(body) != "x" || value(&resp.Header, "X-Looked-At") != "yes" {
			t.Errorf("%s: %q %v", path, body, f)
		}
		if diff := cmp.Diff(want, *r.Terms()); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if path == "/status" && (resp.Status != 404 || string(resp.Reason) != "Not Found" || resp.Length != 1) {
			t.Errorf("status %d %s, %d bytes", resp.Status, resp.Reason, resp.Length)
		}
		r.Release()
	}
	r := admit(t, tn)
	defer r.Release()
	req := request("/fall")
	if _, f := r.OnRecv(context.Background(), req, ""); f != nil {
		t.Fatal(f)
	}
	var resp message.Response
	if _, f := r.Forge(context.Background(), req, nil, &resp); f == nil || f.Step != "fetch" || f.Status != 503 {
		t.Error(f)
	}
}

func TestTermsAreBounded(t *testing.T) {
	tn := start(t, guestModel("terms"))
	req := request("/refusals")
	d, f := recv(t, tn, req, "")
	if f != nil || value(&req.Header, "X-Refused") != "11111111" || len(d.Terms.Tags) != maxTags {
		t.Errorf("refused %q, %d tags, %v", value(&req.Header, "X-Refused"), len(d.Terms.Tags), f)
	}
	// The next request finds nothing of it.
	if d, f = recv(t, tn, request("/hit"), ""); f != nil || d.Terms.Has != 0 || d.Terms.Tags != nil {
		t.Errorf("%+v %v", d.Terms, f)
	}
}

// TestErrandForgesWithoutItsClient runs what one request decided after that has
// ended, with its terms, in one fork.
func TestErrandForgesWithoutItsClient(t *testing.T) {
	tn := start(t, guestModel("catalog"))
	r := admit(t, tn)
	req := request("/item/7", "X-Stamp: one")
	if _, f := r.OnRecv(context.Background(), req, ""); f != nil {
		t.Fatal(f)
	}
	e := r.Errand()
	r.Release()
	before := tn.Counters().Value(metrics.TenantForks)
	again, f := e.Admit(context.Background())
	if f != nil {
		t.Fatal(f)
	}
	defer again.Release()
	var resp message.Response
	body, f := again.Forge(context.Background(), req, nil, &resp)
	if f != nil || string(body) != "item 7 in en, made for one\n" || again.Terms().TTL != time.Minute || len(again.Terms().Tags) != 2 {
		t.Errorf("%q, %+v, %v", body, again.Terms(), f)
	}
	if n := tn.Counters().Value(metrics.TenantForks) - before; n != 1 {
		t.Errorf("%d forks", n)
	}
}
