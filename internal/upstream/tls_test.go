package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"io/fs"
	"math/big"
	"net"
	"testing"
	"testing/fstest"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/upstream/secure"
)

// authority is a certificate authority of the test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.pem, a.key = a.sign(t, a.cert)
	return a
}

// sign completes a template and returns its certificate in PEM and its key.
func (a *authority) sign(t *testing.T, template *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key
}

func (a *authority) pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}
	cert, private := a.sign(t, template)
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

// secureOrigin is an origin behind TLS for app.internal; it demands a client
// certificate and records the SNI.
func secureOrigin(t *testing.T, a *authority, sni chan<- string) *origin {
	t.Helper()
	cert, key := a.pair(t, "app.internal")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.pem)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOrigin(t, tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots,
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			select {
			case sni <- h.ServerName:
			default:
			}
			return nil, nil
		},
	}))
}

func tlsFiles(t *testing.T, a *authority) fs.FS {
	cert, key := a.pair(t, "client")
	other := newAuthority(t)
	return fstest.MapFS{
		"etc/ca.pem": {Data: a.pem}, "etc/other.pem": {Data: other.pem}, "etc/client.pem": {Data: cert}, "etc/client.key": {Data: key},
		"etc/empty.pem": {Data: []byte("nothing")},
	}
}

func TestTLS(t *testing.T) {
	a, sni := newAuthority(t), make(chan string, 10)
	o := secureOrigin(t, a, sni)
	s := newSet(t, Options{FS: tlsFiles(t, a)})
	m := backendOf(o.address())
	m.TLS = &model.BackendTLS{CA: "/etc/ca.pem", ServerName: "app.internal", Cert: "/etc/client.pem", Key: "/etc/client.key"}
	m.Check = &model.Check{Kind: "http", Path: "/", StatusLow: 200, StatusHigh: 200, Interval: time.Hour, Timeout: 5 * time.Second, Rise: 1, Fall: 1}
	b := commit(t, s, m)
	eventually(t, "check over TLS", "up", b.Servers()[0].State)
	l := must(t, b, pick("GET", "/"))
	if l.Conn.Plain != nil || l.Conn.TLS == nil || l.Conn.Raw == nil {
		t.Errorf("%+v", l.Conn)
	}
	if err := exchange(&l); err != nil {
		t.Fatal(err)
	}
	if got := <-sni; got != "app.internal" {
		t.Errorf("SNI %q", got)
	}
	l.Release(true)
	if _, reused := use(t, b, pick("GET", "/")); !reused {
		t.Error("an idle TLS connection is not reused")
	}
	// A second connection resumes the session.
	x, y := must(t, b, pick("GET", "/")), must(t, b, pick("GET", "/"))
	if err := exchange(&y); err != nil {
		t.Fatal(err)
	}
	x.Release(true)
	y.Release(true)
	if n := b.Servers()[0].Counters().Value(ServerTLSResumed); n == 0 {
		t.Error("no session was resumed")
	}
	// The same settings over a reload: idle connections stay. Others: they go.
	b = commit(t, s, m)
	if _, reused := use(t, b, pick("GET", "/")); !reused {
		t.Error("a reload closed idle TLS connections")
	}
	other := *m
	other.TLS = &model.BackendTLS{CA: "/etc/other.pem", ServerName: "app.internal", Cert: "/etc/client.pem", Key: "/etc/client.key"}
	other.Check = nil // it would fail too, and take the server out before it is asked
	b = commit(t, s, &other)
	_, f := b.Acquire(t.Context(), pick("GET", "/"))
	if f == nil || f.Cause != "server-tls" || f.Status != 502 {
		t.Errorf("another CA: %v", f)
	}
}

