package trouble

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fishplate/test/harness"
)

// neverDone is a source that a compiler takes minutes for.
const neverDone = "constexpr unsigned long f() { unsigned long x = 1; for (unsigned long i = 0; i < 1000000; i++) x = x * 3 + i; return x; }\n" +
	"template<int N> struct S { static constexpr unsigned long v = f() + S<N - 1>::v; };\n" +
	"template<> struct S<0> { static constexpr unsigned long v = 0; };\nstatic_assert(S<800>::v != 0);\nint main() {}\n"

// compiling says whether a process works on the file.
func compiling(path string) bool {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well formed
	for _, name := range list {
		if line, err := os.ReadFile(name); err == nil && bytes.Contains(line, []byte("cc1plus")) && bytes.Contains(line, []byte(path)) {
			return true
		}
	}
	return false
}

// compiled is a site with a program that is not compiled soon.
func compiled(t *testing.T, addr, origin string) (config, source string) {
	t.Helper()
	source = filepath.Join(t.TempDir(), "slow.cpp")
	if err := os.WriteFile(source, []byte(neverDone), 0o644); err != nil {
		t.Fatal(err)
	}
	return tenants(addr, origin, map[string]string{"slow": source}, ""), source
}

// TestEndDuringACompileAtTheStart: a process that is told to end while it compiles
// does so at once, and no compiler outlives it.
func TestEndDuringACompileAtTheStart(t *testing.T) {
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	config, source := compiled(t, harness.FreeAddr(t), harness.FreeAddr(t))
	dir := t.TempDir()
	path := filepath.Join(dir, "fishplate.hcl")
	if err := os.WriteFile(path, []byte(fmt.Sprintf("admin { socket = %q }\nstate { dir = %q }\n", dir+"/admin.sock", dir+"/state")+config), 0o644); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(binary, "serve", path)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	harness.Eventually(t, "it compiles", func() bool { return compiling(source) })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil || !strings.Contains(said.String(), "ended before it served") {
			t.Errorf("%v\n%s", err, said.String())
		}
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		t.Fatalf("it waits for the compiler\n%s", said.String())
	}
	if compiling(source) {
		t.Error("the compiler goes on")
	}
}

// TestChangesDuringACompile: while the program of one change is compiled the
// server answers, and reads, and other changes are told whom they wait for; the
// process ends when it is told to.
func TestChangesDuringACompile(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	addr := harness.FreeAddr(t)
	s := harness.Start(t, tenants(addr, o.Addr, map[string]string{"hello": guest(t, "hello")}, ""))
	config, source := compiled(t, addr, o.Addr)
	s.Write(config)
	type outcome struct {
		text string
		code int
	}
	results := make(chan outcome, 2)
	for range 2 {
		go func() {
			_, errs, code := s.Run("reload")
			results <- outcome{errs, code}
		}()
	}
	harness.Eventually(t, "it compiles", func() bool { return compiling(source) })
	if got := ask(t, addr, "hello.test", "/hello"); !strings.HasSuffix(got, "Hello World\n") {
		t.Error(got)
	}
	elf, err := os.ReadFile(guest(t, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	if code, text := s.Admin("POST", "/v1/tenants/hello/program", bytes.NewReader(elf)); code != 409 || !strings.Contains(text, "another change is being prepared") {
		t.Errorf("an update of another tenant: %d %s", code, text)
	}
	if out, _, code := s.Run("status"); code != 0 || !strings.Contains(out, "hello") {
		t.Error(out)
	}
	second := <-results // it does not wait for minutes
	if second.code == 0 || !strings.Contains(second.text, "another change is being prepared since ") || !strings.Contains(second.text, "by uid ") {
		t.Errorf("exit %d, %s", second.code, second.text)
	}
	if !compiling(source) {
		t.Error("the first change was given up for the second")
	}
	s.Signal(syscall.SIGTERM)
	select {
	case <-s.Exited():
	case <-time.After(time.Minute):
		t.Error("it waits for the compiler")
	}
	first := <-results
	if first.code == 0 {
		t.Errorf("exit %d, %s", first.code, first.text)
	}
	if compiling(source) {
		t.Error("the compiler goes on")
	}
}
