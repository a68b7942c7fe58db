package admin

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/tenant"
)

// hold is a tenant whose token is that.
func hold(name, token string) *model.Tenant {
	sum := sha256.Sum256([]byte(token))
	return &model.Tenant{Name: name, Program: "../../sdk/examples/hello.elf", Tokens: []model.Token{{Name: "t", Hash: hex.EncodeToString(sum[:])}}}
}

func have(t *testing.T, set *tenant.Set, models ...*model.Tenant) {
	t.Helper()
	u, errs := set.Prepare(t.Context(), models)
	if errs != nil {
		t.Fatal(errs)
	}
	u.Commit()
	set.Settle()
}

// owned is a Server with tenants, and the address that bearers call.
func owned(t *testing.T, models ...*model.Tenant) (*Server, *tenant.Set, string) {
	t.Helper()
	set := tenant.NewSet(tenant.Options{Logger: slog.New(slog.DiscardHandler), Permits: 1})
	t.Cleanup(set.Close)
	have(t, set, models...)
	s, _, _ := open(t, Options{Control: &fake{}, Tenants: set, Programs: takes{}})
	_, bind := s.Addresses()
	return s, set, bind
}

// dial sends what a bearer says first.
func dial(t *testing.T, bind, format string, args ...any) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", bind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // a test that would hang
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// TestTokenAtTheTurn: whoever began an upload by a token may not end it when the
// tenant has not that token any more, or is another one by that name, even if that
// one has the same token.
func TestTokenAtTheTurn(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 5000)
	longer := hold("a", "token")
	longer.Instructions = 1 << 20
	for _, tt := range []struct {
		name   string
		change [][]*model.Tenant
		tells  bool // the server knows before the body has come
		status int
	}{
		{"nothing", nil, true, 200},
		{"another limit", [][]*model.Tenant{{longer}}, true, 200},
		{"another token", [][]*model.Tenant{{hold("a", "new")}}, false, 403},
		{"another token, known", [][]*model.Tenant{{hold("a", "new")}}, true, 403},
		{"removed", [][]*model.Tenant{{hold("b", "token")}}, false, 403},
		{"another owner", [][]*model.Tenant{{}, {hold("a", "new")}}, false, 403},
		{"another owner, the same token", [][]*model.Tenant{{}, {hold("a", "token")}}, false, 403},
		{"another owner, known", [][]*model.Tenant{{}, {hold("a", "token")}}, true, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, set, bind := owned(t, hold("a", "token"))
			c, r := dial(t, bind, "POST /v1/tenants/a/program HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:1])
			for begun := false; !begun && t.Context().Err() == nil; {
				begun = s.uploads.UnderWay("a") == 1
			}
			for _, models := range tt.change {
				have(t, set, models...)
			}
			if tt.tells {
				s.Settled(2, true)
			}
			if !tt.tells || tt.status == 200 { // else it does not wait for the rest
				if _, err := c.Write(body[1:]); err != nil {
					t.Fatal(err)
				}
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status {
				said, _ := io.ReadAll(resp.Body)
				t.Errorf("%s: %s", resp.Status, said)
			}
		})
	}
}

// TestFollowingEnds: who follows a tenant's lines does so as long as he may, and as
// there is that tenant.
func TestFollowingEnds(t *testing.T) {
	for name, change := range map[string][]*model.Tenant{"another token": {hold("a", "new")}, "removed": {}} {
		t.Run(name, func(t *testing.T) {
			s, set, bind := owned(t, hold("a", "token"))
			_, r := dial(t, bind, "GET /v1/tenants/a/logs?follow=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token\r\n\r\n")
			resp, err := http.ReadResponse(r, nil)
			if err != nil || resp.StatusCode != 200 {
				t.Fatal(resp, err)
			}
			have(t, set, change...)
			s.Settled(2, true)
			if rest, err := io.ReadAll(resp.Body); err != nil || strings.Contains(string(rest), "error") {
				t.Errorf("it ends with %q, %v", rest, err)
			}
		})
	}
	t.Run("by the operator", func(t *testing.T) {
		s, set, _ := owned(t, hold("a", "token"))
		socket, _ := s.Addresses()
		c := NewClient(socket)
		t.Cleanup(c.http.CloseIdleConnections)
		resp, err := c.do(t.Context(), "GET", "/v1/tenants/a/logs?follow=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		have(t, set)
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Error(err)
		}
	})
}

// TestWrongTokensOfOthers: who holds a token is answered, whatever others of the same
// address try; behind a front on this host those are told apart.
func TestWrongTokensOfOthers(t *testing.T) {
	_, _, bind := owned(t, hold("a", "token"))
	ask := func(token, forwarded string) int {
		t.Helper()
		_, r := dial(t, bind, "GET /v1/tenants/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nX-Forwarded-For: %s\r\nConnection: close\r\n\r\n", token, forwarded)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	refused := 0
	for range 40 {
		switch got := ask("wrong", "made up, 192.0.2.1"); got {
		case 429:
			refused++
		case 403:
		default:
			t.Fatal(got)
		}
		if got := ask("token", "192.0.2.1"); got != 200 {
			t.Fatalf("the right token: %d", got)
		}
	}
	if refused < 20 {
		t.Errorf("%d of 40 wrong tokens are refused unseen", refused)
	}
	if got := ask("wrong", "192.0.2.1, 192.0.2.2"); got != 403 {
		t.Errorf("another client's first wrong token: %d", got)
	}
	if got := ask("wrong", "nobody"); got != 403 {
		t.Errorf("the front's own: %d", got)
	}
}

// TestSilentConnections: connections that ask nothing take no more descriptors than
// they may, and nobody's place.
func TestSilentConnections(t *testing.T) {
	s := New(Options{Control: &fake{}, Status: func() Status { return Status{Generation: 4} }})
	t.Cleanup(s.Close)
	u, err := s.Prepare(filepath.Join(t.TempDir(), "a.sock"), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door := u.bind
	door.server.ReadHeaderTimeout = time.Hour // it is not what ends them
	u.Commit()
	socket, bind := s.Addresses()
	c := NewClient(socket)
	t.Cleanup(c.http.CloseIdleConnections)
	var first net.Conn
	for i := range 2 * maxConns {
		conn, _ := dial(t, bind, "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
		if i == 0 {
			first = conn
		}
	}
	if _, err := io.ReadAll(first); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the first is open still: %v", err)
	}
	for n := int64(maxConns + 1); n > maxConns && t.Context().Err() == nil; {
		n = door.open.Load()
	}
	_, r := dial(t, bind, "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("who asks: %v, %v", resp, err)
	}
	if st, err := c.Status(t.Context()); err != nil || st.Generation != 4 {
		t.Errorf("the operator: %+v, %v", st, err)
	}
}