func TestTLSFailures(t *testing.T) {
	a := newAuthority(t)
	o, plain := secureOrigin(t, a, nil), newOrigin(t)
	files := tlsFiles(t, a)
	for _, c := range []struct {
		name, address string
		tls           model.BackendTLS
		refused       bool
	}{
		{"wrong name", o.address(), model.BackendTLS{CA: "/etc/ca.pem", ServerName: "other.internal", Cert: "/etc/client.pem", Key: "/etc/client.key"}, true},
		{"name from the address", o.address(), model.BackendTLS{CA: "/etc/ca.pem", Cert: "/etc/client.pem", Key: "/etc/client.key"}, true},
		{"unknown authority", o.address(), model.BackendTLS{ServerName: "app.internal"}, true},
		{"verification off", o.address(), model.BackendTLS{InsecureSkipVerify: true, Cert: "/etc/client.pem", Key: "/etc/client.key"}, false},
		{"server without TLS", plain.address(), model.BackendTLS{CA: "/etc/ca.pem", ServerName: "app.internal"}, true},
	} {
		m := backendOf(c.address)
		m.TLS, m.Timeouts.Connect = &c.tls, time.Second
		b := commit(t, newSet(t, Options{FS: files}), m)
		l, f := b.Acquire(t.Context(), pick("GET", "/"))
		if f == nil {
			l.Release(false)
		}
		if refused := f != nil && (f.Cause == "server-tls" || f.Cause == "connect-timeout" && c.name == "server without TLS"); refused != c.refused {
			t.Errorf("%s: %v", c.name, f)
		}
		if b.Servers()[0].Active() != 0 {
			t.Errorf("%s: the slot is kept", c.name)
		}
	}
}

// gathered is a connection whose writes leave the process together, as the
// segments of a fast server do.
type gathered struct {
	net.Conn
	held []byte
	hold bool
}

func (g *gathered) Write(p []byte) (int, error) {
	if g.hold {
		g.held = append(g.held, p...)
		return len(p), nil
	}
	return g.Conn.Write(p)
}

// TestTLSUnread: a server sends a body with its answer to HEAD, in a record of
// its own that arrives together with the head's. The bytes are gone from the
// socket then, and the connection must not be used again all the same.
func TestTLSUnread(t *testing.T) {
	a := newAuthority(t)
	cert, key := a.pair(t, "app.internal")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
	for _, c := range []struct {
		name   string
		more   string
		reused bool
	}{{"head alone", "", true}, {"with a body", "evil", false}} {
		served := make(chan error, 1)
		go func() {
			served <- func() error {
				raw, err := l.Accept()
				if err != nil {
					return err
				}
				defer raw.Close()
				g := &gathered{Conn: raw}
				s := tls.Server(g, &tls.Config{Certificates: []tls.Certificate{pair}})
				if _, err := io.ReadFull(s, make([]byte, 4)); err != nil {
					return err
				}
				g.hold = true
				for _, part := range []string{head, c.more} {
					if _, err := io.WriteString(s, part); err != nil {
						return err
					}
				}
				g.hold = false
				if _, err := g.Write(g.held); err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, raw) // until the client closes
				return err
			}()
		}()
		m := backendOf(l.Addr().String())
		m.TLS = &model.BackendTLS{CA: "/etc/ca.pem", ServerName: "app.internal"}
		b := commit(t, newSet(t, Options{FS: tlsFiles(t, a)}), m)
		lease := must(t, b, pick("HEAD", "/"))
		if _, err := io.WriteString(lease.Conn.Stream, "HEAD"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(lease.Conn.Stream, make([]byte, len(head))); err != nil {
			t.Fatal(err)
		}
		conn := lease.Conn
		if stale := conn.stale(); stale == c.reused {
			t.Errorf("%s: stale %v", c.name, stale)
		}
		lease.Release(false)
		if err := <-served; err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTLSSilentServer: the connect timeout covers the handshake.
func TestTLSSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	m := backendOf(l.Addr().String())
	m.TLS, m.Timeouts.Connect = &model.BackendTLS{ServerName: "x"}, 50*time.Millisecond
	b := commit(t, newSet(t, Options{}), m)
	if _, f := b.Acquire(t.Context(), pick("GET", "/")); f == nil || f.Cause != "connect-timeout" || f.Status != 504 {
		t.Errorf("%v", f)
	}
	_ = l.Close()
	<-done
}

func TestTLSFiles(t *testing.T) {
	files := tlsFiles(t, newAuthority(t))
	for _, c := range []struct {
		tls  model.BackendTLS
		want string
	}{
		{model.BackendTLS{CA: "/etc/none.pem"}, "read ca: open etc/none.pem: file does not exist"},
		{model.BackendTLS{CA: "/etc/empty.pem"}, "read ca /etc/empty.pem: no certificate in it"},
		{model.BackendTLS{Cert: "/etc/client.pem"}, "read client certificate: cert and key belong together"},
		{model.BackendTLS{Cert: "/etc/client.pem", Key: "/etc/none.key"}, "read client key: open etc/none.key: file does not exist"},
		{model.BackendTLS{Cert: "/etc/ca.pem", Key: "/etc/client.key"}, "read client certificate /etc/ca.pem: tls: private key does not match public key"},
	} {
		if _, err := secure.Load(&c.tls, files); err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %s", c.tls, err, c.want)
		}
	}
}
