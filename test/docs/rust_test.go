package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fishplate/internal/program"
	"fishplate/sdk"
	"fishplate/test/harness"
)

var projectFile = regexp.MustCompile("(?s)\n`third/(\\S+)`:\n\n```\\w+\n(.*?)```")

// TestRustGuideIsTrue serves the project of docs/guide/tenants.md as a source,
// and makes requests that meet each of its answers.
func TestRustGuideIsTrue(t *testing.T) {
	_, texts := documents(t)
	dir := t.TempDir()
	for _, m := range projectFile.FindAllStringSubmatch(texts["docs/guide/tenants.md"], -1) {
		path := filepath.Join(dir, "third", m[1])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(m[2]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CARGO_NET_OFFLINE", "true")
	r, err := program.New(filepath.Join(t.TempDir(), "programs"), sdk.Headers, nil).Build(t.Context(), filepath.Join(dir, "third"))
	if err != nil || r.Warnings != "" && strings.Contains(r.Warnings, "warning") {
		t.Fatalf("%v, the compiler says: %+v", err, r)
	}
	elf := filepath.Join(dir, "third.elf")
	if err := os.WriteFile(elf, r.ELF, 0o755); err != nil {
		t.Fatal(err)
	}
	addr := harness.FreeAddr(t)
	harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
tenant "third" {
  program = %q
  storage { memory = "1MiB" }
}
vhost "any" { tenant = "third" }
`, addr, elf))
	for _, c := range []struct{ path, want string }{
		{"/?name=Ada", "Hello, Ada: visit 1"},
		{"/?name=Ada", "Hello, Ada: visit 2"},
		{"/made", "made in Rust"},
	} {
		if got := shell(t, dir, "curl -s 'http://"+addr+c.path+"'"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q in it", c.path, got, c.want)
		}
	}
}
