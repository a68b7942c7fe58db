package program

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

var kit = fstest.MapFS{
	"abi/abi.h":       {Data: []byte("#define NUMBER 7\n")},
	"rust/Cargo.toml": {Data: []byte("[package]\nname = \"fishplate\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")},
	"rust/src/lib.rs": {Data: []byte(crate)},
	"go/go.mod.txt":   {Data: []byte("module fishplate.dev/sdk/go\n\ngo 1.21\n")},
	"go/sdk.go":       {Data: []byte("package fishplate\n\nfunc Number() int { return 7 }\n")},
	"c/fishplate.h":   {Data: []byte("#include \"abi.h\"\n")},
	"cpp/api.h":       {Data: []byte("#include \"fishplate.h\"\n#include <string>\n")},
	"cpp/ignored.txt": {Data: []byte("no header")},
}

// crate is the least that a program without the standard library needs.
const crate = `#![no_std]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo) -> ! {
	loop {}
}
pub fn number() -> i32 {
	7
}
`

// project writes files below a fresh folder.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, b *Builder, path string) *Result {
	t.Helper()
	r, err := b.Build(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(r.ELF), "\x7fELF") || r.ELF[18] != 243 {
		t.Fatalf("%s: no ELF file for RISC-V", path)
	}
	return r
}

func TestELFIsTakenAsItIs(t *testing.T) {
	dir := project(t, map[string]string{"x.elf": "any bytes"})
	r, err := New(filepath.Join(dir, "kept"), kit, nil).Build(t.Context(), filepath.Join(dir, "x.elf"))
	if err != nil || string(r.ELF) != "any bytes" || r.Form != ELF {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "kept")); err == nil {
		t.Error("a folder was made for nothing")
	}
}

// TestSourcesAreKept: nothing is compiled twice, and a change of any file that
// the compiler read is seen.
func TestSourcesAreKept(t *testing.T) {
	tests := []struct {
		name, program string
		files         map[string]string
		change        string // file to change
	}{
		{"c", "x.c", map[string]string{"x.c": "#include <fishplate.h>\n#include \"own.h\"\nint main(void){return NUMBER+OWN;}\n", "own.h": "#define OWN 1\n"}, "own.h"},
		{"c++", "x.cpp", map[string]string{"x.cpp": "#include <api.h>\nint main(){return std::string(\"x\").size()+NUMBER;}\n"}, "x.cpp"},
		{"go", ".", map[string]string{"go.mod": "module x\n\ngo 1.21\n", "main.go": "package main\n\nfunc main() { f() }\n", "sub/go.mod": "module y\n", "f.go": "package main\n\nfunc f() {}\n"}, "f.go"},
		{"rust", ".", map[string]string{
			"Cargo.toml":  "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nfishplate = \"0.1\"\n\n[profile.release]\npanic = \"abort\"\n",
			"src/main.rs": "#![no_std]\n#![no_main]\n#[no_mangle]\npub extern \"C\" fn _start() -> i32 {\n\tfishplate::number()\n}\n",
		}, "src/main.rs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := project(t, tt.files)
			compiled := 0
			b := New(t.TempDir(), kit, func(string, *Result) { compiled++ })
			path := filepath.Join(dir, tt.program)
			first := build(t, b, path)
			again := build(t, b, path)
			if compiled != 1 || !again.Cached || string(first.ELF) != string(again.ELF) || again.Compiler == "" {
				t.Errorf("compiled %d times, kept %v by %q", compiled, again.Cached, again.Compiler)
			}
			write(t, filepath.Join(dir, tt.change), tt.files[tt.change]+"\n// changed\n")
			if r := build(t, b, path); compiled != 2 || r.Cached {
				t.Errorf("a change of %s was not seen", tt.change)
			}
		})
	}
}

// TestNewFileOfProject: a file that is added to a project is seen.
func TestNewFileOfProject(t *testing.T) {
	dir := project(t, map[string]string{"go.mod": "module x\n\ngo 1.21\n\nreplace y => ../y\n", "main.go": "package main\n\nfunc main() {}\n"})
	b := New(t.TempDir(), kit, nil)
	build(t, b, dir)
	write(t, filepath.Join(dir, "more.go"), "package main\n\nfunc init() { println(1) }\n")
	if r := build(t, b, dir); r.Cached {
		t.Error("the new file was not seen")
	}
	write(t, filepath.Join(filepath.Dir(dir), "y", "go.mod"), "module y\n\ngo 1.21\n")
	if r := build(t, b, dir); r.Cached {
		t.Error("a file of a module on the same disk was not seen")
	}
}

func TestTrouble(t *testing.T) {
	dir := project(t, map[string]string{
		"bad.cpp":  "#include <api.h>\nint main() {\n\treturn nothing;\n}\n",
		"one.rs":   "fn main() {}\n",
		"empty/x":  "",
		"slow.cpp": "int main() {}\n",
	})
	b := New(t.TempDir(), kit, nil)
	for _, tt := range []struct{ program, want string }{
		{"bad.cpp", "bad.cpp:3:16: error: 'nothing' was not declared"},
		{"one.rs", "name the folder with its Cargo.toml"},
		{"empty", "is a folder without Cargo.toml or go.mod"},
		{"absent.c", "no such file"},
	} {
		_, err := b.Build(t.Context(), filepath.Join(dir, tt.program))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.program, err, tt.want)
		}
	}
	t.Setenv("PATH", "/nowhere")
	t.Setenv("RISCV_GCC_TRIPLE", "")
	if _, err := b.Build(t.Context(), filepath.Join(dir, "slow.cpp")); err == nil || !strings.Contains(err.Error(), "apt install g++-riscv64-linux-gnu") {
		t.Errorf("without a compiler: %v", err)
	}
}

