package docs

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fishplate/test/harness"
)

var (
	namedBlock   = regexp.MustCompile("(?s)\n`(\\S+\\.(?:c|cpp))`[^\n]*:\n\n```\\w+\n(.*?)```")
	programBlock = regexp.MustCompile("(?s)```(c|cpp)\n(.*?)```")
	recipe       = regexp.MustCompile(`(?m)^    (riscv64-linux-gnu-g(?:cc|\+\+) (?:.*\\\n)*.*)$`)
	curlLine     = regexp.MustCompile(`(?m)^    curl ([^\n#]*)# (.*)$`)
)

// shell runs a command of a guide in dir, with the source tree in $FISHPLATE.
func shell(t *testing.T, dir, command string) string {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "FISHPLATE="+root)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("$ %s\n%v\n%s", command, err, out)
	}
	return string(out)
}

// TestTenantsGuideIsTrue compiles the programs of docs/guide/tenants.md by the
// commands that stand there, serves its last configuration, and makes its
// requests. What is behind the # must be in the answer.
func TestTenantsGuideIsTrue(t *testing.T) {
	_, texts := documents(t)
	text := texts["docs/guide/tenants.md"]
	dir := t.TempDir()
	for _, m := range namedBlock.FindAllStringSubmatch(text, -1) {
		if err := os.WriteFile(filepath.Join(dir, m[1]), []byte(m[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	recipes := recipe.FindAllStringSubmatch(text, -1)
	if len(recipes) != 2 {
		t.Fatalf("%d commands that compile, want 2", len(recipes))
	}
	for _, m := range recipes {
		if out := shell(t, dir, m[1]); out != "" {
			t.Errorf("the compiler says:\n%s", out)
		}
	}
	served := tenantsConfiguration(text)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the page") }))
	defer page.Close()
	addr := harness.FreeAddr(t)
	_, origin, _ := net.SplitHostPort(strings.TrimPrefix(page.URL, "http://"))
	served = strings.NewReplacer("127.0.0.1:8080", addr, "127.0.0.1:9000", "127.0.0.1:"+origin,
		`"first.elf"`, fmt.Sprintf("%q", filepath.Join(dir, "first.elf")), `"second.elf"`, fmt.Sprintf("%q", filepath.Join(dir, "second.elf"))).Replace(served)
	harness.Start(t, served)
	curls := curlLine.FindAllStringSubmatch(text, -1)
	if len(curls) < 4 {
		t.Fatalf("only %d requests found", len(curls))
	}
	for _, m := range curls {
		command := "curl -s " + strings.ReplaceAll(m[1], "127.0.0.1:8080", addr)
		out, want := shell(t, dir, command), m[2]
		for _, part := range strings.Split(want, ", ") {
			part = strings.TrimPrefix(part, "the server's page")
			part = strings.TrimPrefix(part, "with ")
			if strings.HasPrefix(part, "guest-") {
				continue // a cause, for the log
			}
			if !strings.Contains(out, part) && !strings.HasPrefix(want, "{") || strings.HasPrefix(want, "{") && !strings.Contains(out, want) {
				t.Errorf("$ %s\nhas no %q:\n%s", command, part, out)
			}
		}
	}
}

// tenantsConfiguration is the block with both tenants.
func tenantsConfiguration(text string) string {
	for _, m := range hclBlock.FindAllStringSubmatch(text, -1) {
		if strings.Contains(m[1], "second.elf") {
			return m[1]
		}
	}
	return ""
}

// TestGuideProgramsCompile compiles every whole program of the guides.
func TestGuideProgramsCompile(t *testing.T) {
	_, texts := documents(t)
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	programs := 0
	for name, text := range texts {
		for i, m := range programBlock.FindAllStringSubmatch(text, -1) {
			if m[1] != "cpp" || !strings.Contains(m[2], "int main(") {
				continue
			}
			programs++
			t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
				source := filepath.Join(t.TempDir(), "guide.cpp")
				if err := os.WriteFile(source, []byte(m[2]), 0o600); err != nil {
					t.Fatal(err)
				}
				sdk := root + "/sdk"
				shell(t, root, "riscv64-linux-gnu-g++ -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I"+sdk+"/cpp -I"+sdk+"/c -I"+sdk+"/abi "+source)
			})
		}
	}
	if programs < 3 {
		t.Errorf("only %d programs found", programs)
	}
}
