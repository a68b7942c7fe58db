package linux

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fishplate/riscv"
)

// build compiles a C or C++ source for RV64 and returns the executable's path.
func build(t testing.TB, source string, flags ...string) string {
	t.Helper()
	tool, pkg := "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"
	if filepath.Ext(source) == ".cc" {
		tool, pkg = "riscv64-linux-gnu-g++", "g++-riscv64-linux-gnu"
	}
	if _, err := exec.LookPath(tool); err != nil {
		if testing.Short() {
			t.Skipf("%s is missing: install the package %s", tool, pkg)
		}
		t.Fatalf("%s is missing: install the package %s, or run with -short", tool, pkg)
	}
	out := filepath.Join(t.TempDir(), "program")
	args := append([]string{"-static", "-O2", "-o", out, source}, flags...)
	if msg, err := exec.Command(tool, append(args, "-lm")...).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", source, err, msg)
	}
	return out
}

// start loads the executable at path as a process.
func start(t testing.TB, path string, memory uint64, c Config) *Process {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	program, err := riscv.LoadProgram(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := riscv.NewMachine(program, MachineOptions(memory))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	p, err := New(m, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProgramRuns(t *testing.T) {
	var out, errs bytes.Buffer
	path := build(t, "../testdata/programs/classes.cc")
	p := start(t, path, 256<<20, Config{Args: []string{"classes"}, Stdout: &out, Stderr: &errs})
	status, err := p.Run(t.Context(), 0)
	if err != nil || status.Stopped != StoppedExit {
		t.Fatalf("stopped %+v %v, error %v", status, status.Exit.Fault, err)
	}
	cmd := exec.Command("qemu-riscv64", path)
	want, err := cmd.Output()
	if cmd.ProcessState == nil {
		t.Fatalf("run under qemu: %v", err)
	}
	if out.String() != string(want) || status.Code != cmd.ProcessState.ExitCode() {
		t.Errorf("exit %d, output %q, stderr %q; qemu %d %q", status.Code, &out, &errs, cmd.ProcessState.ExitCode(), want)
	}
}
