package trouble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/internal/tenant"
	"fishplate/test/harness"
)

// TestEveryCauseIsProduced: there is a test that makes each of the faults that
// requests can have at a tenant.
func TestEveryCauseIsProduced(t *testing.T) {
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	var tests []byte
	for _, dir := range []string{"internal/tenant", "internal/proxy", "test/trouble", "test/feature"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tests = append(tests, text...)
		}
	}
	for _, c := range tenant.Causes() {
		if !bytes.Contains(tests, []byte(`"`+c.Name+`"`)) {
			t.Errorf("no test makes %s", c.Name)
		}
	}
}

// TestProgramAbandonsAFetch: what a program decides in on_backend_fetch is no
// failure of the server, and none is asked.
func TestProgramAbandonsAFetch(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	addr := harness.FreeAddr(t)
	s := harness.Start(t, tenants(addr, o.Addr, map[string]string{"limits": guest(t, "limits")}, ""))
	refusal(t, s, "limits", ask(t, addr, "limits.test", "/abandon"), "503", "guest-abandoned")
	if n := o.Accepted.Load(); n != 0 {
		t.Errorf("the server was asked %d times", n)
	}
	counted(t, s, "limits", "calls_total{callback=on_backend_fetch} 1, stops_total{reason=fault} 0")
	if got := ask(t, addr, "limits.test", "/other"); status(got) != "200" {
		t.Errorf("another request: %q", got)
	}
}

// TestProgramChoosesABackendThatIsGone: a fetch behind a stale answer outlives a
// reload; the backend that its program then chooses is the configuration's no more.
func TestProgramChoosesABackendThatIsGone(t *testing.T) {
	o, arrived, release := patient(t)
	addr := harness.FreeAddr(t)
	config := func(second bool) string {
		backends, more := `"app"`, ""
		if second {
			backends, more = `"app", "second"`, fmt.Sprintf("backend \"second\" { servers = [%q] }\n", o.Addr)
		}
		return fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [%q] }\n%stenant \"limits\" {\n program = %q\n backends = [%s]\n time = \"1m\"\n}\n"+
			"vhost \"limits\" {\n hosts = [\"limits.test\"]\n tenant = \"limits\"\n backend = \"app\"\n cache {\n ttl = \"1ms\"\n grace = \"1h\"\n }\n}\n", addr, o.Addr, more, guest(t, "limits"), backends)
	}
	s := harness.Start(t, config(false))
	if got := ask(t, addr, "limits.test", "/renew"); status(got) != "200" {
		t.Fatal(got)
	}
	s.Apply(config(true)) // with two, its program waits before it chooses
	harness.Eventually(t, "a stale answer is renewed", func() bool {
		got := ask(t, addr, "limits.test", "/renew")
		if status(got) != "200" {
			t.Fatal(got)
		}
		return len(arrived) > 0
	})
	s.Apply(config(false))
	release()
	harness.Eventually(t, "its fault is counted", func() bool {
		_, text := s.Admin("GET", "/metrics", nil)
		return strings.Contains(text, `fishplate_faults_total{cause="guest-backend"} 1`)
	})
	if got := ask(t, addr, "limits.test", "/renew"); status(got) != "200" {
		t.Errorf("afterwards: %q", got)
	}
}

// TestProgramIsBeingStarted: of many tenants those at the end start behind the
// others; a request that comes before is kept waiting for 5 s, not for ever.
func TestProgramIsBeingStarted(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	addr := harness.FreeAddr(t)
	list := map[string]any{"zz.test": map[string]any{
		"filename": guest(t, "limits"), "arguments": []string{"spin"}, "instructions": 1_000_000_000_000, "time": "1m",
	}}
	for i := range 40 {
		list[fmt.Sprintf("a%02d.test", i)] = map[string]any{"filename": guest(t, "hello")}
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tenants.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	s := harness.Start(t, fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [%q] }\ntenants \"file\" { path = %q }\nvhost \"any\" { backend = \"app\" }\n", addr, o.Addr, path))
	refusal(t, s, "zz.test", ask(t, addr, "zz.test", "/"), "503", "guest-starting")
	counted(t, s, "zz.test", "limits_total{limit=start} 1, refused_total 1, queue_waits_total 1")
	for _, name := range []string{"a00.test", "a39.test"} {
		if got := ask(t, addr, name, "/hello"); !strings.HasSuffix(got, "Hello World\n") {
			t.Errorf("%s is answered %q", name, got)
		}
	}
}
