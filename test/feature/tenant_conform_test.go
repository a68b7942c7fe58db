package feature

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fishplate/internal/program"
	"fishplate/internal/tenant"
	"fishplate/sdk"
	"fishplate/test/harness"
)

// coveredElsewhere has the calls that a conformance guest does not make, and
// the test that has them.
var coveredElsewhere = map[string]string{
	"FAIL": "/fail below", "ASSERT_FAIL": "/assert below", "EXIT_GROUP": "/exit below", "EXIT": "internal/tenant TestTraps",
	"NEXT":  "internal/tenant: programs that loop",
	"CLONE": "internal/tenant TestPosixThreads", "CLONE3": "internal/tenant TestPosixThreads",
	"SET_TID_ADDRESS": "internal/tenant TestHostedC: the start of every C library", "SET_ROBUST_LIST": "internal/tenant TestHostedC: the same",
	"KILL": "internal/tenant TestPosixThreads", "RT_SIGRETURN": "internal/tenant TestPosixThreads: the end of every handler",
	"TKILL": "internal/tenant TestPosixThreads", "TGKILL": "internal/tenant TestHostedCPP: abort",
	"GETCWD": "internal/tenant: it may end the call", "PSELECT6": "internal/tenant: it may end the call",
}

// notOfGo has the calls that a program in Go cannot make, and why.
var notOfGo = map[string]string{
	"REGISTER_CB": "NEXT names the callbacks", "FOREACH_FIELD": "the host cannot call a function of Go",
	"REMOTECALL": "the same", "REMSTRCALL": "the same",
}

// compileGuest makes a guest of a source by the recipe of its header.
func compileGuest(t *testing.T, source string) string {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(source) == "" {
		return compileProject(t, filepath.Join(root, "test/guests", source))
	}
	out := filepath.Join(t.TempDir(), "guest.elf")
	args := []string{"-march=rv64gc", "-mabi=lp64d", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-DFP_START",
		"-I" + root + "/sdk/c", "-I" + root + "/sdk/abi", "-Wl,-Ttext=0x120000"}
	tool := "riscv64-linux-gnu-gcc"
	if strings.HasSuffix(source, ".cpp") {
		tool = "riscv64-linux-gnu-g++"
		args = append(args, "-std=c++20", "-fno-threadsafe-statics", "-I"+root+"/sdk/cpp")
	} else {
		args = append(args, "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie")
	}
	if _, err := exec.LookPath(tool); err != nil {
		if testing.Short() {
			t.Skipf("%s is missing: install gcc-riscv64-linux-gnu g++-riscv64-linux-gnu", tool)
		}
		t.Fatalf("%s is missing: install gcc-riscv64-linux-gnu g++-riscv64-linux-gnu", tool)
	}
	if text, err := exec.Command(tool, append(args, filepath.Join(root, "test/guests", source), "-o", out)...).CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", source, err, text)
	}
	return out
}

// compileProject makes a guest of a project's folder, as serve does; without the
// network.
func compileProject(t *testing.T, dir string) string {
	t.Helper()
	t.Setenv("CARGO_NET_OFFLINE", "true")
	t.Setenv("GOPROXY", "off")
	r, err := program.New(filepath.Join(t.TempDir(), "programs"), sdk.Headers, nil).Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "guest.elf")
	if err := os.WriteFile(out, r.ELF, 0o755); err != nil {
		t.Fatal(err)
	}
	return out
}

// conformOrigin answers with what it was asked, and with what guests told it.
func conformOrigin(w http.ResponseWriter, r *http.Request) {
	body := make([]byte, 100)
	n, _ := r.Body.Read(body)
	for _, name := range []string{"X-Asked", "X-Conform-Fetch", "X-Was"} {
		if v := r.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.RequestURI(), body[:n])
}

