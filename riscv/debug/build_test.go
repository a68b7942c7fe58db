package debug

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fishplate/riscv"
	"fishplate/riscv/linux"
)

// needTool returns the path of a program, or fails naming its Debian package.
func needTool(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if testing.Short() {
			t.Skipf("%s is missing: install the package %s", name, pkg)
		}
		t.Fatalf("%s is missing: install the package %s, or run with -short", name, pkg)
	}
	return path
}

// build compiles a program of testdata without a C library and returns its
// path. The sources are copied, so that their names in the debug information do
// not depend on where this is.
func build(t testing.TB, xlen int, source string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{source, "start.S"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-march=rv64gc", "-mabi=lp64d"}
	if xlen == 32 {
		args = []string{"-march=rv32imafdc_zicsr", "-mabi=ilp32d"}
	}
	args = append(args, "-static", "-nostdlib", "-ffreestanding", "-ffile-prefix-map="+dir+"=/src",
		"-o", "program", source, "start.S")
	cmd := exec.Command(needTool(t, "riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"), append(args, flags...)...)
	cmd.Dir = dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", source, err, msg)
	}
	return filepath.Join(dir, "program")
}

// buildStatic compiles a program with glibc, or with libstdc++.
func buildStatic(t testing.TB, source string, flags ...string) string {
	t.Helper()
	tool, pkg := "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"
	if strings.HasSuffix(source, ".cc") {
		tool, pkg = "riscv64-linux-gnu-g++", "g++-riscv64-linux-gnu"
	}
	path, err := filepath.Abs(filepath.Join("testdata", source))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "program")
	args := append([]string{"-static", "-o", out, path}, flags...)
	if msg, err := exec.Command(needTool(t, tool, pkg), args...).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", source, err, msg)
	}
	return out
}

// buildMovable compiles a position-independent program without a C library.
func buildMovable(t testing.TB, source string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command(needTool(t, "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"),
		"-static", "-Wl,-pie,--no-dynamic-linker", "-fPIE", "-nostdlib", "-ffreestanding", "-g", "-O1", "-o", out, source, "start.S")
	cmd.Dir = "testdata"
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", source, err, msg)
	}
	return out
}

// load reads an executable and what it tells about itself.
func load(t testing.TB, path string) (*riscv.Program, *Lines) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	program, err := riscv.LoadProgram(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := ReadLines(file)
	if err != nil {
		t.Fatal(err)
	}
	return program, lines
}

// start makes a process that writes to out.
func start(t testing.TB, program *riscv.Program, out *strings.Builder, args ...string) *linux.Process {
	t.Helper()
	m, err := riscv.NewMachine(program, linux.MachineOptions(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	p, err := linux.New(m, linux.Config{Args: append([]string{"program"}, args...), Stdout: out, Stderr: out, Seed: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
