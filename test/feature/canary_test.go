package feature

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"fishplate/test/harness"
)

// from asks as the client at an address of the loopback network, and returns the
// answer's head and body.
func from(t *testing.T, ip, addr, host, path string, fields ...string) (*http.Response, string) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, n, _ string) (net.Conn, error) {
		return d.DialContext(ctx, n, addr)
	}}}
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Set(name, value)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// sides finds a client on each side of a running trial, which answers side.test
// by that text.
func sides(t *testing.T, addr, side string) (next, running string) {
	t.Helper()
	for i := 1; i < 200 && (next == "" || running == ""); i++ {
		ip := fmt.Sprintf("127.0.0.%d", i)
		if _, body := from(t, ip, addr, "side.test", "/"); body == side {
			next = ip
		} else {
			running = ip
		}
	}
	if next == "" || running == "" {
		t.Fatalf("clients %q and %q", next, running)
	}
	return next, running
}

// canarySite is a configuration of which both sides have a version of their own.
type canarySite struct {
	addr, app, side, policy, program string
}

func (c canarySite) String() string {
	return fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" {
  servers = [%q]
}
tenant "prog" {
  program = %q
  arguments = ["answer"]
}
vhost "side" {
  hosts = ["side.test"]
  route "all" {
    respond {
      status = 200
      body = %q
    }
  }
}
vhost "changed" {
  hosts = ["changed.test"]
  backend = "app"
  cache {
    status = true
    %s
  }
}
vhost "same" {
  hosts = ["same.test"]
  backend = "app"
  cache { status = true }
}
vhost "prog" {
  hosts = ["prog.test"]
  tenant = "prog"
  backend = "app"
}
`, c.addr, c.app, c.program, c.side, c.policy)
}

// TestCanaryKeepsCachesApart: what the policy of one side stored never answers on
// the other, when the route is another; a route that is the same shares. Tenants'
// programs are each side's own. It holds in both directions, and after the end.
func TestCanaryKeepsCachesApart(t *testing.T) {
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	o := harness.NewOrigin(t, harness.Each(func(c net.Conn, r *http.Request) bool {
		body := "for " + r.Header.Get("X-User")
		_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	}))
	one := canarySite{
		addr: harness.FreeAddr(t), app: o.Addr, side: "running", program: root + "/test/guests/hooks.elf",
		policy: `bypass = path == "/private"`,
	}
	s := harness.Start(t, one.String())
	two := one
	two.side, two.policy, two.program = "next", `default_ttl = "1h"`, root+"/test/guests/store_sum.elf"
	// The key changes too, in a second round.
	three := one
	three.side, three.policy = "third", "bypass = path == \"/private\"\n key { headers = [\"X-User\"] }"

	ask := func(ip, host, path, user, body, cache string) {
		t.Helper()
		resp, got := from(t, ip, one.addr, host, path, "X-User: "+user)
		if got != body || !strings.Contains(resp.Header.Get("Cache-Status"), cache) {
			t.Errorf("%s%s for %s: %q, %s; want %q, %s", host, path, user, got, resp.Header.Get("Cache-Status"), body, cache)
		}
	}
	try := func(next canarySite) (a, b string) {
		t.Helper()
		s.Write(next.String())
		if _, text, code := s.Run("apply", s.Config, "--canary", "50%", "--for", "1h"); code != 0 {
			t.Fatal(text)
		}
		return sides(t, one.addr, next.side)
	}
	ask("127.0.0.1", "changed.test", "/page", "ann", "for ann", "fwd=uri-miss")
	ask("127.0.0.1", "same.test", "/page", "ann", "for ann", "fwd=uri-miss")

	next, running := try(two)
	ask(running, "changed.test", "/page", "bob", "for ann", "hit")
	ask(next, "changed.test", "/page", "bob", "for bob", "fwd=uri-miss")
	ask(next, "changed.test", "/page", "cid", "for bob", "hit")
	ask(running, "changed.test", "/page", "cid", "for ann", "hit")
	ask(next, "changed.test", "/private", "bob", "for bob", "fwd=uri-miss") // its policy stores it
	ask(next, "changed.test", "/private", "cid", "for bob", "hit")
	ask(running, "changed.test", "/private", "ann", "for ann", "fwd=bypass")
	ask(next, "same.test", "/page", "bob", "for ann", "hit")
	if _, body := from(t, running, one.addr, "prog.test", "/"); !strings.Contains(body, "the program") {
		t.Errorf("the running program: %q", body)
	}
	if _, body := from(t, next, one.addr, "prog.test", "/"); body != "for " {
		t.Errorf("the program that is tried: %q", body)
	}
	if _, _, code := s.Run("purge", "http://changed.test/page"); code != 0 {
		t.Error("purge", code)
	}
	ask(next, "changed.test", "/page", "dan", "for dan", "fwd=uri-miss")
	ask(running, "changed.test", "/page", "eve", "for eve", "fwd=uri-miss")

	// All get it: what everybody had is there, and what only the trial stored is
	// not, since its objects may not be told from others' then.
	if _, text, code := s.Run("confirm"); code != 0 {
		t.Fatal(text)
	}
	ask(running, "changed.test", "/page", "fay", "for eve", "hit")
	ask(next, "changed.test", "/page", "fay", "for eve", "hit")
	ask(running, "changed.test", "/private", "fay", "for fay", "fwd=uri-miss")
	if _, body := from(t, running, one.addr, "prog.test", "/"); body != "for " {
		t.Errorf("the program that was committed: %q", body)
	}

	next, running = try(three)
	ask(next, "changed.test", "/page", "gil", "for gil", "fwd=uri-miss")
	ask(next, "changed.test", "/page", "hal", "for hal", "fwd=uri-miss")
	ask(next, "changed.test", "/page", "gil", "for gil", "hit")
	ask(running, "changed.test", "/page", "gil", "for eve", "hit")
	if _, text, code := s.Run("rollback"); code != 0 {
		t.Fatal(text)
	}
	ask(next, "changed.test", "/page", "gil", "for eve", "hit")
	harness.Eventually(t, "nothing of the trials is left", func() bool {
		out, _, _ := s.Run("cache", "ls")
		return !strings.Contains(out, "trial") && !strings.Contains(out, "hal")
	})
}
