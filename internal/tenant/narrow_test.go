package tenant

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"fishplate/internal/message"
)

// TestNarrow lets a 32-bit guest check what differs for it.
func TestNarrow(t *testing.T) {
	m := guestModel("narrow")
	m.Program = filepath.Join(t.TempDir(), "narrow.elf")
	m.Arguments = []string{"one"}
	out, err := exec.Command(cross(t, "riscv64-linux-gnu-gcc"), "-march=rv32gc", "-mabi=ilp32d", "-O2", "-static", "-nostdlib",
		"-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie", "-fno-builtin", "-Wall", "-Wextra", "-Werror", "-DFP_START",
		"-I../../sdk/c", "-I../../sdk/abi", "-Wl,-Ttext=0x120000,--build-id=none,-z,separate-code,-z,max-page-size=4096,-z,norelro",
		"../../test/guests/narrow/narrow.c", "-o", m.Program).CombinedOutput()
	if err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	tn := start(t, m)
	for range 2 {
		r := admit(t, tn)
		req := request("/")
		d, f := r.OnRecv(context.Background(), req, "blue")
		if f != nil {
			t.Fatal(f)
		}
		for i := req.Header.FindFrom("X-Failed", 0); i >= 0; i = req.Header.FindFrom("X-Failed", i+1) {
			t.Errorf("%s", req.Header.Value(i))
		}
		if got := value(&req.Header, "X-Checked"); got != "22" {
			t.Errorf("%s checks were made", got)
		}
		body, f := r.Forge(context.Background(), req, []byte("abc"), &message.Response{})
		if d.Kind != Forge || f != nil || string(body) != "narrow" {
			t.Errorf("%v %q %v", d.Kind, body, f)
		}
		r.Release()
	}
}
