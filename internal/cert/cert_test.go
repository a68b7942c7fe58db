package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"fishplate/internal/model"
)

// files are made pairs: name.pem and name.key.
type files map[string][]byte

func (f files) read(path string) ([]byte, error) {
	text, ok := f[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return text, nil
}

// add makes a self-signed pair for the names.
func (f files) add(t testing.TB, name string, until time.Time, names ...string) *model.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(f) + 1)), Subject: pkix.Name{CommonName: name},
		NotBefore: until.Add(-1000 * time.Hour), NotAfter: until, DNSNames: names,
		IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	f[name+".pem"] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	f[name+".key"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	return &model.Certificate{Name: name, Cert: name + ".pem", Key: name + ".key"}
}

func handshake(t testing.TB, server *tls.Config, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		s := tls.Server(b, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x")) // carries the session ticket
		}
		done <- err
	}()
	c := tls.Client(a, client)
	err := c.Handshake()
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	a.Close()
	return c.ConnectionState(), errors.Join(err, <-done)
}

func TestChosenByServerName(t *testing.T) {
	f := files{}
	later := time.Now().Add(1000 * time.Hour)
	certs := []*model.Certificate{f.add(t, "shop", later, "shop.test", "*.shop.test"), f.add(t, "other", later, "other.test"), f.add(t, "spare", later, "spare.test")}
	s := NewStore(Options{ReadFile: f.read})
	defer s.Close()
	u, err := s.Prepare(certs, []*model.Listener{{Name: "web", TLS: &model.ListenerTLS{Certificates: []string{"shop", "other"}, Default: "spare"}}})
	if err != nil {
		t.Fatal(err)
	}
	u.Commit()
	for name, want := range map[string]string{
		"shop.test": "shop", "SHOP.test": "shop", "a.shop.test": "shop", "a.b.shop.test": "spare",
		"other.test": "other", "nobody.test": "spare", "": "spare",
	} {
		st, err := handshake(t, u.Configs()["web"], &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if got := st.PeerCertificates[0].Subject.CommonName; got != want || st.NegotiatedProtocol != "http/1.1" {
			t.Errorf("%q: certificate %q, protocol %q; want %q", name, got, st.NegotiatedProtocol, want)
		}
	}
}

func TestTicketsSurviveReloadAndTurns(t *testing.T) {
	f := files{}
	now := time.Now()
	certs := []*model.Certificate{f.add(t, "a", now.Add(1000*time.Hour), "a.test")}
	s := NewStore(Options{ReadFile: f.read, Now: func() time.Time { return now }})
	defer s.Close()
	listeners := []*model.Listener{
		{Name: "one", TLS: &model.ListenerTLS{Certificates: []string{"a"}, Tickets: time.Hour}},
		{Name: "two", TLS: &model.ListenerTLS{Certificates: []string{"a"}, Tickets: time.Hour}},
	}
	prepare := func() map[string]*tls.Config {
		u, err := s.Prepare(certs, listeners)
		if err != nil {
			t.Fatal(err)
		}
		u.Commit()
		return u.Configs()
	}
	cfg := prepare()
	client := &tls.Config{ServerName: "a.test", InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	resumed := func(what string, server *tls.Config, want bool) {
		t.Helper()
		st, err := handshake(t, server, client)
		if err != nil || st.DidResume != want {
			t.Errorf("%s: resumed %v, want %v (%v)", what, st.DidResume, want, err)
		}
	}
	resumed("first", cfg["one"], false)
	resumed("another listener", cfg["two"], true)
	resumed("after a reload", prepare()["one"], true)
	cfg = prepare()
	now = now.Add(time.Hour)
	s.turn()
	resumed("one key later", cfg["one"], true)
	for range keysKept {
		now = now.Add(time.Hour)
		s.turn()
	}
	resumed("when the key is gone", cfg["one"], false)
}

func TestClientCertificates(t *testing.T) {
	f := files{}
	later := time.Now().Add(1000 * time.Hour)
	certs := []*model.Certificate{f.add(t, "a", later, "a.test"), f.add(t, "me", later), f.add(t, "stranger", later)}
	s := NewStore(Options{ReadFile: f.read})
	defer s.Close()
	for _, auth := range []string{"optional", "required"} {
		u, err := s.Prepare(certs, []*model.Listener{{Name: "web", TLS: &model.ListenerTLS{Certificates: []string{"a"}, ClientCA: "me.pem", ClientAuth: auth, MinVersion: "1.3"}}})
		if err != nil {
			t.Fatal(err)
		}
		for who, want := range map[string]bool{"me": true, "stranger": false, "": auth == "optional"} {
			client := &tls.Config{InsecureSkipVerify: true}
			if who != "" {
				pair, err := tls.X509KeyPair(f[who+".pem"], f[who+".key"])
				if err != nil {
					t.Fatal(err)
				}
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
			}
			if _, err := handshake(t, u.Configs()["web"], client); (err == nil) != want {
				t.Errorf("%s, client %q: %v", auth, who, err)
			}
		}
	}
}

func TestPrepareNamesEveryTrouble(t *testing.T) {
	f := files{}
	later := time.Now().Add(1000 * time.Hour)
	a := f.add(t, "a", later, "a.test")
	f.add(t, "b", later, "b.test")
	s := NewStore(Options{ReadFile: f.read})
	defer s.Close()
	_, err := s.Prepare([]*model.Certificate{{Name: "gone", Cert: "gone.pem", Key: "gone.key"}, {Name: "mixed", Cert: "a.pem", Key: "b.key"}}, nil)
	if err == nil || !strings.Contains(err.Error(), `certificate "gone"`) || !strings.Contains(err.Error(), `certificate "mixed"`) {
		t.Errorf("got %v", err)
	}
	for want, tls := range map[string]model.ListenerTLS{
		`no certificate "x"`:    {Certificates: []string{"x"}},
		`min_version "1.1"`:     {Certificates: []string{"a"}, MinVersion: "1.1"},
		`curve "P1" is unknown`: {Certificates: []string{"a"}, Curves: []string{"P1"}},
		`client_auth "maybe"`:   {Certificates: []string{"a"}, ClientAuth: "maybe"},
		"no certificates":       {},
	} {
		_, err := s.Prepare([]*model.Certificate{a}, []*model.Listener{{Name: "web", TLS: &tls}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	f := files{}
	now := time.Now()
	s := NewStore(Options{ReadFile: f.read})
	defer s.Close()
	for name, tt := range map[string]struct {
		until time.Time
		want  string
	}{"fine": {now.Add(1000 * time.Hour), ""}, "near": {now.Add(24 * time.Hour), "expires on "}, "over": {now.Add(-time.Hour), "expired on "}} {
		m := f.add(t, name, tt.until, name+".test")
		u, err := s.Prepare([]*model.Certificate{m}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := u.Warnings(m)
		if !strings.HasPrefix(strings.Join(got, ""), tt.want) || (tt.want == "") != (len(got) == 0) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestWhatDidNotChangeIsShared: a connection that began under an earlier generation
// holds no certificates of its own, and one that begins on its configuration is
// presented what was committed last.
func TestWhatDidNotChangeIsShared(t *testing.T) {
	f := files{}
	later := time.Now().Add(1000 * time.Hour)
	a := f.add(t, "a", later, "a.test")
	certs := []*model.Certificate{a, f.add(t, "b", later, "b.test")}
	s := NewStore(Options{ReadFile: f.read})
	defer s.Close()
	prepare := func() *Update {
		u, err := s.Prepare(certs, []*model.Listener{{Name: "web", TLS: &model.ListenerTLS{Certificates: []string{"a", "b"}, ClientCA: "a.pem", ClientAuth: "optional"}}})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	first := prepare()
	first.Commit()
	presented := func(cfg *tls.Config) *big.Int {
		st, err := handshake(t, cfg, &tls.Config{ServerName: "a.test", InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		return st.PeerCertificates[0].SerialNumber
	}
	was := presented(first.Configs()["web"])
	f.add(t, "a", later, "a.test")
	u := prepare()
	if u.loaded["a"] == first.loaded["a"] || u.loaded["b"] != first.loaded["b"] {
		t.Error("what changed was not read, or what did not was read again")
	}
	if presented(first.Configs()["web"]).Cmp(was) != 0 {
		t.Error("what was only prepared is presented")
	}
	u.Commit()
	for _, cfg := range []*tls.Config{first.Configs()["web"], u.Configs()["web"]} {
		if presented(cfg).Cmp(was) == 0 {
			t.Error("the certificate before is presented")
		}
	}
	if again := prepare(); again.loaded["a"] != u.loaded["a"] || again.Configs()["web"].ClientCAs != u.Configs()["web"].ClientCAs {
		t.Error("what did not change was read again")
	}
}

// TestWallClockIsSet: keys turn and tickets end by the dates that the clock shows, and
// so do clients' certificates. Ours are presented whatever it says, with a warning at
// the next change: nothing here renews or checks them meanwhile.
func TestWallClockIsSet(t *testing.T) {
	f := files{}
	begin := time.Now().Round(0)
	now := begin
	certs := []*model.Certificate{f.add(t, "a", begin.Add(30*time.Minute), "a.test"), f.add(t, "me", begin.Add(30*time.Minute))}
	s := NewStore(Options{ReadFile: f.read, Now: func() time.Time { return now }})
	defer s.Close()
	s.Inherit(Keys{List: [][32]byte{{1}}, Since: begin.Add(time.Hour)}) // of a process whose clock was ahead
	prepare := func() *Update {
		u, err := s.Prepare(certs, []*model.Listener{{Name: "web", TLS: &model.ListenerTLS{Certificates: []string{"a"}, Tickets: 12 * time.Hour, ClientCA: "me.pem", ClientAuth: "optional"}}})
		if err != nil {
			t.Fatal(err)
		}
		u.Commit()
		return u
	}
	u := prepare()
	if s.turn(); len(s.Keys().List) != 2 || !s.Keys().Since.Equal(begin) {
		t.Error("a key of the future encrypts on")
	}
	client := &tls.Config{ServerName: "a.test", InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(4), Time: func() time.Time { return begin }}
	pair, err := tls.X509KeyPair(f["me.pem"], f["me.key"])
	if err != nil {
		t.Fatal(err)
	}
	me := &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }}
	if _, err := handshake(t, u.Configs()["web"], client); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		step     time.Duration
		keys     int // afterwards
		resumes  bool
		me       bool
		warnings int
	}{
		{0, 2, true, true, 1}, // it ends soon
		{time.Hour, 2, true, false, 1},
		{0, 2, true, true, 1},
		{-time.Hour, 3, true, true, 1}, // the key that encrypted is of the future now
	} {
		now = begin.Add(tt.step)
		s.turn()
		if n := len(s.Keys().List); n != tt.keys {
			t.Errorf("stepped by %v: %d keys, want %d", tt.step, n, tt.keys)
		}
		if st, err := handshake(t, u.Configs()["web"], client); err != nil || st.DidResume != tt.resumes {
			t.Errorf("stepped by %v: resumed %v (%v)", tt.step, st.DidResume, err)
		}
		if _, err := handshake(t, u.Configs()["web"], me); (err == nil) != tt.me {
			t.Errorf("stepped by %v: a client's certificate: %v", tt.step, err)
		}
		if w := prepare().Warnings(certs[0]); len(w) != tt.warnings {
			t.Errorf("stepped by %v: warned of %v", tt.step, w)
		}
	}
}
