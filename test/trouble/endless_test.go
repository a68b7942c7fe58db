package trouble

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fishplate/test/harness"
)

// TestFilesWithoutAnEnd: whatever a configuration names may be a pipe that nobody
// writes, or a device that has no end. Neither is waited for: the change is refused
// at once, the reason names the path, and the next change is made.
func TestFilesWithoutAnEnd(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	addr := harness.FreeAddr(t)
	good := site(addr, "", "", o.Addr)
	s := harness.Start(t, good)
	cert, key := writeCertificate(t, s.Dir, "one", time.Now().Add(24*time.Hour), "a.test")
	pipe := func(name string) string {
		name = filepath.Join(s.Dir, name)
		if err := syscall.Mkfifo(name, 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	waits, list, program := pipe("waits"), pipe("tenants.json"), guest(t, "hello")
	folder := filepath.Join(s.Dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	pipe("folder/a.hcl")

	const (
		pair   = "certificate \"c\" {\n  cert = %q\n  key = %q\n}\n"
		to     = "backend \"far\" {\n  servers = [\"127.0.0.1:9\"]\n  tls {\n    %s = %q\n    %s\n  }\n}\n"
		tenant = "tenant \"shop\" {\n  program = %q\n%s}\n"
	)
	for _, never := range []string{waits, "/dev/zero"} {
		for what, more := range map[string]string{
			"a certificate":                 fmt.Sprintf(pair, never, key),
			"a key":                         fmt.Sprintf(pair, cert, never),
			"authorities of clients":        fmt.Sprintf(pair+"listener \"secure\" {\n  bind = [%q]\n  tls {\n    certificates = [\"c\"]\n    client_ca = %q\n    client_auth = \"required\"\n  }\n}\n", cert, key, harness.FreeAddr(t), never),
			"authorities of servers":        fmt.Sprintf(to, "ca", never, ""),
			"a client's certificate":        fmt.Sprintf(to, "cert", never, fmt.Sprintf("key = %q", key)),
			"a client's key":                fmt.Sprintf(to, "cert", cert, fmt.Sprintf("key = %q", never)),
			"a program":                     fmt.Sprintf(tenant, never, ""),
			"a candidate":                   fmt.Sprintf(tenant, program, fmt.Sprintf("  shadow {\n    program = %q\n    share = \"1%%\"\n  }\n", never)),
			"a list":                        fmt.Sprintf("vhost \"b\" {\n  hosts = [\"b.test\"]\n  route \"r\" {\n    when = one_of(path, file_set(%q))\n    backend = \"app\"\n  }\n}\n", never),
			"a body":                        fmt.Sprintf("vhost \"b\" {\n  hosts = [\"b.test\"]\n  route \"r\" {\n    respond {\n      status = 200\n      body = file(%q)\n    }\n  }\n}\n", never),
			"another file":                  fmt.Sprintf("include = [%q]\n", never),
			"tenants":                       fmt.Sprintf("tenants \"t\" {\n  path = %q\n}\n", never),
			"the program of a tenants file": fmt.Sprintf("tenants \"t\" {\n  json = %q\n}\n", fmt.Sprintf(`{"x":{"filename":%q}}`, never)),
		} {
			s.Write(good + more)
			_, errs, code := s.Run("reload")
			want := 1
			if what == "a candidate" || strings.HasSuffix(what, "tenants file") {
				want = 0 // a warning: the tenant's program serves without one, or the other tenants do
			}
			if code != want || !strings.Contains(errs, never) || !strings.Contains(errs, "it is not a regular file") && !strings.Contains(errs, "is neither a file") {
				t.Errorf("%s is %s: exit %d, %q", what, never, code, errs)
			}
		}
	}
	for _, path := range []string{waits, "/dev/zero", list, folder} {
		for _, verb := range []string{"check", "plan", "apply"} {
			if out, errs, code := s.Run(verb, path); code != 1 || !strings.Contains(out+errs, "regular file") {
				t.Errorf("%s %s: exit %d, %q", verb, path, code, out+errs)
			}
		}
	}
	s.Write(good)
	if _, errs, code := s.Run("reload"); code != 0 {
		t.Errorf("afterwards: exit %d, %q", code, errs)
	}
	if text := harness.Exchange(t, addr, get, time.Minute); status(text) != "200" {
		t.Errorf("afterwards: %q", text)
	}
}
