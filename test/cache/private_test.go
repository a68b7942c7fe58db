package cache

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"fishplate/test/harness"
)

// personal are the ways in which an answer says that it is for one user.
var personal = []string{
	"Cache-Control: private, max-age=100",
	"Cache-Control: no-store",
	"Cache-Control: no-cache",
	"Cache-Control: max-age=100\r\nVary: Cookie, Authorization",
	"Cache-Control: max-age=100\r\nVary: *",
	"Cache-Control: max-age=100\r\nSet-Cookie: u=%s",
	"Cache-Control: max-age=0",
	"Expires: 0",
	"Cache-Control: max-age=100, private=\"\"",
	"Cache-Control: public, s-maxage=100, private",
	"Cache-Control: max-age=100\r\nCache-Control: no-store",
	"X-None: 0",
}

// TestPrivateAnswersNeverCross lets users with cookies and credentials ask the
// same few URLs at the same time. What an answer shows of a user is shown to
// that user only, whether the cache stored it, coalesced it or passed it.
func TestPrivateAnswersNeverCross(t *testing.T) {
	const users, requests = 12, 150
	_, addr, _ := launch(t, ordinary, func(w net.Conn, r *http.Request) bool {
		user := "nobody"
		if c, err := r.Cookie("u"); err == nil {
			user = c.Value
		}
		how, authorized := "Cache-Control: max-age=100", false
		if value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			user, authorized = value, true
		}
		body := "shared"
		var n int
		fmt.Sscanf(r.URL.Path, "/p%d", &n)
		switch {
		case strings.HasPrefix(r.URL.Path, "/p"):
			how, body = strings.ReplaceAll(personal[n%len(personal)], "%s", user), "for="+user
		case r.URL.Path == "/auth": // nothing but the request makes it personal
			body = "for=" + user
			if !authorized {
				how = "Cache-Control: private"
			}
		case r.URL.Path == "/mixed": // shared for those without a name only
			if user != "nobody" {
				how, body = "Cache-Control: private", "for="+user
			} else {
				how = "Cache-Control: max-age=100\r\nVary: Cookie, Authorization"
			}
		}
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n%s", how, len(body), body)
		return err == nil
	})
	shown := regexp.MustCompile(`(for|u)=([a-z0-9]+)`)
	var wg sync.WaitGroup
	for i := range users {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 2))
			me := fmt.Sprintf("user%d", i)
			for range requests {
				path := pick(r, "/shared", "/auth", "/mixed", fmt.Sprintf("/p%d", r.IntN(len(personal))), fmt.Sprintf("/p%d", r.IntN(len(personal))))
				m := message{first: pick(r, "GET", "GET", "GET", "HEAD"), target: path}
				name := me
				switch {
				case path == "/auth" || r.IntN(3) == 0:
					m.fields = append(m.fields, "Authorization: Bearer "+me)
				case r.IntN(4) > 0:
					m.fields = append(m.fields, "Cookie: u="+me)
				default:
					name = "nobody"
				}
				if r.IntN(6) == 0 {
					m.fields = append(m.fields, "Cache-Control: "+pick(r, "no-cache", "max-stale", "max-age=0"))
				}
				got, err := ask(addr, "x.plain.test", m)
				if err != nil {
					t.Errorf("%s %s: %v", m.first, path, err)
					return
				}
				if got.first == "504" {
					continue
				}
				for _, f := range shown.FindAllStringSubmatch(got.body+" "+got.header.Get("Set-Cookie"), -1) {
					if f[2] != name {
						t.Errorf("%s asked for %s %v and got %q, Set-Cookie %q", name, path, m.fields, got.body, got.header.Get("Set-Cookie"))
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestPartitionsNeverMeet: two virtual hosts whose keys leave the host out, and
// two tenants' worth of the same paths, asked in turn.
func TestPartitionsNeverMeet(t *testing.T) {
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=100\r\nSurrogate-Key: t\r\nContent-Length: %d\r\n\r\n%s", len(r.Host), r.Host)
		return err == nil
	}))
	addr := harness.FreeAddr(t)
	text := fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [%q] }\n", addr, o.Addr)
	for _, name := range []string{"a", "b"} {
		text += fmt.Sprintf("vhost %q {\n  hosts = [\"%s.test\"]\n  cache {\n    key {\n      host = false\n    }\n  }\n  route \"all\" { backend = \"app\" }\n}\n", name, name)
	}
	s := harness.Start(t, text)
	say := func(host, want string, stored bool) {
		t.Helper()
		got, err := ask(addr, host, message{first: "GET", target: "/same"})
		if err != nil {
			t.Fatal(err)
		}
		if _, hit := got.header["Age"]; got.body != want || hit != stored {
			t.Errorf("%s got %q, stored: %t; want %q, %t", host, got.body, hit, want, stored)
		}
	}
	say("a.test", "a.test", false)
	say("b.test", "b.test", false)
	say("a.test", "a.test", true)
	say("b.test", "b.test", true)
	if out, errs, code := s.Run("purge", "http://a.test/same"); code != 0 {
		t.Fatalf("purge: exit %d\n%s%s", code, out, errs)
	}
	say("b.test", "b.test", true)
	say("a.test", "a.test", false)
}
