package tenant

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/message"
)

func shop(t testing.TB) *Tenant {
	m := guestModel("shop")
	m.Backends = []string{"app", "canary"}
	return start(t, m)
}

func TestShopRoutes(t *testing.T) {
	tn := shop(t)
	for _, c := range []struct {
		path, arg string
		fields    []string
		want      Decision
		group     string
	}{
		{"/", "", nil, Decision{}, "all"},
		{"/", "", []string{"Cookie: a=1; beta=1"}, Decision{Backend: "canary"}, "beta"},
		{"/", "", []string{"X-Beta: yes", "X-Shop-Group: admin"}, Decision{Backend: "canary"}, "beta"},
		{"/", "", []string{"Authorization: x"}, Decision{Kind: Pass, Word: "pass"}, "all"},
		{"/api/product/42?x=1", "", nil, Decision{Kind: Forge, Cached: true, Word: "backend"}, ""},
		{"/admin", "", nil, Decision{Kind: Answer, Status: 403, Word: "synth"}, ""},
		{"/", "closed", nil, Decision{Kind: Answer, Status: 503, Word: "synth"}, ""},
	} {
		req := request(c.path, c.fields...)
		got, f := recv(t, tn, req, c.arg)
		if f != nil {
			t.Fatal(f)
		}
		if diff := cmp.Diff(c.want, got); diff != "" || value(&req.Header, "X-Shop-Group") != c.group {
			t.Errorf("%s %q: %+v, group %q", c.path, c.fields, got, value(&req.Header, "X-Shop-Group"))
		}
	}
}

func TestShopForgesAlike(t *testing.T) {
	tn := shop(t)
	for range 3 { // the counter in the program does not survive a request
		r := admit(t, tn)
		req := request("/api/product/42?x=1")
		if _, f := r.OnRecv(context.Background(), req, ""); f != nil {
			t.Fatal(f)
		}
		var resp message.Response
		body, f := r.Forge(context.Background(), req, nil, &resp)
		if f != nil {
			t.Fatal(f)
		}
		if string(body) != "{\"product\":\"42\",\"price\":22}\n" || value(&resp.Header, "Content-Type") != "application/json" {
			t.Errorf("forged %q", body)
		}
		resp.Header.Add("Server", "x")
		if f := r.OnDeliver(context.Background(), req, &resp); f != nil {
			t.Fatal(f)
		}
		if value(&resp.Header, "X-Shop") != "open" || resp.Header.Find("Server") >= 0 {
			t.Error("on_deliver did not edit")
		}
		r.Release()
	}
}

func TestShopSynth(t *testing.T) {
	tn := shop(t)
	for _, c := range []struct{ path, arg, body, mark string }{
		{"/admin", "", "Staff only.\n", "synth"},
		{"/", "closed", "<h1>The shop is closed.</h1>\n", ""},
	} {
		r := admit(t, tn)
		req := request(c.path)
		d, f := r.OnRecv(context.Background(), req, c.arg)
		if f != nil {
			t.Fatal(f)
		}
		var resp message.Response
		body, f := r.Answer(context.Background(), d, req, &resp)
		if f != nil || string(body) != c.body || value(&resp.Header, "X-Shop") != c.mark {
			t.Errorf("%s: %q %v", c.path, body, f)
		}
		r.Release()
	}
}

func TestShopEchoesBody(t *testing.T) {
	tn := shop(t)
	sent := make([]byte, 100_000)
	for i := range sent {
		sent[i] = byte(i * 7)
	}
	r := admit(t, tn)
	defer r.Release()
	req := request("/api/echo")
	if _, f := r.OnRecv(context.Background(), req, ""); f != nil {
		t.Fatal(f)
	}
	var resp message.Response
	body, f := r.Forge(context.Background(), req, sent, &resp)
	if f != nil || string(body) != string(sent) {
		t.Errorf("%d bytes, %v", len(body), f)
	}
}

func TestBodyBeyondMemory(t *testing.T) {
	tn := shop(t)
	r := admit(t, tn)
	defer r.Release()
	req := request("/api/echo")
	if _, f := r.OnRecv(context.Background(), req, ""); f != nil {
		t.Fatal(f)
	}
	var resp message.Response
	if _, f := r.Forge(context.Background(), req, make([]byte, 8<<20), &resp); f == nil || f.Cause != "guest-memory" || f.Status != 500 {
		t.Error(f)
	}
}
