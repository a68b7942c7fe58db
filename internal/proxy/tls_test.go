package proxy

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fishplate/internal/cert"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// pair makes a certificate for names.
func pair(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tlsRig is a rig whose listener terminates TLS.
func tlsRig(t testing.TB, cfg *model.Config) *rig {
	t.Helper()
	server := &tls.Config{Certificates: []tls.Certificate{pair(t, "a.test")}, NextProtos: []string{"http/1.1"}}
	return newRigWith(t, cfg, func(p *Parts) { p.TLS = map[string]*tls.Config{"web": server} })
}

func (r *rig) dialTLS() *client {
	r.t.Helper()
	c := r.dial()
	s := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"})
	if err := s.Handshake(); err != nil {
		r.t.Fatal(err)
	}
	return &client{t: r.t, Conn: s, in: bufio.NewReader(s)}
}

// TestFingerprintOfClients: what the client said first can be used by rules, for
// each request of the connection.
func TestFingerprintOfClients(t *testing.T) {
	cfg := base(newOrigin(t, echoBodies).addr)
	cfg.VHosts[0].Routes = []*model.Route{{Name: "who", Respond: &model.Respond{Status: 200, Headers: []model.FieldEdit{{Name: "X-Print", Value: quoted(t, "${tls.ja4}")}}}}}
	server := &tls.Config{Certificates: []tls.Certificate{pair(t, "a.test")}, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		h.Conn.(cert.Greeter).Greeted(h)
		return nil, nil
	}}
	r := newRigWith(t, cfg, func(p *Parts) { p.TLS = map[string]*tls.Config{"web": server} })
	c := r.dialTLS()
	for range 2 {
		c.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
		if head, _ := c.answer(); !strings.Contains(head, "\r\nX-Print: t13d") {
			t.Errorf("%q", head)
		}
	}
}

func TestTLS(t *testing.T) {
	o := newOrigin(t, echoBodies)
	r := tlsRig(t, base(o.addr))
	c := r.dialTLS()
	body := strings.Repeat("x", 300<<10)
	for _, how := range []string{"/length", "/chunked"} {
		go io.WriteString(c.Conn, "POST "+how+" HTTP/1.1\r\nHost: a.test\r\nContent-Length: 307200\r\n\r\n"+body)
		head := c.head()
		got := ""
		if strings.Contains(head, "chunked") {
			got = c.chunked()
		} else {
			got = c.bytes(len(body))
		}
		if got != body {
			t.Fatalf("%s: %q and %d bytes", how, head, len(got))
		}
	}
	eventually(t, "the connection parked", func() bool { return r.process.Value(metrics.ProcessParked) == 1 })
	for range 3 {
		c.send("GET /length HTTP/1.1\r\nHost: a.test\r\n\r\n")
		c.answer()
	}
	if rec := r.record(); rec["tls"] != "1.3" {
		t.Errorf("record %v", rec)
	}
}

func TestWrongProtocolIsTold(t *testing.T) {
	o := newOrigin(t, constant(hello))
	secure := tlsRig(t, base(o.addr))
	c := secure.dial()
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if h, body := c.answer(); !strings.HasPrefix(h, "HTTP/1.1 400 ") || !strings.Contains(body, "TLS") {
		t.Errorf("HTTP on a TLS port: %q %q", h, body)
	}
	plain := newRig(t, base(o.addr))
	c = plain.dial()
	if err := tls.Client(deaf{c.Conn}, &tls.Config{InsecureSkipVerify: true}).Handshake(); err == nil {
		t.Error("a handshake with nobody")
	}
	if h, body := c.answer(); !strings.HasPrefix(h, "HTTP/1.1 400 ") || !strings.Contains(body, "tls") {
		t.Errorf("TLS on a plain port: %q %q", h, body)
	}
}

// deaf is a connection whose answers somebody else reads.
type deaf struct{ net.Conn }

func (deaf) Read([]byte) (int, error) { return 0, io.EOF }

