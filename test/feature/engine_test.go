package feature

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"

	"fishplate/test/harness"
)

// TestTenantWithoutTranslation runs one program for two tenants, translated for
// one and interpreted for the other: answers and instruction counts are the same.
func TestTenantWithoutTranslation(t *testing.T) {
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(root, "sdk/examples/shop.elf")
	o := origins(t, "app", "beta")
	addr := harness.FreeAddr(t)
	text := fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [%q] }\nbackend \"beta\" { servers = [%q] }\n", addr, o["app"], o["beta"])
	for name, jit := range map[string]string{"fast": "auto", "slow": "off"} {
		text += fmt.Sprintf("tenant %q {\n program = %q\n backends = [\"app\", \"beta\"]\n jit = %q\n}\nvhost %q {\n hosts = [\"%s.test\"]\n tenant = %q\n backend = \"app\"\n}\n",
			name, program, jit, name, name, name)
	}
	s := harness.Start(t, text)
	for i := range 40 {
		path := fmt.Sprintf("/item/%d?q=%d", i, i*i)
		first, body := do(t, "GET", addr, "fast.test", path, "")
		second, other := do(t, "GET", addr, "slow.test", path, "")
		if first.StatusCode != second.StatusCode || body != other {
			t.Fatalf("%s: %d %q translated, %d %q interpreted", path, first.StatusCode, body, second.StatusCode, other)
		}
	}
	counts := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^fishplate_tenant_instructions_total\{tenant="(\w+)"\} (\S+)$`).FindAllStringSubmatch(scrape(t, s.Socket), -1) {
		counts[m[1]] = m[2]
	}
	if counts["fast"] == "" || counts["fast"] == "0" || counts["fast"] != counts["slow"] {
		t.Errorf("instructions %v", counts)
	}
}

// scrape returns what /metrics says on the admin socket.
func scrape(t *testing.T, socket string) string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	defer c.CloseIdleConnections()
	resp, err := c.Get("http://admin/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