// serveConform serves a conformance guest before three backends, one of them dead.
func serveConform(t *testing.T, source string) (s *harness.Server, addr string) {
	t.Helper()
	app, beta := httptest.NewServer(http.HandlerFunc(conformOrigin)), httptest.NewServer(http.HandlerFunc(conformOrigin))
	t.Cleanup(app.Close)
	t.Cleanup(beta.Close)
	addr = harness.FreeAddr(t)
	s = harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
backend "beta" { servers = [%q] }
backend "dead" { servers = [%q] }
tenant "conform" {
  program = %q
  backends = ["app", "beta", "dead"]
  memory = "64MiB"
  instructions = 50000000
  storage { memory = "1MiB" }
  cache { status = true }
}
vhost "conform" {
  tenant = "conform"
  backend = "app"
}
`, addr, strings.TrimPrefix(app.URL, "http://"), strings.TrimPrefix(beta.URL, "http://"), harness.FreeAddr(t), compileGuest(t, source)))
	return s, addr
}

var told = regexp.MustCompile(`(?s)checks (\d+) failures (\d+) calls ([0-9,]*) ?(.*)$`)

// made reads a guest's account of one stage.
func made(t *testing.T, stage, text string, calls map[int]bool) {
	t.Helper()
	m := told.FindStringSubmatch(text)
	if m == nil {
		t.Errorf("%s: no account: %.300q", stage, text)
		return
	}
	if m[2] != "0" {
		t.Errorf("%s: %s checks, %s do not hold:\n  %s", stage, m[1], m[2], strings.ReplaceAll(strings.TrimSpace(m[4]), "; ", "\n  "))
	}
	for n := range strings.SplitSeq(m[3], ",") {
		if n, err := strconv.Atoi(n); err == nil {
			calls[n] = true
		}
	}
}

// TestConformance runs the guest of each language through every stage.
func TestConformance(t *testing.T) {
	for _, source := range []string{"conform.c", "hosted/conform.cpp", "rust", "conform_go"} {
		t.Run(filepath.Base(source), func(t *testing.T) { conformance(t, source) })
	}
}

func conformance(t *testing.T, source string) {
	s, addr := serveConform(t, source)
	calls := map[int]bool{}
	ask := func(method, path, body string) (*http.Response, string) {
		t.Helper()
		return do(t, method, addr, "Conform.test", path, body, "Cookie: sweetness=0; flavour=sour")
	}
	for _, c := range []struct {
		stage, method, path, body string
		status                    int
	}{
		{"on_recv", "GET", "/recv/two%20words?q=a+b&q=2&drop=1", "", 200},
		{"on_recv again", "GET", "/recv/two%20words?q=a+b&q=2&drop=1", "", 200},
		{"forge", "POST", "/forge", "posted", 200},
		{"stream", "POST", "/stream", "posted", 200},
		{"on_synth", "GET", "/synth", "", 200},
	} {
		resp, text := ask(c.method, c.path, c.body)
		if resp.StatusCode != c.status {
			t.Errorf("%s: status %d", c.stage, resp.StatusCode)
		}
		made(t, c.stage, text, calls)
		for _, name := range []string{"X-Forged", "X-Streamed"} {
			if strings.EqualFold(name, "X-"+c.stage+"ed") && resp.Header.Get(name) != "yes" {
				t.Errorf("%s: no field %s", c.stage, name)
			}
		}
		if c.stage == "forge" {
			made(t, "on_deliver", resp.Header.Get("X-Conform-Deliver"), calls)
		}
	}
	for i, was := range []string{"miss", "hit"} {
		resp, text := ask("GET", "/through", "")
		if resp.StatusCode != 200 || !strings.HasPrefix(text, "GET /through") {
			t.Errorf("through: %d %.100q", resp.StatusCode, text)
		}
		made(t, was+": on_backend_fetch", resp.Header.Get("X-Conform-Fetch"), calls)
		made(t, was+": on_backend_response", resp.Header.Get("X-Conform-Response"), calls)
		made(t, was+": on_deliver", resp.Header.Get("X-Conform-Deliver"), calls)
		if got := resp.Header.Get("Cache-Status"); (i == 1) != strings.Contains(got, "hit") {
			t.Errorf("%s: Cache-Status %q", was, got)
		}
	}
	resp, _ := ask("GET", "/error", "")
	made(t, "on_backend_error", resp.Header.Get("X-Conform-Error"), calls)
	if resp, text := ask("GET", "/pause", ""); resp.StatusCode != 200 || !strings.HasPrefix(text, "GET /pause") {
		t.Errorf("pause: %d %.100q", resp.StatusCode, text)
	}
	exit := 200
	if source == "conform_go" {
		exit = 503 // it is to ask for more: an end is as a panic
	}
	for path, status := range map[string]int{"/fail": 503, "/assert": 503, "/exit": exit} {
		if resp, _ := ask("GET", path, ""); resp.StatusCode != status {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, status)
		}
	}
	if source == "conform_go" {
		for _, c := range tenant.Calls() {
			if _, never := notOfGo[c.Name]; never && calls[c.Number] {
				t.Errorf("call %s is made, and listed as one that Go cannot make", c.Name)
			} else if never {
				calls[c.Number] = true
			}
		}
	}
	forgotten(t, s, calls, source != "conform.c")
}

// forgotten reports calls of the table that the guest did not make, and entries
// of the list above that are not needed any more. A hosted program leaves the
// calls below 500 to its C library.
func forgotten(t *testing.T, s *harness.Server, calls map[int]bool, hosted bool) {
	t.Helper()
	var names, lines []string
	for _, c := range tenant.Calls() {
		where, listed := coveredElsewhere[c.Name]
		switch {
		case hosted && c.Number < 500:
		case !calls[c.Number] && !listed:
			lines = append(lines, fmt.Sprintf("%d %s", c.Number, c.Name))
		case calls[c.Number] && listed:
			t.Errorf("call %s is made here and listed as covered by %s", c.Name, where)
		}
		names = append(names, c.Name)
	}
	if len(lines) > 0 {
		t.Errorf("%d of %d calls are not made by the guest:\n  %s", len(lines), len(names), strings.Join(lines, "\n  "))
	}
	for name := range coveredElsewhere {
		if !slices.Contains(names, name) && name != "NEXT" {
			t.Errorf("%s is listed, and no call", name)
		}
	}
	harness.Eventually(t, "the log tells what the guest said and why it ended", func() bool {
		access, err := os.ReadFile(s.Log)
		text := s.Stderr() + string(access)
		for _, want := range []string{"it was asked to", "a == b", "one line", "two pieces", "warned"} {
			if err != nil || !strings.Contains(text, want) {
				return false
			}
		}
		return true
	})
}
