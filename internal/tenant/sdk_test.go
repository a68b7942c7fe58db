package tenant

import (
	"context"
	"strings"
	"testing"

	"fishplate/internal/message"
)

// exchanged runs a request through a program as the proxy does, without a
// server behind it, and returns the response and its body.
func exchanged(t *testing.T, tn *Tenant, req *message.Request, body string) (message.Response, string) {
	t.Helper()
	ctx := context.Background()
	r := admit(t, tn)
	defer r.Release()
	resp := message.Response{Status: 299}
	d, f := r.OnRecv(ctx, req, "")
	if f != nil {
		resp.Status = f.Status
		return resp, f.Error()
	}
	var made []byte
	switch d.Kind {
	case Forge:
		resp = message.Response{}
		made, f = r.Forge(ctx, req, []byte(body), &resp)
	case Answer:
		resp = message.Response{}
		made, f = r.Answer(ctx, d, req, &resp)
	}
	if f == nil {
		f = r.OnDeliver(ctx, req, &resp)
	}
	if f != nil {
		t.Fatal(f)
	}
	return resp, string(made)
}

// TestOriginalStyle runs a program in the words of those for libvmod-riscv.
func TestOriginalStyle(t *testing.T) {
	tn := hosted(t, "original.cpp")
	req := request("/any?x=1")
	resp, body := exchanged(t, tn, req, "")
	if got := value(&req.Header, "X-Asked"); got != "/any?x=1" {
		t.Errorf("X-Asked is %q", got)
	}
	if body != `{"greeting":"from a program"}` || resp.Status != 200 || value(&resp.Header, "Content-Type") != "application/json" {
		t.Errorf("%d %q", resp.Status, body)
	}
}

// TestNamesOfOriginal: what else libvmod-riscv's header declares is there.
func TestNamesOfOriginal(t *testing.T) {
	if lines := hosted(t, "names.cpp").Logs(); len(lines) != 0 {
		t.Errorf("log %v", lines)
	}
}

// TestCompatibleAPI runs a program that uses all that programs for
// libvmod-riscv can use.
func TestCompatibleAPI(t *testing.T) {
	tn := hosted(t, "compat.cpp")
	var log []string
	for _, l := range tn.Logs() {
		log = append(log, l.Text)
	}
	if got := strings.Join(log, "\n"); !strings.Contains(got, "Request main entered") || !strings.Contains(got, "stdio is told") {
		t.Errorf("log %q", got)
	}
	for _, c := range []struct {
		path, send string
		status     int
		body       string
	}{
		{"/compat?x=12", "", 200, "compatible\n"},
		{"/one", "", 200, "one"},
		{"/two", "", 201, "two"},
		{"/generic", "", 200, "generic GET"},
		{"/post", "sent", 200, "sent!"},
		{"/status", "", 204, ""},
		{"/raw", "", 202, "raw bytes"},
		{"/synth", "", 404, "<p>/synth</p>"},
		{"/pause", "", 299, ""},
	} {
		resp, body := exchanged(t, tn, request(c.path, "X-Copied: yes"), c.send)
		if resp.Status != c.status || body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.path, resp.Status, body, c.status, c.body)
		}
		switch c.path {
		case "/two":
			if value(&resp.Header, "X-Copied") != "yes" || value(&resp.Header, "X-Two") != "/two" || value(&resp.Header, "X-Delivered") != "/two 42" {
				t.Errorf("fields of /two are %s", fields(&resp.Header))
			}
		case "/synth":
			if value(&resp.Header, "X-Synth") != "yes" {
				t.Errorf("fields of /synth are %s", fields(&resp.Header))
			}
		}
	}
	if resp, cause := exchanged(t, tn, request("/expect"), ""); resp.Status != 503 || !strings.Contains(cause, "does not hold") {
		t.Errorf("/expect: %d %q", resp.Status, cause)
	}
}
