package trouble

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// countingRequests is a tenant's program that counts its requests in its storage.
const countingRequests = `#include "fishplate.h"
static void on_recv(int req, int none, const char *arg)
{
	int64_t n = 0;
	char text[24];
	int at = sizeof(text);
	(void)req, (void)none, (void)arg;
	fp_kv_add("n", 1, 3600000, &n);
	do text[--at] = '0' + n % 10; while (n /= 10);
	fp_synth(200, "text/plain", text + at, sizeof(text) - at);
}
int main(void) { fp_wait_for_requests(on_recv); }
`

// moody is an origin that answers its name, and its checks as it is told to.
func moody(t *testing.T, name string) (addr string, sick *atomic.Bool) {
	t.Helper()
	sick = &atomic.Bool{}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) })
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if sick.Load() {
			w.WriteHeader(500)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inner := &http.Server{Handler: mux}
	go inner.Serve(l)
	t.Cleanup(func() { inner.Close() })
	return l.Addr().String(), sick
}

func tail(answer string) string {
	_, body, _ := strings.Cut(answer, "\r\n\r\n")
	return body
}

// TestUpgradeKeepsWhatWasLearned: pinned clients stay with their servers, also with
// one that is leaving; a server that is down stays down until its checks say
// otherwise; who has spent a rate has spent it; a tenant's counter goes on.
func TestUpgradeKeepsWhatWasLearned(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "count.c")
	if err := os.WriteFile(program, []byte(countingRequests), 0o644); err != nil {
		t.Fatal(err)
	}
	addr := harness.FreeAddr(t)
	var servers []string
	var last *atomic.Bool
	for _, name := range []string{"a", "b", "c", "d"} {
		at, sick := moody(t, name)
		servers, last = append(servers, fmt.Sprintf("server %q { address = %q }\n", name, at)), sick
	}
	site := func(servers []string) string {
		return fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" {
  %s
  grace = "10m"
  persist "header" {
    name = "X-User"
    age  = "1h"
  }
  check "http" {
    path     = "/health"
    interval = "200ms"
    timeout  = "20s"
    rise     = 1000
    fall     = 1
  }
}
tenant "count" {
  program = %q
  storage { memory = "1MiB" }
}
vhost "count" {
  hosts   = ["count.test"]
  tenant  = "count"
  backend = "app"
}
vhost "any" {
  route "few" {
    path    = "/few"
    backend = "app"
    limits {
      rate "few" {
        key   = header("X-User")
        rate  = "0.001/s"
        burst = 2
      }
    }
  }
  route "all" { backend = "app" }
}
`, addr, strings.Join(servers, ""), program)
	}
	s := upgradable(t, site(servers))
	as := func(user, path string) string {
		return harness.Exchange(t, addr, "GET "+path+" HTTP/1.1\r\nHost: a.test\r\nX-User: "+user+"\r\nConnection: close\r\n\r\n", time.Minute)
	}
	health := func(server string) string {
		_, text := s.Admin("GET", "/v1/status", nil)
		var st struct {
			Backends []struct {
				Servers []struct{ Name, State string }
			}
		}
		if err := json.Unmarshal([]byte(text), &st); err != nil {
			t.Fatal(err)
		}
		for _, b := range st.Backends {
			for _, v := range b.Servers {
				if v.Name == server {
					return v.State
				}
			}
		}
		return "unknown"
	}
	harness.Eventually(t, "the servers are up", func() bool {
		return health("a") == "up" && health("b") == "up" && health("c") == "up" && health("d") == "up"
	})
	last.Store(true)
	harness.Eventually(t, "d is down", func() bool { return health("d") == "down" })
	last.Store(false) // it would need a thousand good checks
	home := map[string]string{}
	for i := range 60 {
		user := fmt.Sprint("user", i)
		home[user] = tail(as(user, "/"))
	}
	s.Write(site(servers[1:]))
	if _, errs, code := s.Run("reload"); code != 0 {
		t.Fatal(errs)
	}
	for range 2 {
		if got := as("ann", "/few"); status(got) != "200" {
			t.Fatal(got)
		}
	}
	counter := 0
	count := func() {
		t.Helper()
		counter++
		if got := tail(ask(t, addr, "count.test", "/")); got != fmt.Sprint(counter) {
			t.Fatalf("the counter is %q behind %d", got, counter-1)
		}
	}
	count()
	count()
	pinned := map[string]int{}
	for round := range 3 {
		if out, errs, code := s.Run("upgrade"); code != 0 {
			t.Fatalf("upgrade: %d %s%s", code, out, errs)
		}
		if health("d") != "down" || health("a") != "removed" {
			t.Errorf("round %d: d is %s, a is %s", round, health("d"), health("a"))
		}
		for user, server := range home {
			if got := tail(as(user, "/")); got != server {
				t.Errorf("round %d: %s went from %s to %s", round, user, server, got)
			}
			pinned[server]++
		}
		if got := as("ann", "/few"); status(got) != "429" {
			t.Errorf("round %d: %q", round, got)
		}
		count()
	}
	if pinned["a"] == 0 || pinned["b"] == 0 || pinned["c"] == 0 || pinned["d"] != 0 {
		t.Errorf("the clients were not everywhere: %v", pinned)
	}
	t.Logf("requests by server: %v", pinned)
}

// TestUpgradeWhileAChangeWaits: a tenant that a change removed which nobody confirms
// comes back with its keys, also when another process has taken over meanwhile.
func TestUpgradeWhileAChangeWaits(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "count.c")
	if err := os.WriteFile(program, []byte(countingRequests), 0o644); err != nil {
		t.Fatal(err)
	}
	addr := harness.FreeAddr(t)
	origin, _ := moody(t, "none")
	site := func(tenant, of string) string {
		return fmt.Sprintf(`
listener "web" { bind = [%q] }
%s
vhost "any" {
  %s
  backend = "app"
}
backend "app" { servers = [%q] }
`, addr, tenant, of, origin)
	}
	s := upgradable(t, site(fmt.Sprintf("tenant \"count\" {\n  program = %q\n  storage { memory = \"1MiB\" }\n}", program), `tenant = "count"`))
	do := func(words ...string) {
		t.Helper()
		if out, errs, code := s.Run(words...); code != 0 {
			t.Fatalf("%v: %d %s%s", words, code, out, errs)
		}
	}
	says := func(want string) {
		t.Helper()
		if got := tail(ask(t, addr, "any.test", "/")); got != want {
			t.Fatalf("%q, not %q", got, want)
		}
	}
	says("1")
	says("2")
	s.Write(site("", ""))
	do("reload", "--confirm", "1h")
	says("none")
	do("upgrade")
	do("rollback")
	says("3")
	do("reload", "--confirm", "1h", "--force")
	do("upgrade")
	do("confirm")
	do("rollback")
	says("1")
}
