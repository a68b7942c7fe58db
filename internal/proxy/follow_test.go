package proxy

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/internal/model"
)

// answering answers every request with the server's name.
func answering(name string) func(*client) {
	return constant(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(name), name))
}

// colours is a configuration of two backends with a server each, of which the
// route names one. Clients are pinned by a cookie of one name.
func colours(blue, green, now, follow string) *model.Config {
	cfg := base()
	make := func(name, address string) *model.Backend {
		b := *cfg.Backends[0]
		b.Name, b.Grace = name, time.Hour
		b.Servers = []*model.Server{{Name: "a", Address: address, Weight: 100}}
		b.Persist = &model.Persist{Kind: "cookie", Mode: "insert", Name: "SRV", Follow: follow}
		return &b
	}
	cfg.Backends = []*model.Backend{make("blue", blue), make("green", green)}
	cfg.VHosts[0].Routes[0].Backend = now
	return cfg
}

// TestSessionsFollow: a session goes where its route goes, unless its former
// backend has a grace and says that sessions stay.
func TestSessionsFollow(t *testing.T) {
	for _, c := range []struct {
		follow string
		gone   bool // the former backend leaves the configuration
		want   string
	}{
		{"route", false, "green"}, {"route", true, "green"}, {"session", false, "blue"}, {"session", true, "blue"},
	} {
		t.Run(fmt.Sprint(c.follow, c.gone), func(t *testing.T) {
			blue, green := newOrigin(t, answering("blue")), newOrigin(t, answering("green"))
			r := newRig(t, colours(blue.addr, green.addr, "blue", c.follow))
			conn := r.dial()
			get := func(cookie string) (where, set string) {
				conn.send("GET / HTTP/1.1\r\nHost: x\r\nCookie: " + cookie + "\r\n\r\n")
				head, body := conn.answer()
				_, set, _ = strings.Cut(head, "Set-Cookie: ")
				set, _, _ = strings.Cut(set, ";")
				return body, set
			}
			where, cookie := get("a=b")
			if where != "blue" || cookie == "" {
				t.Fatalf("at first %s with %q", where, cookie)
			}
			after := func() *model.Config {
				cfg := colours(blue.addr, green.addr, "green", c.follow)
				if c.gone {
					cfg.Backends = cfg.Backends[1:]
				}
				return cfg
			}
			r.apply(after())
			for i := range 5 {
				if got, set := get(cookie); got != c.want || (set != "") != (c.want == "green") {
					t.Fatalf("its session goes to %s, and gets %q", got, set)
				}
				if got, _ := get("a=b"); got != "green" {
					t.Errorf("a new client goes to %s", got)
				}
				// Changes that say nothing of it do not end it, be the plan made anew or not.
				cfg := after()
				if i%2 == 1 {
					cfg.VHosts[0].Routes[0].Limits.Body = int64(1000 + i)
				}
				r.apply(cfg)
			}
			// The new server's own cookie leads to it.
			_, own := get("a=b")
			if got, _ := get(own); got != "green" {
				t.Errorf("a session of the new backend goes to %s", got)
			}
			// And back: nobody is left over.
			r.apply(colours(blue.addr, green.addr, "blue", c.follow))
			if got, _ := get(cookie); got != "blue" {
				t.Errorf("after it was taken back the session goes to %s", got)
			}
			if c.follow == "session" {
				if got, _ := get(own); got != "green" {
					t.Errorf("the other's session goes to %s", got)
				}
			}
		})
	}
}

// TestNoFailureWhileBackendsChange: under load, servers come, go and return,
// balancers and graces change, whole backends are exchanged, and no request
// fails or is answered by anybody but a server.
func TestNoFailureWhileBackendsChange(t *testing.T) {
	var addresses []string
	for range 4 {
		addresses = append(addresses, newOrigin(t, constant(hello)).addr)
	}
	make := func(i int) *model.Config {
		cfg := base()
		b := *cfg.Backends[0]
		if i%5 == 4 {
			b.Name = "other"
		}
		for k, a := range addresses {
			// Another one of the four, or two of them, are missing each time.
			if k != i%4 && (i%3 != 0 || k != (i+1)%4) {
				b.Servers = append(b.Servers, &model.Server{Name: fmt.Sprint("s", k), Address: a, Weight: 50 + i%7})
			}
		}
		b.Grace = time.Duration(i%2) * time.Minute
		text := []string{"roundrobin", "leastconn", "maglev", "p2c"}[i/2%4]
		b.Balance = model.Balance{Text: text, Steps: []model.BalanceStep{{Name: text}}}
		if i%6 > 2 {
			b.Persist = &model.Persist{Kind: "cookie", Mode: "insert", Name: "SRV"}
		}
		if i%4 == 3 {
			b.Queue = &model.Queue{Limit: 1000, Timeout: 5 * time.Second}
			for _, s := range b.Servers {
				s.MaxConnections = 2
			}
		}
		cfg.Backends = []*model.Backend{&b}
		cfg.VHosts[0].Routes[0].Backend = b.Name
		return cfg
	}
	r := newRig(t, make(0))
	var stop atomic.Bool
	var load sync.WaitGroup
	defer load.Wait()
	defer stop.Store(true)
	clients := [6]chan struct{}{} // each has an element when its client was answered
	for i := range clients {
		conn, told := r.dial(), newChannel()
		clients[i] = told
		load.Go(func() { ask(t, conn, &stop, told) })
	}
	for i := range 100 {
		r.apply(make(i + 1))
		for _, told := range clients {
			for range 2 { // the first may be of a request before the change
				if _, more := <-told; !more {
					return // it has failed
				}
			}
		}
	}
	for _, c := range r.causes.Counts() {
		t.Errorf("%+v", c)
	}
}

func newChannel() chan struct{} { return make(chan struct{}, 1) }

// ask sends requests with the cookie that it was given until stop is set, and
// tells of each answer. The first that is not from a server fails the test.
func ask(t *testing.T, c *client, stop *atomic.Bool, told chan<- struct{}) {
	defer close(told)
	cookie := ""
	for !stop.Load() {
		if _, err := io.WriteString(c.Conn, "GET / HTTP/1.1\r\nHost: x\r\n"+cookie+"\r\n"); err != nil {
			t.Error(err)
			return
		}
		head, ok := c.request()
		body := [5]byte{}
		if _, err := io.ReadFull(c.in, body[:]); !ok || err != nil || string(body[:]) != "hello" || !strings.HasPrefix(head, "HTTP/1.1 200 ") {
			t.Errorf("%q %q: %v", head, body, err)
			return
		}
		if _, set, found := strings.Cut(head, "Set-Cookie: "); found {
			pair, _, _ := strings.Cut(set, ";")
			cookie = "Cookie: " + pair + "\r\n"
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}
}