func TestPassThroughByServerName(t *testing.T) {
	server := &tls.Config{Certificates: []tls.Certificate{pair(t, "b.test")}}
	inner := newOrigin(t, func(c *client) {
		s := tls.Server(c.Conn, server)
		p := make([]byte, 4)
		if _, err := io.ReadFull(s, p); err == nil {
			s.Write(append([]byte("got "), p...))
		}
		s.CloseWrite()
	})
	cfg := base(inner.addr)
	cfg.Listeners[0].Protocols = []string{"tcp"}
	cfg.VHosts[0].SNI = []string{"b.test"}
	r := newRig(t, cfg)
	c := r.dial()
	s := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, ServerName: "b.test"})
	if _, err := s.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(s); err != nil || string(got) != "got ping" {
		t.Errorf("got %q, %v", got, err)
	}
	c.Close()
	if rec := r.record(); rec["tunnel"] != true || rec["host"] != "b.test" || rec["backend"] != "app" {
		t.Errorf("record %v", rec)
	}
}

// TestPassThroughOfAnybody: with one place for all, nobody needs a name, and the
// server may speak first.
func TestPassThroughOfAnybody(t *testing.T) {
	o := newOrigin(t, func(c *client) {
		io.WriteString(c.Conn, "220 ready\r\n")
		p := make([]byte, 4)
		if _, err := io.ReadFull(c.Conn, p); err == nil {
			c.Write(append([]byte("got "), p...))
		}
		c.Close()
	})
	cfg := base(o.addr)
	cfg.Listeners[0].Protocols = []string{"tcp"}
	cfg.VHosts[0].SNI = []string{"*"}
	r := newRig(t, cfg)
	c := r.dial()
	greeting := make([]byte, 11)
	if _, err := io.ReadFull(c.Conn, greeting); err != nil || string(greeting) != "220 ready\r\n" {
		t.Fatalf("got %q, %v", greeting, err)
	}
	c.send("QUIT")
	if got := c.rest(); got != "got QUIT" {
		t.Errorf("got %q", got)
	}
	c.Close()
	if rec := r.record(); rec["tunnel"] != true || rec["backend"] != "app" {
		t.Errorf("record %v", rec)
	}
}

func TestProxyProtocol(t *testing.T) {
	got := make(chan string, 1)
	o := newOrigin(t, func(c *client) {
		head, _ := c.request()
		got <- head
		io.WriteString(c.Conn, hello)
	})
	cfg := base(o.addr)
	cfg.Listeners[0].ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	r := newRig(t, cfg)
	c := r.dial()
	c.send("PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.answer()
	if head := <-got; !strings.Contains(head, "X-Forwarded-For: 192.0.2.7\r\n") {
		t.Errorf("the origin got %q", head)
	}
	if rec := r.record(); rec["client"] != "192.0.2.7:4711" {
		t.Errorf("record %v", rec)
	}
	c = r.dial()
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a connection without PROXY header was served")
	}
}

func TestMirror(t *testing.T) {
	copies := make(chan string, 10)
	shadow := newOrigin(t, func(c *client) {
		for {
			head, ok := c.request()
			if !ok {
				return
			}
			copies <- head + c.bytes(2)
			io.WriteString(c.Conn, hello)
		}
	})
	o := newOrigin(t, echoBodies)
	cfg := base(o.addr)
	cfg.Backends = append(cfg.Backends, &model.Backend{
		Name: "shadow", Balance: cfg.Backends[0].Balance, Protocol: "http/1.1", Timeouts: cfg.Backends[0].Timeouts, Pool: cfg.Backends[0].Pool,
		Servers: []*model.Server{{Name: "s", Address: shadow.addr, Weight: 100}},
	})
	cfg.VHosts[0].Routes[0].Mirror = "shadow"
	r := newRig(t, cfg)
	c := r.dial()
	c.send("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
	if _, body := c.answer(); body != "hi" {
		t.Fatalf("got %q", body)
	}
	select {
	case got := <-copies:
		if !strings.HasPrefix(got, "POST /length HTTP/1.1\r\n") || !strings.HasSuffix(got, "hi") {
			t.Errorf("the mirror got %q", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("the mirror got nothing")
	}
}
