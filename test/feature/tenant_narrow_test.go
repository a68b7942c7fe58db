package feature

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/test/harness"
)

// picolibc is where Debian's packages gcc-riscv64-unknown-elf and
// picolibc-riscv64-unknown-elf leave the C library for small machines.
const picolibc = "/usr/lib/picolibc/riscv64-unknown-elf"

// narrowProgram builds a 32-bit program with that library, by the recipe of
// sdk/c/fishplate_picolibc.h.
func narrowProgram(t *testing.T) string {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("riscv64-unknown-elf-gcc"); err != nil && testing.Short() {
		t.Skip("riscv64-unknown-elf-gcc is missing: install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf")
	}
	path := filepath.Join(t.TempDir(), "library.elf")
	out, err := exec.Command("riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-nostdlib", "-ftls-model=local-exec",
		"-isystem", picolibc+"/include", "-DFP_START", "-I"+root+"/sdk/c", "-I"+root+"/sdk/abi", "-Wl,-Ttext=0x120000,--build-id=none", root+"/test/guests/narrow/library.c",
		"-L"+picolibc+"/lib/release/rv32imac/ilp32", "-Wl,--start-group", "-lc", "-lgcc", "-Wl,--end-group", "-o", path).CombinedOutput()
	if err != nil {
		t.Fatalf("install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf: %v\n%s", err, out)
	}
	return path
}

// TestNarrowProgramWithALibrary runs a 32-bit program without floating-point
// registers, with malloc, printf and 64-bit numbers of its C library, translated
// and interpreted.
func TestNarrowProgramWithALibrary(t *testing.T) {
	program := narrowProgram(t)
	o := harness.NewOrigin(t, harness.Each(func(c net.Conn, r *http.Request) bool {
		words := r.Header.Get("X-Words")
		_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(words), words)
		return err == nil
	}))
	for _, jit := range []string{"auto", "off"} {
		t.Run(jit, func(t *testing.T) {
			addr := harness.FreeAddr(t)
			s := harness.Start(t, fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [%q] }\ntenant \"small\" {\n program = %q\n arguments = [\"good day\"]\n"+
				" memory = \"8MiB\"\n jit = %q\n storage { memory = \"1MiB\" }\n}\nvhost \"small\" {\n hosts = [\"small.test\"]\n tenant = \"small\"\n backend = \"app\"\n}\n", addr, o.Addr, program, jit))
			want := "good day 2 77 the body 9000000005 1285714286 1 1 1 1 apple,fig,pear\n"
			for range 3 {
				if resp, body := do(t, "POST", addr, "small.test", "/answer/me", "the body"); resp.StatusCode != 200 || body != want {
					t.Fatalf("%d %q, want %q", resp.StatusCode, body, want)
				}
			}
			if resp, body := do(t, "GET", addr, "small.test", "/one/two/three", ""); resp.StatusCode != 200 || body != "three two one 5" {
				t.Errorf("%d %q", resp.StatusCode, body)
			}
			out, _, _ := s.Run("tenant", "logs", "small")
			for _, want := range []string{"ready: good day 4", "asked for /answer/me, 20 bytes", "asked for /one/two/three, 24 bytes"} {
				if !strings.Contains(out, want) {
					t.Errorf("the log is without %q:\n%s", want, out)
				}
			}
			for path, words := range map[string]string{"/fault": "address 0x10", "/abort": "signal 6"} {
				if resp, _ := do(t, "GET", addr, "small.test", path, ""); resp.StatusCode != 503 {
					t.Errorf("%s: %d", path, resp.StatusCode)
				}
				line := s.WaitLine(path, func(m map[string]any) bool { return m["path"] == path })
				if detail := fmt.Sprint(line["detail"]); line["cause"] != "guest-fault" || !strings.Contains(detail, words) || path == "/fault" && !strings.Contains(detail, "on_recv") {
					t.Errorf("%s: %v", path, line)
				}
			}
		})
	}
}
