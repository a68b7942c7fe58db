package tenant

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKernelAnswers lets a guest go through the Linux calls and their errors.
func TestKernelAnswers(t *testing.T) {
	m := guestModel("kernel")
	m.Program = filepath.Join(t.TempDir(), "kernel.elf")
	out, err := exec.Command(cross(t, "riscv64-linux-gnu-gcc"), "-march=rv64gc", "-mabi=lp64d", "-O2", "-static", "-nostdlib",
		"-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie", "-Wall", "-Wextra", "-Werror", "-DFP_START",
		"-I../../sdk/c", "-I../../sdk/abi", "-Wl,-Ttext=0x120000,--build-id=none,-z,separate-code,-z,max-page-size=4096,-z,norelro",
		"../../test/guests/hosted/kernel.c", "-o", m.Program).CombinedOutput()
	if err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	tn := start(t, m)
	for range 2 {
		req := request("/")
		if _, f := recv(t, tn, req, ""); f != nil {
			t.Fatal(f)
		}
		for i := req.Header.FindFrom("X-Failed", 0); i >= 0; i = req.Header.FindFrom("X-Failed", i+1) {
			t.Errorf("%s", req.Header.Value(i))
		}
		if got := value(&req.Header, "X-Checked"); got != "70" {
			t.Errorf("%s checks were made", got)
		}
	}
	for arg, want := range map[string]string{"cwd": "no access to files or sockets", "pselect": "pselect is not implemented", "madvise": "memory advice 77"} {
		if _, f := recv(t, tn, request("/"), arg); f == nil || !strings.Contains(f.Error(), want) {
			t.Errorf("%s: %v", arg, f)
		}
	}
}
