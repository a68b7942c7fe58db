package trouble

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fishplate/test/harness"
)

// site returns a configuration with one listener and one backend of the given
// servers; extra goes into the listener, more into the backend.
func site(listen, extra, more string, servers ...string) string {
	quoted := make([]string, len(servers))
	for i, s := range servers {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf(`
listener "web" {
  bind = [%q]
  %s
}
backend "app" {
  servers = [%s]
  %s
}
vhost "any" { backend = "app" }
`, listen, extra, strings.Join(quoted, ", "), more)
}

// start serves a site on a free port and returns the process and its address.
func start(t *testing.T, extra, more string, servers ...string) (*harness.Server, string) {
	t.Helper()
	addr := harness.FreeAddr(t)
	return harness.Start(t, site(addr, extra, more, servers...)), addr
}

const get = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"

// status returns the status code of the first response in text, "" when there is none.
func status(text string) string {
	if len(text) < 12 || !strings.HasPrefix(text, "HTTP/1.") {
		return ""
	}
	return text[9:12]
}

// served reports that the site still answers.
func served(t *testing.T, addr string) {
	t.Helper()
	if got := harness.Exchange(t, addr, get, time.Minute); status(got) != "200" {
		t.Errorf("afterwards the site answers %q, want 200", got)
	}
}
