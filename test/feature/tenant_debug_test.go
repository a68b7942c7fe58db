package feature

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"fishplate/internal/admin"
	"fishplate/internal/desk"
	"fishplate/internal/tenant"
	"fishplate/test/harness"
)

// debuggable is a program that spins, asks for the debugger, answers and faults.
const debuggable = `#include "fishplate.h"

static const volatile int *nowhere;

__attribute__((noinline)) int spin(int n)
{
	volatile int sum = 0;
	for (int i = 0; i < n; i++)
		sum += i;
	return sum;
}

__attribute__((noinline)) int secret_crash(void)
{
	return *nowhere;
}

static void on_recv(int req, int none, const char *arg)
{
	char url[64];

	(void)none, (void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	fp_log(url);
	if (fp_has_prefix(url, "/crash"))
		fp_synth(secret_crash(), "text/plain", "", 0);
	if (fp_has_prefix(url, "/break"))
		fp_breakpoint();
	int n = spin(1000);
	fp_synth(n > 0 ? 200 : 500, "text/plain", "spun\n", 5);
}

int main(void) { fp_wait_for_requests(on_recv); }
`

// serveDebuggable compiles the program, with lines, and serves it with everything
// kept.
func serveDebuggable(t *testing.T) (s *harness.Server, addr, elf string) {
	t.Helper()
	cc, err := exec.LookPath("riscv64-linux-gnu-gcc")
	if err != nil {
		t.Skip("riscv64-linux-gnu-gcc is missing")
	}
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "shop.c")
	elf = filepath.Join(dir, "shop.elf")
	if err := os.WriteFile(source, []byte(debuggable), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(cc, "-g", "-O1", "-march=rv64gc", "-mabi=lp64d", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie",
		"-DFP_START", "-I"+root+"/sdk/c", "-I"+root+"/sdk/abi", "-Wl,-Ttext=0x120000,--build-id=none,-z,separate-code,-z,max-page-size=4096,-z,norelro", source, "-o", elf).CombinedOutput()
	if err != nil {
		t.Fatalf("compile: %v\n%s", err, text)
	}
	addr = harness.FreeAddr(t)
	s = harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = ["127.0.0.1:1"] }
