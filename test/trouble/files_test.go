package trouble

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fishplate/test/harness"
)

// writeCertificate makes a self-signed pair for the names in dir and returns its paths.
func writeCertificate(t *testing.T, dir, name string, until time.Time, hosts ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func tlsSite(addr, origin, cert, key string) string {
	return fmt.Sprintf(`
certificate "c" {
  cert = %q
  key  = %q
}
listener "web" {
  bind = [%q]
  tls {
    certificates = ["c"]
    default      = "c"
  }
}
backend "app" { servers = [%q] }
vhost "any" { backend = "app" }
`, cert, key, addr, origin)
}

// served over TLS; returns the leaf that was presented.
func tlsGet(t *testing.T, addr, name string) (*x509.Certificate, string) {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(c, get)
	text, _ := io.ReadAll(c)
	return c.ConnectionState().PeerCertificates[0], string(text)
}

// TestCertificateTrouble: a certificate that cannot be read, or whose key is
// another's, refuses the change; an expired one is a warning; a new one at the
// same path is used after a reload while an old connection goes on.
func TestCertificateTrouble(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	addr := harness.FreeAddr(t)
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, "one", time.Now().Add(24*time.Hour), "a.test")
	s := harness.Start(t, tlsSite(addr, o.Addr, cert, key))
	first, text := tlsGet(t, addr, "a.test")
	if status(text) != "200" {
		t.Fatalf("over TLS: %q", text)
	}
	old, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()

	_, otherKey := writeCertificate(t, dir, "two", time.Now().Add(24*time.Hour), "a.test")
	for name, paths := range map[string][2]string{"no such file": {dir + "/none.pem", key}, "another's key": {cert, otherKey}} {
		s.Write(tlsSite(addr, o.Addr, paths[0], paths[1]))
		if _, errs, code := s.Run("reload"); code != 1 || !strings.Contains(errs, "fishplate.hcl:") {
			t.Errorf("%s: exit %d, %q; want 1 and the place in the file", name, code, errs)
		}
	}
	if _, text := tlsGet(t, addr, "a.test"); status(text) != "200" {
		t.Errorf("after refused changes: %q", text)
	}

	late, lateKey := writeCertificate(t, dir, "late", time.Now().Add(-time.Hour), "a.test")
	s.Write(tlsSite(addr, o.Addr, late, lateKey))
	out, errs, code := s.Run("check", s.Config)
	if code != 0 || !strings.Contains(out+errs, "expired") {
		t.Errorf("check of an expired certificate: exit %d, %q%q; want 0 and a warning", code, out, errs)
	}

	writeCertificate(t, dir, "one", time.Now().Add(72*time.Hour), "a.test")
	s.Apply(tlsSite(addr, o.Addr, cert, key))
	if second, _ := tlsGet(t, addr, "a.test"); second.SerialNumber.Cmp(first.SerialNumber) == 0 {
		t.Error("after the reload the old certificate is presented")
	}
	_ = old.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(old, get)
	if text, _ := io.ReadAll(old); status(string(text)) != "200" {
		t.Errorf("a connection from before the reload: %q", text)
	}
}

// TestWrongProtocolOnPort: plain text to a TLS port gets a readable 400; TLS to
// a plain port is refused and counted, and neither disturbs anybody.
func TestWrongProtocolOnPort(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	addr := harness.FreeAddr(t)
	cert, key := writeCertificate(t, t.TempDir(), "one", time.Now().Add(24*time.Hour), "a.test")
	harness.Start(t, tlsSite(addr, o.Addr, cert, key))
	got := harness.Exchange(t, addr, get, time.Minute)
	if status(got) != "400" || !strings.Contains(strings.ToUpper(got), "TLS") {
		t.Errorf("plain HTTP to a TLS port: %q", got)
	}
	_, plain := start(t, "", "", o.Addr)
	if _, err := tls.Dial("tcp", plain, &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("a TLS handshake with a plain port succeeded")
	}
	served(t, plain)
}

// TestPortInUse: serve ends with a sentence that names the address; a reload
// that adds such a listener is refused and changes nothing.
func TestPortInUse(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, addr := start(t, "", "", o.Addr)
	s.Write(site(addr, "", "", o.Addr) + fmt.Sprintf("\nlistener \"second\" { bind = [%q] }\n", l.Addr()))
	_, errs, code := s.Run("reload")
	if code != 1 || !strings.Contains(errs, l.Addr().String()) || !strings.Contains(errs, "second") {
		t.Errorf("exit %d, %q; want 1 and the listener and its address", code, errs)
	}
	served(t, addr)
	other := t.TempDir()
	path := filepath.Join(other, "x.hcl")
	text := fmt.Sprintf("admin {\n  socket = %q\n}\nstate {\n  dir = %q\n}\n", other+"/s", other+"/state") + site(l.Addr().String(), "", "", o.Addr)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := s.Run("serve", path); code != 1 || !strings.Contains(errs, l.Addr().String()) {
		t.Errorf("serve: exit %d, %q; want 1 and the address", code, errs)
	}
}

// TestFolderWithOneBrokenFile: all errors of the broken file, none of the others.
func TestFolderWithOneBrokenFile(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	s, addr := start(t, "", "", o.Addr)
	dir := t.TempDir()
	files := map[string]string{
		"a.hcl": site(harness.FreeAddr(t), "", "", o.Addr),
		"b.hcl": "backend \"late\" {\n  servers = [\"127.0.0.1:1\"\n}\n",
		"c.hcl": "vhost \"c\" {\n  hosts = [\"c.test\"]\n  backend = \"app\"\n}\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := s.Run("check", dir)
	all := out + errs
	if code != 1 || !strings.Contains(all, "b.hcl:") || strings.Contains(all, "c.hcl:") {
		t.Errorf("exit %d, %q; want 1, a place in b.hcl and none in c.hcl", code, all)
	}
	served(t, addr)
}

// TestAdminSocketIsPrivate: the socket is not open to others.
func TestAdminSocketIsPrivate(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	s, _ := start(t, "", "", o.Addr)
	info, err := os.Stat(s.Socket)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		t.Errorf("the admin socket has mode %v", info.Mode())
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", s.Socket) }}}
	resp, err := client.Get("http://admin/nothing")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("an unknown path of the API answers %d", resp.StatusCode)
	}
}
