package tenant

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/internal/message"
)

// cross returns a cross compiler, or ends the test.
func cross(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err == nil {
		return path
	}
	if testing.Short() {
		t.Skipf("%s is missing: install gcc-riscv64-linux-gnu g++-riscv64-linux-gnu", tool)
	}
	t.Fatalf("%s is missing: install gcc-riscv64-linux-gnu g++-riscv64-linux-gnu", tool)
	return ""
}

// hosted builds a program against a static C library by the headers' recipes.
func hosted(t *testing.T, source string, args ...string) *Tenant {
	t.Helper()
	tool, std := "riscv64-linux-gnu-gcc", "-std=gnu17"
	if strings.HasSuffix(source, ".cpp") {
		tool, std = "riscv64-linux-gnu-g++", "-std=c++20"
	}
	m := guestModel("hosted")
	m.Program = filepath.Join(t.TempDir(), "guest.elf")
	m.Memory, m.Arguments, m.Instructions = 16<<20, args, 20_000_000 // the first throw sorts every frame

	out, err := exec.Command(cross(t, tool), std, "-march=rv64gc", "-mabi=lp64d", "-O2", "-static", "-Wall",
		"-Wl,-Ttext=0x120000", "-I../../sdk/cpp", "-I../../sdk/c", "-I../../sdk/abi", "-idirafter", "/usr/include",
		"../../test/guests/hosted/"+source, "-o", m.Program).CombinedOutput()
	if err != nil {
		t.Fatalf("compile %s: %v\n%s", source, err, out)
	}
	return start(t, m)
}

func TestHostedC(t *testing.T) {
	tn := hosted(t, "stdio.c", "first", "second")
	if lines := tn.Logs(); len(lines) != 2 || lines[0].Text != "hosted starts, mode storage, 3 arguments, 1" || lines[1].Text != "hosted starts, mode request, 3 arguments, 1" {
		t.Fatalf("log %v", lines)
	}
	for range 3 {
		req := request("/")
		if _, f := recv(t, tn, req, ""); f != nil {
			t.Fatal(f)
		}
		if got := value(&req.Header, "X-Stdio"); got != "first 99999 0.333" {
			t.Errorf("X-Stdio is %q", got)
		}
	}
}

func TestHostedCPP(t *testing.T) {
	tn := hosted(t, "strings.cpp")
	if lines := tn.Logs(); len(lines) != 2 || lines[1].Text != "ready 41" {
		t.Fatalf("log %v", lines)
	}
	req := request("/throw/12/345", "User-Agent: Go")
	if _, f := recv(t, tn, req, ""); f != nil {
		t.Fatal(f)
	}
	for name, want := range map[string]string{"X-Caught": "thrown /throw/12/345", "X-Digits": "/throw/<12>/<345>", "X-Agent": "Go"} {
		if got := value(&req.Header, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	r := admit(t, tn)
	defer r.Release()
	req = request("/page")
	if d, f := r.OnRecv(context.Background(), req, ""); f != nil || d.Kind != Forge {
		t.Fatal(d, f)
	}
	var resp message.Response
	body, f := r.Forge(context.Background(), req, nil, &resp)
	if f != nil || string(body) != "answer=42;" {
		t.Errorf("%q %v", body, f)
	}
	if _, f := recv(t, tn, request("/abort"), ""); f == nil || !strings.Contains(f.Error(), "signal 6") {
		t.Error(f)
	}
}

// TestCommittedGuestsAreTheirSources rebuilds every guest and compares what
// both do: compilers differ in bytes, not in behaviour.
func TestCommittedGuestsAreTheirSources(t *testing.T) {
	cross(t, "riscv64-linux-gnu-gcc")
	cross(t, "riscv64-linux-gnu-g++")
	dir := t.TempDir()
	if out, err := exec.Command("../../test/guests/build.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("build.sh: %v\n%s", err, out)
	}
	for _, name := range []string{"hello", "shop", "catalog", "terms", "loop", "crash", "hog", "secret", "inject"} {
		old, built := guestModel(name), guestModel(name)
		built.Program = filepath.Join(dir, name+".elf")
		if st, err := os.Stat(old.Program); err != nil || st.Size() > 100_000 {
			t.Errorf("%s: %v, or larger than 100 KB", name, err)
		}
		for _, path := range []string{"/", "/hello", "/teapot", "/old/x", "/api/product/7", "/admin", "/loop", "/crash", "/forge", "/item/3", "/news"} {
			want, got := behaviour(t, start(t, old), path), behaviour(t, start(t, built), path)
			if want != got {
				t.Errorf("%s %s: committed\n%s\nrebuilt\n%s", name, path, want, got)
			}
		}
	}
}

// behaviour tells all that can be seen of one request, addresses left out.
func behaviour(t *testing.T, tn *Tenant, path string) string {
	r := admit(t, tn)
	defer r.Release()
	var b strings.Builder
	req := request(path, "Cookie: beta=1")
	d, f := r.OnRecv(context.Background(), req, "x")
	if f != nil {
		return f.Cause
	}
	b.WriteString(d.Kind.String() + " " + d.Word + " " + string(req.Path) + fields(&req.Header))
	resp := message.Response{Status: 200}
	if d.Kind == Forge {
		body, f := r.Forge(context.Background(), req, nil, &resp)
		if f != nil {
			return b.String() + f.Cause
		}
		b.Write(body)
	}
	if f := r.OnDeliver(context.Background(), req, &resp); f != nil {
		return b.String() + f.Cause
	}
	return b.String() + fields(&resp.Header)
}

func fields(h *message.Header) string {
	var b strings.Builder
	for i := range h.Len() {
		b.WriteString("\n" + string(h.Name(i)) + ": " + string(h.Value(i)))
	}
	return b.String()
}