// TestWarningsAreTold: what the compiler says of a program that it makes is
// kept with it.
func TestWarningsAreTold(t *testing.T) {
	dir := project(t, map[string]string{"x.c": "int main(void) {\n\tint unused;\n\treturn 0;\n}\n"})
	b := New(t.TempDir(), kit, nil)
	for range 2 {
		if r := build(t, b, filepath.Join(dir, "x.c")); !strings.Contains(r.Warnings, "x.c:2:13: warning: unused variable") {
			t.Errorf("warnings: %q", r.Warnings)
		}
	}
}

// TestDamagedKeptProgram: a file in the folder that is not what was written is
// not used.
func TestDamagedKeptProgram(t *testing.T) {
	dir, keep := project(t, map[string]string{"x.c": "int main(void) { return 0; }\n"}), t.TempDir()
	b := New(keep, kit, nil)
	path := filepath.Join(dir, "x.c")
	build(t, b, path)
	list, _ := filepath.Glob(filepath.Join(keep, "*.elf"))
	write(t, list[0], "torn")
	if r := build(t, b, path); r.Cached {
		t.Error("a torn file was used")
	}
}

// TestOldestGoes: the folder is bounded.
func TestOldestGoes(t *testing.T) {
	keep := t.TempDir()
	b := New(keep, kit, nil)
	for i := range kept + 3 {
		name := digest([]byte{byte(i), byte(i >> 8)})
		if err := b.keep(name, &entry{Path: name}, nil); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(time.Duration(i-2*kept) * time.Hour)
		_ = os.Chtimes(filepath.Join(keep, name+".json"), old, old)
	}
	list, _ := filepath.Glob(filepath.Join(keep, "*"))
	if len(list) != 2*kept {
		t.Errorf("%d files, want %d", len(list), 2*kept)
	}
}

// TestGoOffline: a project that names the SDK builds without the network and
// without a word about where the SDK is, or with a wrong one; nothing is written
// into it. A change of the SDK makes the program anew.
func TestGoOffline(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	const source = "package main\n\nimport fishplate \"fishplate.dev/sdk/go\"\n\nfunc main() { println(fishplate.Number()) }\n"
	const named = "module x\n\ngo 1.21\n\nrequire fishplate.dev/sdk/go v0.1.0\n"
	for name, manifest := range map[string]string{
		"named": named, "not named": "module x\n\ngo 1.21\n",
		"elsewhere": named + "\nreplace fishplate.dev/sdk/go => ../nowhere\n",
		"block":     named + "\nreplace (\n\tfishplate.dev/sdk/go v0.1.0 => /nowhere\n\ty => ./y\n)\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir, keep := project(t, map[string]string{"go.mod": manifest, "main.go": source}), t.TempDir()
			first := build(t, New(keep, kit, nil), dir)
			if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err != nil || string(text) != manifest {
				t.Errorf("go.mod became %q, %v", text, err)
			}
			if !build(t, New(keep, kit, nil), dir).Cached {
				t.Error("it was compiled twice")
			}
			other := maps.Clone(kit)
			other["go/sdk.go"] = &fstest.MapFile{Data: []byte("package fishplate\n\nfunc Number() int { return 8 }\n")}
			if r := build(t, New(keep, other, nil), dir); r.Cached || bytes.Equal(r.ELF, first.ELF) {
				t.Error("a change of the SDK was not seen")
			}
		})
	}
}

// TestGoOwnSDK: a project that has the SDK on its disk, as "guest sdk" lays it
// out, is compiled against that.
func TestGoOwnSDK(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	dir := project(t, map[string]string{
		"go.mod":  "module x\n\ngo 1.21\n\nrequire fishplate.dev/sdk/go v0.1.0\n\nreplace fishplate.dev/sdk/go => ./sdk/go\n",
		"main.go": "package main\n\nimport fishplate \"fishplate.dev/sdk/go\"\n\nfunc main() { println(fishplate.Own()) }\n",
	})
	own := fstest.MapFS{
		"go/go.mod.txt": kit["go/go.mod.txt"],
		"go/sdk.go":     {Data: []byte("package fishplate\n\nfunc Own() int { return 9 }\n")},
	}
	if err := Lay(own, filepath.Join(dir, "sdk")); err != nil {
		t.Fatal(err)
	}
	b := New(t.TempDir(), kit, nil)
	build(t, b, dir)
	write(t, filepath.Join(dir, "sdk/go/sdk.go"), "package fishplate\n\nfunc Own() int { return 10 }\n")
	if build(t, b, dir).Cached {
		t.Error("a change of the project's SDK was not seen")
	}
}