tenant "shop" {
  program     = %q
  memory      = "16MiB"
  concurrency = 1
  debug {
    record   = "100%%"
    on_fault = true
    ring     = "4MiB"
  }
}
vhost "shop" {
  hosts   = ["shop.test"]
  tenant  = "shop"
  backend = "app"
}
`, addr, elf))
	return s, addr, elf
}

// fetchShop asks the shop, and returns the answer with its fields.
func fetchShop(ctx context.Context, addr, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+path, nil)
	if err != nil {
		return "", err
	}
	req.Host, req.Close = "shop.test", true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %v %s", resp.StatusCode, resp.Header, body), err
}

// TestWhatHappenedToThatRequest goes the way of an operator: from the client's
// answer to the log, to the recording, to a repetition on a desk.
func TestWhatHappenedToThatRequest(t *testing.T) {
	s, addr, _ := serveDebuggable(t)
	ctx := t.Context()
	said, err := fetchShop(ctx, addr, "/crash")
	if err != nil || !strings.HasPrefix(said, "503 ") {
		t.Fatal(said, err)
	}
	for _, secret := range []string{"secret_crash", "shop.c", "0x12", "pc"} {
		if strings.Contains(strings.ReplaceAll(said, "guest-fault", ""), secret) {
			t.Errorf("the client sees %q: %s", secret, said)
		}
	}
	line := s.WaitLine("of the fault", func(m map[string]any) bool { return m["cause"] == "guest-fault" })
	id, _ := line["request_id"].(string)
	if id == "" || !strings.Contains(said, "X-Request-Id:["+id+"]") {
		t.Errorf("the log calls the request %q, the client was told %s", id, said)
	}
	if d, _ := line["detail"].(string); !strings.Contains(d, "secret_crash") || !strings.Contains(d, "shop.c:15") {
		t.Errorf("detail is %q", line["detail"])
	}
	c := admin.NewClient(s.Socket)
	list, err := c.TenantRecords(ctx, "shop")
	if err != nil || len(list) != 1 || list[0].ID != id || list[0].Cause != "guest-fault" {
		t.Fatalf("%+v %v", list, err)
	}
	file, err := c.TenantRecord(ctx, "shop", id)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	r := desk.Replay{Recording: file, Trace: true, Stdout: &out, Stderr: &errs}
	status, err := r.Do(ctx)
	if err != nil || status != 0 || !strings.Contains(out.String(), "registers and bytes") || !strings.Contains(errs.String(), "LOG(") {
		t.Errorf("%d %v\n%s%s", status, err, out.String(), errs.String())
	}
	var lines []string
	if err := c.TenantLogs(ctx, "shop", false, 10, func(l tenant.Line) error {
		lines = append(lines, l.Level+" "+l.Text)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "info /crash") || !strings.Contains(text, "called from") || !strings.Contains(text, "on_recv") {
		t.Errorf("log is\n%s", text)
	}
	var api *admin.APIError
	if _, err := c.TenantRecord(ctx, "shop", "00"); !errors.As(err, &api) || api.Status != http.StatusNotFound {
		t.Errorf("an unknown request: %v", err)
	}
}

func TestProfileOfALiveTenant(t *testing.T) {
	s, addr, _ := serveDebuggable(t)
	c := admin.NewClient(s.Socket)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asking := make(chan struct{})
	go func() {
		defer close(asking)
		for ctx.Err() == nil {
			_, _ = fetchShop(ctx, addr, "/spin")
		}
	}()
	b, err := c.TenantProfile(ctx, "shop", time.Second)
	cancel()
	<-asking
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(b)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, sample := range p.Sample {
		f := sample.Location[0].Line
		if len(f) > 0 {
			counts[f[0].Function.Name] += sample.Value[0]
		}
	}
	if counts["spin"] == 0 || counts["spin"] < counts["on_recv"] {
		t.Errorf("counts are %v", counts)
	}
}

func TestLogsAreFollowed(t *testing.T) {
	s, addr, _ := serveDebuggable(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := fetchShop(ctx, addr, "/first"); err != nil {
		t.Fatal(err)
	}
	found := errors.New("found")
	err := admin.NewClient(s.Socket).TenantLogs(ctx, "shop", true, 1, func(l tenant.Line) error {
		switch l.Text {
		case "/second":
			return found
		case "/first": // of the past: from here on we follow
			_, err := fetchShop(ctx, addr, "/second")
			return err
		}
		return nil
	})
	if !errors.Is(err, found) {
		t.Error(err)
	}
}

// TestDebuggerGetsTheChosenRequest stops one request at its first instruction and
// at the program's own breakpoint, while others of the same tenant are answered,
// although it may serve one at a time only.
func TestDebuggerGetsTheChosenRequest(t *testing.T) {
	gdb, err := exec.LookPath("gdb-multiarch")
	if err != nil {
		t.Skip("gdb-multiarch is missing")
	}
	s, addr, elf := serveDebuggable(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	chosen := make(chan error, 1)
	go func() {
		far, err := admin.NewClient(s.Socket).TenantGDB(ctx, "shop", tenant.AttachOptions{Where: `path == "/break/me" && header("X-Debug") == null`})
		chosen <- err
		if err != nil {
			return
		}
		near, err := l.Accept()
		if err != nil {
			_ = far.Close()
			return
		}
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		_, _ = io.Copy(near, far)
		_ = near.Close()
	}()
	answered, held := make(chan string, 1), make(chan struct{})
	go func() {
		// The debugger may not wait yet: ask until one request is held. That one ends
		// after gdb was let in.
		for {
			said, err := fetchShop(ctx, addr, "/break/me")
			select {
			case <-held:
			default:
				if err == nil {
					continue
				}
			}
			answered <- fmt.Sprint(said, err)
			return
		}
	}()
	if err := <-chosen; err != nil {
		t.Fatal(err)
	}
	close(held)
	for range 3 {
		if said, err := fetchShop(ctx, addr, "/other"); err != nil || !strings.Contains(said, "spun") {
			t.Errorf("another request: %s %v", said, err)
		}
	}
	text, err := exec.CommandContext(ctx, gdb, "-nx", "-batch", "-ex", "set width 0", "-ex", "target remote "+l.Addr().String(),
		"-ex", "info symbol $pc", "-ex", "break spin", "-ex", "continue", "-ex", "info symbol $pc", "-ex", "continue", "-ex", "backtrace", "-ex", "print n", "-ex", "delete", "-ex", "continue", elf).CombinedOutput()
	if err != nil {
		t.Fatalf("gdb: %v\n%s", err, text)
	}
	for _, want := range []string{"on_recv in section", "SIGTRAP", "spin (n=n@entry=1000)", "shop.c", "$1 = 1000", "exited normally"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("gdb does not say %q:\n%s", want, text)
		}
	}
	if said := <-answered; !strings.Contains(said, "spun") {
		t.Errorf("the client got %s", said)
	}
	if _, err := admin.NewClient(s.Socket).TenantGDB(ctx, "shop", tenant.AttachOptions{Where: "path =="}); err == nil {
		t.Error("a bad expression was taken")
	}
}
