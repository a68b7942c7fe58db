package riscv

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// engineFlag is for a run that must not fall back to the interpreter unnoticed.
var engineFlag = flag.String("engine", "", "what Machine.Engine must say; empty accepts anything")

// TestEngineIsThere checks which engine this test binary runs programs with.
func TestEngineIsThere(t *testing.T) {
	m := machine(t, []uint32{wStop}, nil)
	if got := m.Engine(); *engineFlag != "" && got != *engineFlag {
		t.Fatalf("engine is %q, not %q", got, *engineFlag)
	}
}

// armTests are the tests that do without compilers for guests.
var armTests = []string{
	"TestEngineIsThere", "TestEngines", "TestEdges", "TestPairs", "TestZeroBase", "TestFaultsArePrecise", "TestLimitIsAFault", "TestExits",
	"TestBudgetIsExact", "TestForksAreApart", "TestForksConcurrently", "TestCounters", "TestExecuteOnlyCode",
}

// TestArm64 builds this test binary for arm64 and runs it with qemu's user mode:
// the translator must compute there what the interpreter does. What an emulator
// cannot show: caches that are not coherent, and the order in which processors
// see each other's stores.
func TestArm64(t *testing.T) {
	if runtime.GOARCH == "arm64" || runtime.GOOS != "linux" {
		return // the tests themselves run where this one would have them run
	}
	out := runArm64(t, ".", "-engine", "jit arm64", "-test.run", "^("+strings.Join(armTests, "|")+")$",
		"-seed", fmt.Sprint(*seedFlag), "-programs", fmt.Sprint(programs(t, 120)))
	for _, name := range armTests {
		if !strings.Contains(out, "--- PASS: "+name+" ") {
			t.Errorf("%s did not run:\n%s", name, out)
		}
	}
	for _, line := range strings.Split(out, "\n") {
		if strings.Contains(line, "instructions") {
			t.Log(strings.TrimSpace(line))
		}
	}
	runArm64(t, "./jit")
}

// runArm64 builds the tests of a package for arm64, runs them in an emulator, and
// returns what they print.
func runArm64(t *testing.T, pkg string, args ...string) string {
	t.Helper()
	qemu, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		t.Fatalf("find qemu-aarch64 of qemu-user: %v", err)
	}
	binary := filepath.Join(t.TempDir(), "arm64.test")
	build := exec.Command("go", "test", "-c", "-o", binary, pkg)
	build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s for arm64: %v\n%s", pkg, err, out)
	}
	run := exec.Command(qemu, append([]string{binary, "-test.v"}, args...)...)
	run.Dir = pkg
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", run, err, out)
	}
	return string(out)
}
